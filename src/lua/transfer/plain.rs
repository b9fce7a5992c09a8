//! Objects that cross because their Rust part is all there is to them: times, durations, locations.

use std::ffi::c_int;

use super::format::Bytes;
use crate::lua::raw::Stack;

/// How objects of one type cross.
#[derive(Debug)]
pub(crate) struct PlainType {
    /// The type's tag.
    pub(crate) tag: u32,
    /// Appends the Rust part of the object at an index, which is of this type.
    pub(crate) write: fn(&Stack, c_int, &mut Bytes),
    /// Pushes an equal object, or pushes nothing and gives `None` for bytes that `write` never made.
    pub(crate) read: fn(&Stack, &[u8]) -> Option<()>,
}

/// All of them.
pub(crate) const PLAIN_TYPES: &[PlainType] = &[
    // TIME, DURATION and LOCATION are listed here once their objects exist (`lua/api/time.rs`).
    #[cfg(test)]
    super::tests::PAIR,
];

pub(super) fn plain_type(tag: u32) -> Option<&'static PlainType> {
    PLAIN_TYPES.iter().find(|plain| plain.tag == tag)
}
