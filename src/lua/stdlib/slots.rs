//! The frame of a host function as what it remembers between two stretches of a loop.

use std::ffi::c_int;

use crate::lua::raw::Stack;

/// The integer in a slot.
pub(super) fn int(stack: &Stack, slot: c_int) -> i64 {
    stack.integer(slot).unwrap_or(0)
}

/// Replaces the integer in a slot.
pub(super) fn set_int(stack: &Stack, slot: c_int, value: i64) {
    stack.push_int(value);
    stack.replace(slot);
}

/// The length or place in a slot.
pub(super) fn len(stack: &Stack, slot: c_int) -> usize {
    usize::try_from(int(stack, slot)).unwrap_or(0)
}

/// Replaces the length or place in a slot.
pub(super) fn set_len(stack: &Stack, slot: c_int, value: usize) {
    set_int(stack, slot, i64::try_from(value).unwrap_or(i64::MAX));
}

/// An optional integer argument as Lua's own functions take it; `None` for what is no integer.
pub(super) fn integer_or(stack: &Stack, index: c_int, default: i64) -> Option<i64> {
    if stack.is_nil(index) { Some(default) } else { stack.to_integer(index) }
}

/// The range of keys that two optional arguments give of the table at `list`, which calls no
/// function; `None` where one is no integer.
pub(super) fn key_range(
    stack: &Stack,
    list: c_int,
    first: c_int,
    last: c_int,
) -> Option<(i64, i64)> {
    let len = || Some(i64::try_from(stack.raw_len(list)).unwrap_or(i64::MAX));
    let last = if stack.is_nil(last) { len() } else { stack.to_integer(last) };
    integer_or(stack, first, 1).zip(last)
}

/// Drops all values but the `n` on top, which become the frame.
pub(super) fn keep_top(stack: &Stack, n: c_int) {
    stack.rotate(1, n);
    stack.set_top(n);
}
