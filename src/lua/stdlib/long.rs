//! What the functions on long strings share: what is long, how much a stretch does, and a result
//! that is written in stretches.

use std::ffi::c_int;

use super::slots::{len, set_len};
use crate::lua::raw::{Continuation, Outcome, Raise, Stack};

/// Up to so many bytes are stock Lua's.
pub(super) const SHORT_MAX: usize = 1 << 14;

/// Bytes of a stretch.
pub(super) const STRETCH: usize = 1 << 16;

/// Where the result is, a blank, and how many of its bytes are written.
pub(super) const RESULT: c_int = 4;
const WRITTEN: c_int = 5;

/// Whether the first argument is a string that is not short.
pub(super) fn is_long(stack: &Stack) -> bool {
    stack.bytes(1).is_some_and(|subject| subject.len() > SHORT_MAX)
}

/// Begins a result of so many bytes; the slots below it stay.
pub(super) fn begin(stack: &Stack, n_bytes: usize) -> Result<(), Raise> {
    stack.set_top(RESULT - 1);
    if !stack.push_blank(n_bytes) {
        return Err(Raise::out_of_memory());
    }
    stack.push_int(0);
    Ok(())
}

/// How many bytes are written, and how many will be at the end of this stretch.
pub(super) fn stretch(stack: &Stack) -> (usize, usize) {
    stack.set_top(WRITTEN);
    let written = len(stack, WRITTEN);
    (written, stack.raw_len(RESULT).min(written + STRETCH))
}

/// The stretch has written the bytes before `end`: gives the result when these are all.
pub(super) fn end_stretch(stack: &Stack, end: usize, then: Continuation) -> Outcome {
    if end < stack.raw_len(RESULT) {
        set_len(stack, WRITTEN, end);
        return Outcome::Pause(then);
    }
    stack.set_top(RESULT);
    Outcome::Return(1)
}

/// Pushes the first `n` strings of the table at `pieces`, joined.
///
/// # Errors
/// `not enough memory`, before the whole is made.
pub(super) fn join(stack: &Stack, pieces: c_int, n: usize) -> Result<(), Raise> {
    let n = c_int::try_from(n).unwrap_or(c_int::MAX);
    if !stack.reserve(n.saturating_add(4)) {
        return Err(Raise::out_of_memory());
    }
    let mut total = 0usize;
    for n in 1..=i64::from(n) {
        stack.raw_get_int(pieces, n);
        total = total.saturating_add(stack.bytes(-1).map_or(0, <[u8]>::len));
    }
    if !stack.has_room(total) {
        return Err(Raise::out_of_memory());
    }
    stack.concat(n);
    Ok(())
}
