//! `string.find` and `string.match`.

use std::ffi::c_int;

use super::{PATTERN, STRETCH, known_texts, push_captures, push_position, raise, start, texts};
use crate::lua::cx::Cx;
use crate::lua::matcher::{Caret, Matcher, PlainSearch, Progress, is_plain};
use crate::lua::raw::{Came, Outcome, Raise, Stack, continuation};

/// Where a match under way, or the first half of a plain search, is kept during a pause.
const STATE: c_int = PATTERN + 1;

/// `string.find(s, pattern [, init [, plain]])`.
pub(in crate::lua::stdlib) fn find(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let (subject, pattern) = texts(stack)?;
    let from = start(stack, subject.len())?;
    if from > subject.len() {
        return Ok(nothing(stack));
    }
    if stack.truthy(4) || is_plain(pattern) {
        return Ok(search(stack, PlainSearch::new(subject, pattern, (from, 0))));
    }
    look::<true>(stack, &mut Matcher::new(subject, pattern, Caret::Anchor, from, None))
}

/// `string.match(s, pattern [, init])`.
pub(in crate::lua::stdlib) fn match_(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let (subject, pattern) = texts(stack)?;
    let from = start(stack, subject.len())?;
    if from > subject.len() {
        return Ok(nothing(stack));
    }
    look::<false>(stack, &mut Matcher::new(subject, pattern, Caret::Anchor, from, None))
}

fn nothing(stack: &Stack) -> Outcome {
    stack.push_nil();
    Outcome::Return(1)
}

/// Goes on with a match; `FIND` tells which of the two functions wants it.
#[inline(always)]
fn look<const FIND: bool>(stack: &Stack, matcher: &mut Matcher<'_>) -> Result<Outcome, Raise> {
    match matcher.run(&mut { STRETCH }).map_err(raise)? {
        Progress::Failed => Ok(nothing(stack)),
        Progress::OutOfBudget => {
            stack.set_top(PATTERN);
            stack.push_bytes(matcher.save());
            let then = if FIND { continuation!(find_on) } else { continuation!(match_on) };
            Ok(Outcome::Pause(then))
        }
        Progress::Matched if FIND => {
            let (start, end) = matcher.span();
            push_position(stack, start);
            stack.push_int(end as i64);
            let n = push_captures(stack, matcher, matcher.n_captures())?;
            Ok(Outcome::Return(2 + n))
        }
        Progress::Matched => {
            let n = push_captures(stack, matcher, matcher.n_captures().max(1))?;
            Ok(Outcome::Return(n))
        }
    }
}

fn find_on(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    look::<true>(stack, &mut restored(stack))
}

fn match_on(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    look::<false>(stack, &mut restored(stack))
}

fn restored(stack: &Stack) -> Matcher<'_> {
    let (subject, pattern) = known_texts(stack);
    let state = stack.bytes(STATE).unwrap_or_default();
    Matcher::restore(subject, pattern, Caret::Anchor, state)
}

fn search(stack: &Stack, mut search: PlainSearch<'_>) -> Outcome {
    let progress = search.run(&mut { STRETCH });
    let (at, n_equal) = search.place();
    match progress {
        Progress::Failed => nothing(stack),
        Progress::OutOfBudget => {
            stack.set_top(PATTERN);
            stack.push_int(at as i64);
            stack.push_int(n_equal as i64);
            Outcome::Pause(continuation!(search_on))
        }
        Progress::Matched => {
            push_position(stack, at);
            stack.push_int((at + n_equal) as i64);
            Outcome::Return(2)
        }
    }
}

fn search_on(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    let (subject, text) = known_texts(stack);
    let part = |slot| stack.integer(slot).unwrap_or(0) as usize;
    Ok(search(stack, PlainSearch::new(subject, text, (part(STATE), part(STATE + 1)))))
}
