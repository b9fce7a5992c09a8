//! `string.find`, `match`, `gmatch` and `gsub`: the [matcher](crate::lua::matcher) behind Lua's
//! stack.
//!
//! A call works for a stretch of [`STRETCH`] steps at a time. When there is more to do it keeps its
//! state as a string in its frame and pauses, so that others get their turn and a kill finds it.

#[cfg(any(test, fuzzing))]
mod check;
mod find;
mod gmatch;
mod gsub;
mod output;
#[cfg(test)]
mod tests;

use std::ffi::c_int;

use crate::lua::api::args::text_argument;
use crate::lua::matcher::{CAPTURES_MAX, Captured, Fault, Matcher};
use crate::lua::raw::{Raise, Stack};

#[cfg(any(test, fuzzing))]
pub use check::check_patterns;
pub(super) use find::{find, match_};
pub(super) use gmatch::gmatch;
pub(super) use gsub::gsub;

/// Steps between two pauses, some ten microseconds: the matcher goes over 16 bytes in one where it
/// has nothing else to do. Tests pause all the time.
const STRETCH: usize = if cfg!(any(test, fuzzing)) { 24 } else { 8192 };

/// The slots of subject and pattern in every frame.
const SUBJECT: c_int = 1;
const PATTERN: c_int = 2;

/// So many values fit on the stack besides those of a call.
const FEW: usize = 8;

/// Subject and pattern.
fn texts(stack: &Stack) -> Result<(&[u8], &[u8]), Raise> {
    Ok((text_argument(stack, SUBJECT)?, text_argument(stack, PATTERN)?))
}

/// Subject and pattern, when they were looked at before.
fn known_texts(stack: &Stack) -> (&[u8], &[u8]) {
    (stack.bytes(SUBJECT).unwrap_or_default(), stack.bytes(PATTERN).unwrap_or_default())
}

/// The offset that argument 3 of `find`, `match` and `gmatch` names: 1 is the first byte, -1 the
/// last. It may be behind the end.
fn start(stack: &Stack, len: usize) -> Result<usize, Raise> {
    let Some(position) = optional_integer(stack, 3)? else { return Ok(0) };
    let len = len as i64;
    let start = if position >= 0 { position - 1 } else { len.saturating_add(position) };
    Ok(start.max(0) as usize)
}

/// Argument `n`, which must be an integer if it is there.
fn optional_integer(stack: &Stack, n: c_int) -> Result<Option<i64>, Raise> {
    if stack.is_nil(n) {
        return Ok(None);
    }
    if let Some(value) = stack.to_integer(n) {
        return Ok(Some(value));
    }
    let what = if stack.is_numeric(n) {
        "number has no integer representation".to_owned()
    } else {
        format!("number expected, got {}", stack.type_name(n))
    };
    Err(Raise::argument(stack, n, &what))
}

/// Pushes a number that counts from 1.
fn push_position(stack: &Stack, offset: usize) {
    stack.push_int(offset as i64 + 1);
}

fn push_capture(stack: &Stack, captured: Captured<'_>) {
    match captured {
        Captured::Bytes(bytes) => stack.push_bytes(bytes),
        Captured::Position(offset) => push_position(stack, offset),
    }
}

/// Pushes the first `n` captures of a match.
fn push_captures(stack: &Stack, matcher: &Matcher<'_>, n: usize) -> Result<c_int, Raise> {
    // There is always room for a few.
    if n > FEW && !stack.reserve(CAPTURES_MAX as c_int + 4) {
        return Err(Raise::Message("stack overflow (too many captures)".to_owned()));
    }
    for n in 0..n {
        push_capture(stack, matcher.capture(n).map_err(raise)?);
    }
    Ok(n as c_int)
}

#[cold]
fn raise(fault: Fault) -> Raise {
    Raise::Message(fault.to_string())
}
