//! `utf8.offset(s, n [, i])`.

use std::ffi::c_int;

use super::{SUBJECT, position};
use crate::lua::cx::Cx;
use crate::lua::raw::{Came, HostFn, Outcome, Raise, Stack, continuation, guarded};
use crate::lua::stdlib::catalog::stock;
use crate::lua::stdlib::long::{STRETCH, is_long};
use crate::lua::stdlib::slots::{int, integer_or, len, set_int, set_len};
use crate::lua::utf8::is_continuation;

/// Characters that are left to walk: forward, backward, or to the beginning of this one.
const LEFT: c_int = 2;
/// Where the walk is, from 0 on.
const AT: c_int = 3;
const HEIGHT: c_int = 3;

/// Bytes that are looked at together.
const BLOCK: usize = 128;

pub(in crate::lua::stdlib) const OFFSET: HostFn =
    guarded!(pure is_long, offset, (stock().utf8_offset));

fn offset(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let subject = stack.bytes(SUBJECT).unwrap_or_default();
    let from = |n| integer_or(stack, AT, if n >= 0 { 1 } else { subject.len() as i64 + 1 });
    let Some((n, from)) = stack.to_integer(LEFT).and_then(|n| Some((n, from(n)?))) else {
        return Ok(Outcome::Nested(stock().utf8_offset)); // raises
    };
    let at = usize::try_from(position(from, subject.len()) - 1).unwrap_or(usize::MAX);
    let is_inside = |at: &usize| is_continuation_at(subject, *at);
    if at > subject.len() || n != 0 && is_inside(&at) {
        return Ok(Outcome::Nested(stock().utf8_offset)); // raises
    }
    stack.set_top(HEIGHT);
    // A walk forward begins at the first character.
    set_int(stack, LEFT, if n > 0 { n - 1 } else { n });
    set_len(stack, AT, at);
    if n == 0 && !is_inside(&at) || n == 1 {
        return found(stack);
    }
    walk(stack)
}

fn is_continuation_at(subject: &[u8], at: usize) -> bool {
    subject.get(at).copied().is_some_and(is_continuation)
}

fn go_on(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    walk(stack)
}

/// Walks over as many bytes as a stretch has, at least.
fn walk(stack: &Stack) -> Result<Outcome, Raise> {
    let subject = stack.bytes(SUBJECT).unwrap_or_default();
    let (mut left, mut at) = (int(stack, LEFT), len(stack, AT));
    let is_forward = left > 0;
    let goal = if is_forward { subject.len() } else { 0 };
    let mut n = 0;
    while n < STRETCH {
        if let Some(n_beginnings) = beginnings_ahead(subject, at, is_forward)
            && n_beginnings < left.unsigned_abs()
        {
            left -= left.signum() * n_beginnings as i64;
            at = if is_forward { at + BLOCK } else { at - BLOCK };
            n += BLOCK;
            continue;
        }
        if at == goal {
            return end(stack, left, at);
        }
        at = if is_forward { at + 1 } else { at - 1 };
        n += 1;
        if at == 0 || !is_continuation_at(subject, at) {
            left -= left.signum();
            if left == 0 {
                return end(stack, left, at);
            }
        }
    }
    set_int(stack, LEFT, left);
    set_len(stack, AT, at);
    Ok(Outcome::Pause(continuation!(go_on)))
}

/// How many characters begin in the block that comes next; `None` near the end of the walk.
fn beginnings_ahead(subject: &[u8], at: usize, is_forward: bool) -> Option<u64> {
    let block = if is_forward {
        subject.get(at + 1..at + 1 + BLOCK)?
    } else {
        subject.get(at.checked_sub(BLOCK + 1)? + 1..at)?
    };
    // A sum of bytes is what compilers make vector instructions of; it stays below 256.
    let n_continuations = block.iter().map(|byte| u8::from(is_continuation(*byte))).sum::<u8>();
    Some(BLOCK as u64 - u64::from(n_continuations))
}

/// The walk is over: at the character, or at an end of the string with characters left.
fn end(stack: &Stack, left: i64, at: usize) -> Result<Outcome, Raise> {
    if left != 0 {
        stack.push_nil();
        return Ok(Outcome::Return(1));
    }
    set_len(stack, AT, at);
    found(stack)
}

/// Stock Lua tells where the character at `AT` ends.
fn found(stack: &Stack) -> Result<Outcome, Raise> {
    set_int(stack, LEFT, 0);
    set_int(stack, AT, int(stack, AT) + 1);
    Ok(Outcome::Nested(stock().utf8_offset))
}
