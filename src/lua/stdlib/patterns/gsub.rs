//! `string.gsub`. Its callbacks may wait and be interrupted.
//!
//! A replacement string is expanded here, and a field of a table without metamethods is read here.
//! Everything else is asked for through a continuation; between two calls all that must be
//! remembered is in the scratch block of the [output](super::output).
//!
//! # Invariants
//! * **G1** The result so far is the output and the subject from `copied` to where the next match
//!   begins.
//! * **G2** An empty match right behind the match before is none, as in stock Lua.

use std::cell::Cell;
use std::ffi::c_int;

use memchr::memchr;

use super::output::Output;
use super::{
    STRETCH, SUBJECT, known_texts, optional_integer, push_capture, push_captures, raise, texts,
};
use crate::lua::cx::Cx;
use crate::lua::matcher::{Captured, Caret, Matcher, Progress};
use crate::lua::raw::{Came, LuaType, Outcome, Raise, Stack, continuation};
use crate::lua::stdlib::access;
use crate::lua::stdlib::strings::use_messages;

/// Slots of the frame; those of the output are between.
const REPLACEMENT: c_int = 3;
const STATE: c_int = 6;

/// What a replacement costs besides the match, in steps.
const REPLACE_STEPS: usize = 4;
/// So many bytes are added in a step.
const BYTES_PER_STEP: usize = 32;
/// For [`Gsub::expanded`]: no replacement is being expanded.
const WHOLE: usize = usize::MAX;

/// `string.gsub(s, pattern, repl [, n])`.
pub(in crate::lua::stdlib) fn gsub(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    use_messages(stack, REPLACEMENT);
    let (subject, pattern) = texts(stack)?;
    let n_max = optional_integer(stack, 4)?.unwrap_or(i64::MAX);
    match stack.kind(REPLACEMENT) {
        LuaType::String | LuaType::Function | LuaType::Table => {}
        LuaType::Number => {
            let text = stack.number_text(REPLACEMENT).unwrap_or_default();
            stack.push_bytes(text);
            stack.replace(REPLACEMENT);
        }
        _ => {
            let got = stack.type_name(REPLACEMENT);
            let what = format!("string/function/table expected, got {got}");
            return Err(Raise::argument(stack, REPLACEMENT, &what));
        }
    }
    stack.set_top(STATE);
    (REPLACEMENT + 1..=STATE).for_each(|slot| {
        stack.push_nil();
        stack.replace(slot);
    });
    let gsub = Gsub {
        stack,
        output: Output::new(stack),
        left: n_max.max(0) as u64,
        count: 0,
        copied: 0,
        expanded: WHOLE,
    };
    gsub.run(&mut Matcher::new(subject, pattern, Caret::Anchor, 0, None))
}

/// A call under way.
struct Gsub<'s> {
    stack: &'s Stack,
    output: Output<'s>,
    /// How many replacements are still allowed.
    left: u64,
    /// Number of replacements that were made.
    count: u64,
    /// The output covers so much of the subject.
    copied: usize,
    /// How much of the replacement string is expanded for the match at hand, or [`WHOLE`].
    expanded: usize,
}

/// What comes next.
enum Next {
    /// The match after this one.
    Match,
    /// The same, where there is more to do than the budget allows.
    Pause,
    /// A call, whose result is the replacement.
    Call(Outcome),
}

impl<'s> Gsub<'s> {
    /// What was parked in this frame, and the match that was being replaced.
    fn load(stack: &'s Stack) -> (Gsub<'s>, usize, usize) {
        let words = stack.scratch(super::output::BLOCK).expect("parked in every call and pause");
        let word = |n: usize| words.words[super::output::OTHER + n].get();
        let gsub = Gsub {
            stack,
            output: Output::load(stack),
            left: word(0),
            count: word(1),
            copied: word(2) as usize,
            expanded: WHOLE,
        };
        (gsub, word(3) as usize, word(4) as usize)
    }

    /// Brings everything into the frame. The two words are for the caller.
    fn park(mut self, one: usize, other: usize) -> Result<(), Raise> {
        let words: &[Cell<u64>] = self.output.park()?;
        let values = [self.left, self.count, self.copied as u64, one as u64, other as u64];
        words.iter().zip(values).for_each(|(word, value)| word.set(value));
        Ok(())
    }

    /// Replaces matches until there are none, or somebody else has to do something.
    #[inline(always)]
    fn run(mut self, matcher: &mut Matcher<'s>) -> Result<Outcome, Raise> {
        let mut budget = STRETCH;
        while self.left > 0 {
            let next = match matcher.run(&mut budget).map_err(raise)? {
                Progress::Failed => break,
                Progress::OutOfBudget => Next::Pause,
                Progress::Matched => self.replace(matcher, &mut budget)?,
            };
            match next {
                Next::Match => {
                    self.count_one();
                    if matcher.is_anchored() {
                        break;
                    }
                    matcher.go_on();
                }
                Next::Pause => return self.pause(matcher),
                Next::Call(call) => {
                    let (start, end) = matcher.span();
                    self.park(start, end)?;
                    return Ok(call);
                }
            }
        }
        self.finish()
    }

    /// A match was replaced.
    #[inline(always)]
    fn count_one(&mut self) {
        self.left -= 1;
        self.count += 1;
    }

    fn pause(self, matcher: &Matcher<'s>) -> Result<Outcome, Raise> {
        self.stack.push_bytes(matcher.save());
        self.stack.replace(STATE);
        let expanded = self.expanded;
        self.park(expanded, 0)?;
        Ok(Outcome::Pause(continuation!(go_on)))
    }

    /// Replaces a match, or says what has to be done for it.
    #[inline(always)]
    fn replace(&mut self, matcher: &Matcher<'s>, budget: &mut usize) -> Result<Next, Raise> {
        *budget = budget.saturating_sub(REPLACE_STEPS);
        match self.stack.kind(REPLACEMENT) {
            LuaType::String => self.expand(matcher, budget),
            LuaType::Function => self.call(matcher).map(Next::Call),
            _ => self.look_up(matcher, budget),
        }
    }

    fn call(&self, matcher: &Matcher<'s>) -> Result<Outcome, Raise> {
        self.stack.push_value(REPLACEMENT);
        let n_args = push_captures(self.stack, matcher, matcher.n_captures().max(1))?;
        Ok(Outcome::Call { n_args, n_results: 1, then: continuation!(replaced) })
    }

    /// The replacement is a table, the key the first capture.
    fn look_up(&mut self, matcher: &Matcher<'s>, budget: &mut usize) -> Result<Next, Raise> {
        let stack = self.stack;
        let key = matcher.capture(0).map_err(raise)?;
        let push_key = || push_capture(stack, key);
        let raw_get = || {
            push_key();
            stack.raw_get(-2);
            stack.kind(-1)
        };
        let then = continuation!(replaced);
        if let Err(call) = access::get_by(stack, REPLACEMENT, raw_get, push_key, then) {
            return Ok(Next::Call(call));
        }
        let (start, end) = matcher.span();
        let added = self.use_result(start, end)?;
        *budget = budget.saturating_sub(added / BYTES_PER_STEP);
        Ok(Next::Match)
    }

    /// The value on top, which is popped, stands for the match. Gives how many bytes were added.
    fn use_result(&mut self, start: usize, end: usize) -> Result<usize, Raise> {
        let stack = self.stack;
        match stack.kind(-1) {
            LuaType::String => {}
            LuaType::Number => {
                let text = stack.number_text(-1).unwrap_or_default();
                stack.push_bytes(text);
            }
            _ if !stack.truthy(-1) => {
                stack.set_top(STATE);
                return Ok(0);
            }
            other => {
                let what = format!("invalid replacement value (a {})", other.name());
                return Err(Raise::Message(what));
            }
        }
        let value = stack.top();
        let len = stack.bytes(value).map_or(0, <[u8]>::len);
        let skipped = start - self.copied;
        self.catch_up(start)?;
        self.output.add_value(value)?;
        self.copied = end;
        stack.set_top(STATE);
        Ok(len + skipped)
    }

    /// Adds the subject up to `end`.
    #[inline]
    fn catch_up(&mut self, end: usize) -> Result<(), Raise> {
        let (subject, _) = known_texts(self.stack);
        self.output.add(&subject[self.copied..end])?;
        self.copied = end;
        Ok(())
    }

    /// Adds the replacement string with its captures filled in.
    fn expand(&mut self, matcher: &Matcher<'s>, budget: &mut usize) -> Result<Next, Raise> {
        let replacement = self.stack.bytes(REPLACEMENT).unwrap_or_default();
        let (start, end) = matcher.span();
        let mut at = self.expanded;
        if at == WHOLE {
            let skipped = start - self.copied;
            *budget = budget.saturating_sub(skipped / BYTES_PER_STEP);
            self.catch_up(start)?;
            at = 0;
        }
        self.expanded = WHOLE;
        while let Some(n) = memchr(b'%', &replacement[at..]) {
            if *budget == 0 {
                self.expanded = at;
                return Ok(Next::Pause);
            }
            self.output.add(&replacement[at..at + n])?;
            let added = self.add_escape(matcher, replacement.get(at + n + 1).copied())?;
            *budget = budget.saturating_sub(1 + (n + added) / BYTES_PER_STEP);
            at += n + 2;
        }
        if at == 0 {
            self.output.add_value(REPLACEMENT)?;
        } else {
            self.output.add(&replacement[at..])?;
        }
        *budget = budget.saturating_sub((replacement.len() - at) / BYTES_PER_STEP);
        self.copied = end;
        Ok(Next::Match)
    }

    /// Adds what `%` and the byte behind it stand for in a replacement string.
    fn add_escape(&mut self, matcher: &Matcher<'s>, behind: Option<u8>) -> Result<usize, Raise> {
        let bytes = match behind {
            Some(b'%') => &b"%"[..],
            Some(b'0') => {
                let (subject, _) = known_texts(self.stack);
                let (start, end) = matcher.span();
                &subject[start..end]
            }
            Some(digit @ b'1'..=b'9') => {
                match matcher.capture(usize::from(digit - b'1')).map_err(raise)? {
                    Captured::Bytes(bytes) => bytes,
                    Captured::Position(at) => {
                        self.output.add((at + 1).to_string().as_bytes())?;
                        return Ok(1);
                    }
                }
            }
            _ => {
                let text = "invalid use of '%' in replacement string";
                return Err(Raise::Message(text.to_owned()));
            }
        };
        self.output.add(bytes)?;
        Ok(bytes.len())
    }

    fn finish(mut self) -> Result<Outcome, Raise> {
        let (subject, _) = known_texts(self.stack);
        if self.copied == 0 && self.output.is_empty() {
            // Perhaps nothing has changed; if all that did is an empty match at the beginning that
            // became nothing, the result is the subject too.
            self.stack.push_value(SUBJECT);
        } else {
            self.catch_up(subject.len())?;
            self.output.finish()?;
        }
        self.stack.push_int(self.count as i64);
        Ok(Outcome::Return(2))
    }
}

/// After a pause.
fn go_on(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    stack.set_top(STATE);
    let (mut gsub, expanded, _) = Gsub::load(stack);
    gsub.expanded = expanded;
    let (subject, pattern) = known_texts(stack);
    let state = stack.bytes(STATE).unwrap_or_default();
    gsub.run(&mut Matcher::restore(subject, pattern, Caret::Anchor, state))
}

/// After a call: its result is on top.
fn replaced(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    let (mut gsub, start, end) = Gsub::load(stack);
    gsub.use_result(start, end)?;
    gsub.count_one();
    let (subject, pattern) = known_texts(stack);
    let mut matcher = Matcher::new(subject, pattern, Caret::Anchor, end, Some(end));
    if matcher.is_anchored() { gsub.finish() } else { gsub.run(&mut matcher) }
}
