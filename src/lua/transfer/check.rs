//! The law that fuzzing holds the decoder to.

use std::ffi::c_int;

use super::{Malformed, decode, encode};
#[cfg(fuzzing)]
use crate::lua::api::testing::TestVm;
use crate::lua::raw::Stack;
use crate::process::Encoded;

/// Any bytes decode to as many values as they claim, which encode again, or they are refused.
///
/// # Panics
/// When they do something else.
#[cfg(fuzzing)]
pub fn check_bytes(data: &[u8]) {
    let Some((n_values, data)) = data.split_first() else { return };
    TestVm::new().with(|stack| check_encoding(stack, data, u32::from(*n_values % 4)));
}

pub(super) fn check_encoding(stack: &Stack, data: &[u8], n_values: u32) {
    let top = stack.top();
    let encoded = Encoded { data: data.iter().copied().collect(), n_values };
    match decode(stack, &encoded) {
        Ok(()) => {
            assert_eq!(stack.top() - top, n_values as c_int);
            encode(stack, top + 1..stack.top() + 1).expect("what was decoded can cross");
        }
        Err(Malformed) => assert_eq!(stack.top(), top),
    }
    stack.set_top(top);
}
