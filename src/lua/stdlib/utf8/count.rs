//! `utf8.len(s [, i [, j [, lax]]])`.

use std::ffi::c_int;

use super::{CHARACTER_MAX, SUBJECT, position};
use crate::lua::cx::Cx;
use crate::lua::raw::{Came, HostFn, Outcome, Raise, Stack, continuation, guarded};
use crate::lua::stdlib::catalog::stock;
use crate::lua::stdlib::long::{STRETCH, is_long};
use crate::lua::stdlib::slots::{int, integer_or, len, set_int, set_len};
use crate::lua::utf8::is_continuation;

/// First and last byte of the piece; the frame's first four slots are always valid arguments of
/// the stock function.
const FIRST: c_int = 2;
const LAST: c_int = 3;
const LAX: c_int = 4;
/// The last byte of all.
const END: c_int = 5;
const COUNT: c_int = 6;
const HEIGHT: c_int = 6;

pub(in crate::lua::stdlib) const LEN: HostFn = guarded!(pure is_long, length, (stock().utf8_len));

fn length(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let n_bytes = stack.raw_len(SUBJECT);
    let place =
        |index, default| integer_or(stack, index, default).map(|place| position(place, n_bytes));
    let (Some(first), Some(last)) = (place(FIRST, 1), place(LAST, -1)) else {
        return Ok(Outcome::Nested(stock().utf8_len)); // raises
    };
    let n_bytes = n_bytes as i64;
    if !(1..=n_bytes + 1).contains(&first) || last > n_bytes || last < first {
        return Ok(Outcome::Nested(stock().utf8_len)); // raises, or counts nothing
    }
    stack.set_top(LAX);
    set_int(stack, FIRST, first);
    stack.push_int(last);
    stack.push_int(0);
    count(stack)
}

fn go_on(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    count(stack)
}

fn count(stack: &Stack) -> Result<Outcome, Raise> {
    let subject = stack.bytes(SUBJECT).unwrap_or_default();
    let end = len(stack, END);
    let mut last = end.min(len(stack, FIRST) + STRETCH - 1);
    let latest = end.min(last + CHARACTER_MAX);
    while last < latest && is_continuation(subject[last]) {
        last += 1;
    }
    set_len(stack, LAST, last);
    Ok(Outcome::Through(stock().utf8_len, continuation!(counted)))
}

/// The count of the piece is on top, or a false value and the place of an invalid byte.
fn counted(stack: &Stack, _: &mut Cx, came: Came) -> Result<Outcome, Raise> {
    let (Some(n), Came::Results(1)) = (stack.integer(-1), came) else {
        return Ok(Outcome::Return(2));
    };
    stack.set_top(HEIGHT);
    set_int(stack, COUNT, int(stack, COUNT) + n);
    if int(stack, LAST) == int(stack, END) {
        return Ok(Outcome::Return(1)); // the count of all
    }
    set_int(stack, FIRST, int(stack, LAST) + 1);
    Ok(Outcome::Pause(continuation!(go_on)))
}
