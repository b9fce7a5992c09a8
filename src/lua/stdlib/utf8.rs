//! `utf8.len` and `utf8.offset` of long strings; short ones are stock Lua's.
//!
//! Both walk from character to character. The pieces of `len` go to the stock function, and end in
//! front of a byte that begins a character, or behind so many that cannot be one that the piece is
//! invalid. `offset` looks only for bytes that begin characters, as the stock function does.

use std::ffi::c_int;

use super::catalog::stock;
use super::long::{STRETCH, is_long};
use super::slots::{int, integer_or, len, set_int, set_len};
use crate::lua::cx::Cx;
use crate::lua::raw::{Came, HostFn, Outcome, Raise, Stack, continuation, guarded};

const SUBJECT: c_int = 1;

/// Longer than any character.
const CHARACTER_MAX: usize = 8;

/// Whether a character goes on with this byte.
fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// The place that an argument names, from 1 on; negative ones count from the end.
fn position(argument: i64, len: usize) -> i64 {
    let len = len as i64;
    match argument {
        0.. => argument,
        _ if argument < -len => 0,
        _ => len + argument + 1,
    }
}

pub(super) use count::LEN;
pub(super) use walk::OFFSET;

mod count {
    //! `utf8.len(s [, i [, j [, lax]]])`.

    use super::*;

    /// First and last byte of the piece; the frame's first four slots are always valid arguments of
    /// the stock function.
    const FIRST: c_int = 2;
    const LAST: c_int = 3;
    const LAX: c_int = 4;
    /// The last byte of all.
    const END: c_int = 5;
    const COUNT: c_int = 6;
    const HEIGHT: c_int = 6;

    pub(in super::super) const LEN: HostFn = guarded!(pure is_long, length, (stock().utf8_len));

    fn length(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
        let n_bytes = stack.raw_len(SUBJECT);
        let place = |index, default| {
            integer_or(stack, index, default).map(|place| position(place, n_bytes))
        };
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
}

mod walk {
    //! `utf8.offset(s, n [, i])`.

    use super::*;

    /// Characters that are left to walk: forward, backward, or to the beginning of this one.
    const LEFT: c_int = 2;
    /// Where the walk is, from 0 on.
    const AT: c_int = 3;
    const HEIGHT: c_int = 3;

    pub(in super::super) const OFFSET: HostFn =
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

    /// Walks over as many bytes as a stretch has.
    fn walk(stack: &Stack) -> Result<Outcome, Raise> {
        let subject = stack.bytes(SUBJECT).unwrap_or_default();
        let (mut left, mut at) = (int(stack, LEFT), len(stack, AT));
        let is_forward = left > 0;
        for _ in 0..STRETCH {
            if at == if is_forward { subject.len() } else { 0 } {
                return end(stack, left, at);
            }
            at = if is_forward { at + 1 } else { at - 1 };
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
}
