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
use crate::lua::stdlib::access::{get_by, is_plain};
use crate::lua::stdlib::strings::use_messages;

/// Slots of the frame; those of the output are between.
const REPLACEMENT: c_int = 3;
const STATE: c_int = 6;

/// What a replacement costs besides the match, in steps.
const REPLACE_STEPS: usize = 4;
/// So many bytes are added in a step.
const BYTES_PER_STEP: usize = 32;
/// A replacement string of fewer bytes is looked through at once.
const SHORT: usize = if cfg!(any(test, fuzzing)) { 4 } else { 4096 };
/// For [`Gsub::expanded`]: no replacement is being expanded.
const WHOLE: usize = usize::MAX;

/// `string.gsub(s, pattern, repl [, n])`.
pub(in crate::lua::stdlib) fn gsub(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let (subject, pattern) = texts(stack)?;
    let n_max = optional_integer(stack, 4)?.unwrap_or(i64::MAX);
    if !matches!(stack.kind(REPLACEMENT), LuaType::String | LuaType::Function | LuaType::Table) {
        convert_replacement(stack)?;
    }
    // All slots of the output and the state are nil.
    stack.set_top(REPLACEMENT);
    stack.set_top(STATE);
    let mut gsub = Gsub::new(stack, subject, n_max.max(0) as u64);
    gsub.run(&mut Matcher::new(subject, pattern, Caret::Anchor, 0, None))
}

/// Numbers and error objects stand for their texts.
#[cold]
fn convert_replacement(stack: &Stack) -> Result<(), Raise> {
    use_messages(stack, REPLACEMENT);
    if let Some(text) = stack.number_text(REPLACEMENT) {
        stack.push_bytes(text);
        stack.replace(REPLACEMENT);
    }
    if stack.kind(REPLACEMENT) == LuaType::String {
        return Ok(());
    }
    let got = stack.type_name(REPLACEMENT);
    let what = format!("string/function/table expected, got {got}");
    Err(Raise::argument(stack, REPLACEMENT, &what))
}

/// What each match is replaced by.
#[derive(Clone, Copy)]
enum Replacement<'s> {
    /// A short text without `%`.
    Text(&'s [u8]),
    /// A text that may have places to fill in.
    Template(&'s [u8]),
    /// What the table has for the first capture.
    Table,
    /// The same, where the table has a metatable.
    Indexed,
    /// What the function gives for the captures.
    Function,
}

/// A call under way.
struct Gsub<'s> {
    stack: &'s Stack,
    subject: &'s [u8],
    replacement: Replacement<'s>,
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
    /// One that has not begun.
    #[inline(always)]
    fn new(stack: &'s Stack, subject: &'s [u8], left: u64) -> Gsub<'s> {
        let replacement = match stack.bytes(REPLACEMENT) {
            Some(text) if text.len() < SHORT && memchr(b'%', text).is_none() => {
                Replacement::Text(text)
            }
            Some(text) => Replacement::Template(text),
            None if stack.kind(REPLACEMENT) == LuaType::Function => Replacement::Function,
            None if is_plain(stack, REPLACEMENT) => Replacement::Table,
            None => Replacement::Indexed,
        };
        let output = Output::new(stack);
        Gsub { stack, subject, replacement, output, left, count: 0, copied: 0, expanded: WHOLE }
    }

    /// Takes up what was parked in the frame. Gives the two words of the caller.
    #[inline(always)]
    fn load(&mut self) -> (usize, usize) {
        let words = self.output.load();
        let word = |n: usize| words[n].get();
        (self.left, self.count, self.copied) = (word(0), word(1), word(2) as usize);
        (word(3) as usize, word(4) as usize)
    }

    /// Brings everything into the frame. The two words are for the caller.
    fn park(&mut self, one: usize, other: usize) -> Result<(), Raise> {
        let words: &[Cell<u64>] = self.output.park()?;
        let values = [self.left, self.count, self.copied as u64, one as u64, other as u64];
        words.iter().zip(values).for_each(|(word, value)| word.set(value));
        Ok(())
    }

    /// Replaces matches until there are none, or somebody else has to do something.
    #[inline(always)]
    fn run(&mut self, matcher: &mut Matcher<'s>) -> Result<Outcome, Raise> {
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

    #[cold]
    fn pause(&mut self, matcher: &Matcher<'s>) -> Result<Outcome, Raise> {
        self.stack.push_bytes(matcher.save());
        self.stack.replace(STATE);
        self.park(self.expanded, 0)?;
        Ok(Outcome::Pause(continuation!(go_on)))
    }

    /// Replaces a match, or says what has to be done for it.
    #[inline(always)]
    fn replace(&mut self, matcher: &Matcher<'s>, budget: &mut usize) -> Result<Next, Raise> {
        *budget = budget.saturating_sub(REPLACE_STEPS);
        match self.replacement {
            Replacement::Text(text) => self.insert(matcher, text, budget),
            Replacement::Template(template) => self.expand(matcher, template, budget),
            Replacement::Table => self.look_up(matcher, budget),
            Replacement::Indexed => self.index(matcher, budget),
            Replacement::Function => self.call(matcher).map(Next::Call),
        }
    }

    fn call(&self, matcher: &Matcher<'s>) -> Result<Outcome, Raise> {
        self.stack.push_value(REPLACEMENT);
        let n_args = push_captures(self.stack, matcher, matcher.n_captures().max(1))?;
        Ok(Outcome::Call { n_args, n_results: 1, then: continuation!(replaced) })
    }

    /// Gets the field of the first capture, as its metamethods want it.
    fn index(&mut self, matcher: &Matcher<'s>, budget: &mut usize) -> Result<Next, Raise> {
        let stack = self.stack;
        let key = matcher.capture(0).map_err(raise)?;
        let push_key = || push_capture(stack, key);
        let raw_get = || {
            push_key();
            stack.raw_get(-2);
            stack.kind(-1)
        };
        match get_by(stack, REPLACEMENT, raw_get, push_key, continuation!(replaced)) {
            Ok(()) => self.use_field(matcher, budget),
            Err(call) => Ok(Next::Call(call)),
        }
    }

    /// Gets the field of the first capture.
    fn look_up(&mut self, matcher: &Matcher<'s>, budget: &mut usize) -> Result<Next, Raise> {
        push_capture(self.stack, matcher.capture(0).map_err(raise)?);
        self.stack.raw_get(REPLACEMENT);
        self.use_field(matcher, budget)
    }

    /// The field on top stands for the match.
    fn use_field(&mut self, matcher: &Matcher<'s>, budget: &mut usize) -> Result<Next, Raise> {
        let (start, end) = matcher.span();
        let added = self.use_result(start, end)?;
        *budget = budget.saturating_sub(added / BYTES_PER_STEP);
        Ok(Next::Match)
    }

    /// The value on top, which is popped, stands for the match. Gives how many bytes were added.
    #[inline]
    fn use_result(&mut self, start: usize, end: usize) -> Result<usize, Raise> {
        let stack = self.stack;
        let value = stack.top();
        let text = match stack.bytes(value) {
            Some(text) => text,
            None => match convert_result(stack, value)? {
                Some(text) => text,
                None => {
                    stack.set_top(STATE);
                    return Ok(0);
                }
            },
        };
        let added = text.len() + start - self.copied;
        self.catch_up(start)?;
        self.output.add_value(value, text)?;
        self.copied = end;
        stack.set_top(STATE);
        Ok(added)
    }

    /// Adds the subject up to `end`.
    #[inline]
    fn catch_up(&mut self, end: usize) -> Result<(), Raise> {
        self.output.add(&self.subject[self.copied..end])?;
        self.copied = end;
        Ok(())
    }

    /// Adds the replacement string.
    #[inline(always)]
    fn insert(
        &mut self,
        matcher: &Matcher<'s>,
        text: &[u8],
        budget: &mut usize,
    ) -> Result<Next, Raise> {
        let (start, end) = matcher.span();
        *budget = budget.saturating_sub((text.len() + start - self.copied) / BYTES_PER_STEP);
        self.catch_up(start)?;
        self.output.add(text)?;
        self.copied = end;
        Ok(Next::Match)
    }

    /// Adds the replacement string with its captures filled in.
    fn expand(
        &mut self,
        matcher: &Matcher<'s>,
        template: &[u8],
        budget: &mut usize,
    ) -> Result<Next, Raise> {
        let (start, end) = matcher.span();
        let mut at = self.expanded;
        if at == WHOLE {
            let skipped = start - self.copied;
            *budget = budget.saturating_sub(skipped / BYTES_PER_STEP);
            self.catch_up(start)?;
            at = 0;
        }
        self.expanded = WHOLE;
        while let Some(n) = memchr(b'%', &template[at..]) {
            if *budget == 0 {
                self.expanded = at;
                return Ok(Next::Pause);
            }
            self.output.add(&template[at..at + n])?;
            let added = self.add_escape(matcher, template.get(at + n + 1).copied())?;
            *budget = budget.saturating_sub(1 + (n + added) / BYTES_PER_STEP);
            at += n + 2;
        }
        if at == 0 {
            self.output.add_value(REPLACEMENT, template)?;
        } else {
            self.output.add(&template[at..])?;
        }
        *budget = budget.saturating_sub((template.len() - at) / BYTES_PER_STEP);
        self.copied = end;
        Ok(Next::Match)
    }

    /// Adds what `%` and the byte behind it stand for in a replacement string.
    fn add_escape(&mut self, matcher: &Matcher<'s>, behind: Option<u8>) -> Result<usize, Raise> {
        let bytes = match behind {
            Some(b'%') => &b"%"[..],
            Some(b'0') => {
                let (start, end) = matcher.span();
                &self.subject[start..end]
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

    fn finish(&mut self) -> Result<Outcome, Raise> {
        if self.copied == 0 && self.output.is_empty() {
            // Perhaps nothing has changed; if all that did is an empty match at the beginning that
            // became nothing, the result is the subject too.
            self.stack.push_value(SUBJECT);
        } else {
            self.catch_up(self.subject.len())?;
            self.output.finish()?;
        }
        self.stack.push_int(self.count as i64);
        Ok(Outcome::Return(2))
    }
}

/// The text of a result that is no string: of a number. `nil` and `false` stand for the match as it
/// is.
fn convert_result(stack: &Stack, value: c_int) -> Result<Option<&[u8]>, Raise> {
    if let Some(text) = stack.number_text(value) {
        stack.push_bytes(text);
        stack.replace(value);
        return Ok(stack.bytes(value));
    }
    if stack.truthy(value) {
        let what = format!("invalid replacement value (a {})", stack.kind(value).name());
        return Err(Raise::Message(what));
    }
    Ok(None)
}

/// After a pause.
fn go_on(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    stack.set_top(STATE);
    let (subject, pattern) = known_texts(stack);
    let mut gsub = Gsub::new(stack, subject, 0);
    (gsub.expanded, _) = gsub.load();
    let state = stack.bytes(STATE).unwrap_or_default();
    gsub.run(&mut Matcher::restore(subject, pattern, Caret::Anchor, state))
}

/// After a call: its result is on top.
fn replaced(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    let (subject, pattern) = known_texts(stack);
    let mut gsub = Gsub::new(stack, subject, 0);
    let (start, end) = gsub.load();
    gsub.use_result(start, end)?;
    gsub.count_one();
    let mut matcher = Matcher::new(subject, pattern, Caret::Anchor, end, Some(end));
    if matcher.is_anchored() { gsub.finish() } else { gsub.run(&mut matcher) }
}
