//! Tracebacks as programs see them: without the functions of ours that every fiber starts with, and
//! without the Lua code of `table.sort`.

#![expect(unsafe_code, reason = "looks at the stack of another coroutine")]

use memchr::memmem;

use super::catalog::stock;
use crate::lua::boot::boot;
use crate::lua::cx::Cx;
use crate::lua::guard::guard;
use crate::lua::raw::{Came, HostFn, Outcome, Raise, Stack, continuation, host};

/// `debug.traceback`.
pub(crate) const TRACEBACK: HostFn = host!(traceback);

/// How a traceback shows a function of which nothing is known.
const UNKNOWN: &[u8] = b"\n\t[C]: in ?";
/// How a traceback shows hidden code. No code of a program is without lines.
const HIDDEN: &[u8] = b"\n\t?: in main chunk";
/// What stands between a message and the calls.
const HEADER: &[u8] = b"stack traceback:";

/// Pushes the traceback of the code that called the running host function.
pub(crate) fn push_traceback(stack: &Stack) {
    stack.push_traceback(stack, 1);
    drop_ours(stack, stack);
}

/// As stock. It may be the message handler of a process that is dying, and then does nothing.
fn traceback(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let message = if stack.thread(1).is_some() { 2 } else { 1 };
    if stack.universe().is_dying() || !stack.is_optional_text(message) {
        return Ok(Outcome::Nested(stock().traceback));
    }
    Ok(Outcome::Through(stock().traceback, continuation!(finish)))
}

fn finish(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    match stack.thread(1) {
        // SAFETY: the coroutine is an argument, so it lives.
        Some(of) => drop_ours(stack, &unsafe { Stack::new(of) }),
        None => drop_ours(stack, stack),
    }
    Ok(Outcome::Return(1))
}

/// Takes the functions under the program's own, and hidden code, off the traceback of `of` on top.
fn drop_ours(stack: &Stack, of: &Stack) {
    let Some(whole) = stack.bytes(-1) else { return };
    let mut rest = whole;
    for _ in 0..n_base_frames(of) {
        rest = rest.strip_suffix(UNKNOWN).unwrap_or(rest);
    }
    let mut text = Vec::with_capacity(rest.len());
    let (message, mut calls) = rest.split_at(memmem::rfind(rest, HEADER).unwrap_or(rest.len()));
    text.extend_from_slice(message);
    while let Some(at) = memmem::find(calls, HIDDEN) {
        text.extend_from_slice(&calls[..at]);
        calls = &calls[at + HIDDEN.len()..];
    }
    text.extend_from_slice(calls);
    if text.len() < whole.len() {
        stack.push_bytes(text);
        stack.replace(-2);
    }
}

/// How many calls of the stack, from the outermost on, are ours.
fn n_base_frames(of: &Stack) -> usize {
    let n = n_frames(of);
    let is = |at: i32, function: HostFn| {
        let found = if at < n && of.reserve(1) { of.function_at(n - 1 - at) } else { None };
        found.is_some_and(|found| std::ptr::fn_addr_eq(found, function))
    };
    match (is(0, guard), is(1, boot)) {
        (true, true) => 2,
        (true, false) => 1,
        _ => 0,
    }
}

/// The number of calls on the stack: to see whether a level exists costs its depth, so it is
/// searched for as Lua does.
fn n_frames(of: &Stack) -> i32 {
    let exists = |level| of.c_frame(level).is_some();
    let mut beyond = 1;
    while exists(beyond - 1) {
        beyond *= 2;
    }
    let mut below = beyond / 2;
    // All levels before `below` exist, level `beyond - 1` does not.
    while below + 1 < beyond {
        let middle = below + (beyond - below) / 2;
        if exists(middle - 1) { below = middle } else { beyond = middle }
    }
    below
}
