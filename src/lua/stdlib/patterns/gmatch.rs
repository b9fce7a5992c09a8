//! `string.gmatch`: an iterator whose state is one integer.
//!
//! Its upvalues are subject, pattern and **place**: the end of the match before, or, before the
//! first match, the offset to begin at, with all bits turned over.

use std::ffi::c_int;

use super::{PATTERN, STRETCH, known_texts, push_captures, raise, start, texts};
use crate::lua::cx::Cx;
use crate::lua::matcher::{Caret, Matcher, Progress};
use crate::lua::raw::{Came, Outcome, Raise, Stack, continuation, host};

/// Number of the upvalue, and slot in the iterator's frame.
const PLACE: c_int = PATTERN + 1;

/// `string.gmatch(s, pattern [, init])`.
pub(in crate::lua::stdlib) fn gmatch(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let (subject, _) = texts(stack)?;
    let from = start(stack, subject.len())?.min(subject.len() + 1);
    stack.set_top(PATTERN);
    stack.push_int(!(from as i64));
    stack.push_closure(host!(pure next), PLACE);
    Ok(Outcome::Return(1))
}

/// The iterator. Its arguments are those of a loop, which it has no use for.
fn next(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    stack.set_top(0);
    (1..=PLACE).for_each(|n| stack.push_upvalue(n));
    let (subject, pattern) = known_texts(stack);
    let place = stack.integer(PLACE).unwrap_or(0);
    let (from, last_end) = match usize::try_from(place) {
        Ok(end) => (end, Some(end)),
        Err(_) => (!place as usize, None),
    };
    if from > subject.len() {
        return Ok(Outcome::Return(0));
    }
    look(stack, &mut Matcher::new(subject, pattern, Caret::Literal, from, last_end))
}

#[inline(always)]
fn look(stack: &Stack, matcher: &mut Matcher<'_>) -> Result<Outcome, Raise> {
    match matcher.run(&mut { STRETCH }).map_err(raise)? {
        Progress::Failed => Ok(Outcome::Return(0)),
        Progress::OutOfBudget => {
            stack.set_top(PATTERN);
            stack.push_bytes(matcher.save());
            Ok(Outcome::Pause(continuation!(look_on)))
        }
        Progress::Matched => {
            let (_, end) = matcher.span();
            stack.push_int(end as i64);
            stack.set_upvalue(PLACE);
            let n = push_captures(stack, matcher, matcher.n_captures().max(1))?;
            Ok(Outcome::Return(n))
        }
    }
}

fn look_on(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    let (subject, pattern) = known_texts(stack);
    let state = stack.bytes(PLACE).unwrap_or_default();
    look(stack, &mut Matcher::restore(subject, pattern, Caret::Literal, state))
}
