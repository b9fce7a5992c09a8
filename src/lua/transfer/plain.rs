//! Objects that cross because their Rust part is all there is to them: times, durations, locations.

use std::ffi::c_int;

use super::format::Bytes;
use crate::civil::{Duration, Time, Zone};
use crate::lua::api::time::{self, Location, Moment, Span};
use crate::lua::raw::{Object, Stack};

/// How objects of one type cross.
#[derive(Debug)]
pub(super) struct PlainType {
    /// The type's tag.
    pub(super) tag: u32,
    /// Appends the Rust part of the object at an index, which is of this type.
    pub(super) write: fn(&Stack, c_int, &mut Bytes),
    /// Pushes an equal object, or pushes nothing and gives `None` for bytes that `write` never
    /// made.
    pub(super) read: fn(&Stack, &[u8]) -> Option<()>,
}

const PLAIN_TYPES: &[PlainType] = &[
    PlainType { tag: Moment::TAG, write: write_time, read: read_time },
    PlainType { tag: Span::TAG, write: write_duration, read: read_duration },
    PlainType { tag: Location::TAG, write: write_location, read: read_location },
];

pub(super) fn plain_type(tag: u32) -> Option<&'static PlainType> {
    PLAIN_TYPES.iter().find(|plain| plain.tag == tag)
}

fn write_time(stack: &Stack, index: c_int, out: &mut Bytes) {
    let Some(Moment(time)) = stack.object(index) else { return };
    out.extend_from_slice(&time.unix().to_le_bytes());
    out.extend_from_slice(&time.subsec_nanos().to_le_bytes());
    out.extend_from_slice(&time.zone().to_bytes());
}

fn read_time(stack: &Stack, bytes: &[u8]) -> Option<()> {
    let (unix, rest) = bytes.split_first_chunk()?;
    let (nanos, zone) = rest.split_first_chunk()?;
    let (unix, nanos) = (i64::from_le_bytes(*unix), u32::from_le_bytes(*nanos));
    let zone = Zone::from_bytes(zone)?;
    time::push_time(stack, Time::from_unix(unix, nanos.into(), zone));
    Some(())
}

fn write_duration(stack: &Stack, index: c_int, out: &mut Bytes) {
    let Some(Span(duration)) = stack.object(index) else { return };
    out.extend_from_slice(&duration.nanoseconds().to_le_bytes());
}

fn read_duration(stack: &Stack, bytes: &[u8]) -> Option<()> {
    let nanos = i64::from_le_bytes(bytes.try_into().ok()?);
    time::push_duration(stack, Duration::from_nanos(nanos));
    Some(())
}

fn write_location(stack: &Stack, index: c_int, out: &mut Bytes) {
    let Some(Location(zone)) = stack.object(index) else { return };
    out.extend_from_slice(&zone.to_bytes());
}

fn read_location(stack: &Stack, bytes: &[u8]) -> Option<()> {
    time::push_location(stack, Zone::from_bytes(bytes)?);
    Some(())
}
