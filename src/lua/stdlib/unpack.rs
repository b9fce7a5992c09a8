//! `table.unpack` of many elements, which gives way, and of tables whose metamethods may wait. A
//! few elements of a plain table are stock Lua's.
//!
//! # Invariants
//! * **U1** Above the first `HEIGHT` slots are the elements before key `NEXT`, and there is room
//!   for all others.

use std::ffi::c_int;

use super::access::{self, get, is_quiet, to_length};
use super::catalog::stock;
use super::slots::{int, integer_or, key_range, set_int};
use crate::lua::cx::Cx;
use crate::lua::raw::{Came, HostFn, LuaType, Outcome, Raise, Stack, continuation, guarded};

const LIST: c_int = 1;
const NEXT: c_int = 2;
const LAST: c_int = 3;
const HEIGHT: c_int = 3;

/// Slots that an access needs above the elements.
const ROOM: c_int = 8;

/// Elements of a stretch.
const PIECE: i64 = 1000;

/// `table.unpack(list [, i [, j]])`.
pub(super) const UNPACK: HostFn = guarded!(pure is_long, unpack, (stock().unpack));

fn is_long(stack: &Stack) -> bool {
    if stack.kind(LIST) != LuaType::Table || !is_quiet(stack, LIST) {
        return stack.top() > 0;
    }
    key_range(stack, LIST, NEXT, LAST)
        .is_some_and(|(first, last)| last.saturating_sub(first) >= PIECE)
}

fn unpack(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    if [NEXT, LAST].iter().any(|index| integer_or(stack, *index, 0).is_none()) {
        return Ok(Outcome::Nested(stock().unpack)); // raises
    }
    if stack.kind(LIST) != LuaType::Table && !access::has_metafield(stack, LIST, "__index") {
        return Ok(Outcome::Nested(stock().unpack)); // raises
    }
    stack.set_top(HEIGHT);
    match access::length(stack, LIST, continuation!(counted)) {
        Ok(len) => unpack_to(stack, len),
        Err(call) => Ok(call),
    }
}

fn counted(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    let len = to_length(stack)?;
    unpack_to(stack, len)
}

fn unpack_to(stack: &Stack, len: i64) -> Result<Outcome, Raise> {
    let first = integer_or(stack, NEXT, 1).unwrap_or(1);
    let last = integer_or(stack, LAST, len).unwrap_or(0);
    if first > last {
        return Ok(Outcome::Return(0));
    }
    let n = c_int::try_from(last.wrapping_sub(first) as u64).unwrap_or(c_int::MAX);
    if !stack.reserve(n.saturating_add(ROOM)) {
        return Err(Raise::Message("too many results to unpack".to_owned()));
    }
    set_int(stack, NEXT, first);
    set_int(stack, LAST, last);
    collect(stack)
}

fn go_on(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    collect(stack)
}

/// An element is on top.
fn got(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    let next = int(stack, NEXT);
    if next == int(stack, LAST) {
        return finish(stack);
    }
    set_int(stack, NEXT, next.wrapping_add(1));
    collect(stack)
}

/// Pushes elements, until a piece is full or a metamethod must be called.
fn collect(stack: &Stack) -> Result<Outcome, Raise> {
    let (first, last) = (int(stack, NEXT), int(stack, LAST));
    let end = last.min(first.saturating_add(PIECE - 1));
    for key in first..=end {
        if let Err(call) = get(stack, LIST, key, continuation!(got)) {
            set_int(stack, NEXT, key);
            return Ok(call);
        }
    }
    if end == last {
        return finish(stack);
    }
    set_int(stack, NEXT, end + 1);
    Ok(Outcome::Pause(continuation!(go_on)))
}

fn finish(stack: &Stack) -> Result<Outcome, Raise> {
    Ok(Outcome::Return(stack.top() - HEIGHT))
}
