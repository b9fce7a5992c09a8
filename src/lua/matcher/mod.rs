//! Lua patterns over bytes, matched in steps: the matcher can stop after any step, be kept as a few
//! bytes, and go on later exactly where it was.
//!
//! Knows nothing of Lua values; `stdlib` makes `find`, `match`, `gmatch` and `gsub` of it.
//!
//! # Concepts
//! * **Item**: a part of a pattern that is matched on its own: one byte, class or set with its
//!   **suffix** (`*`, `+`, `-`, `?`), `%b`, `%f`, a back reference, a parenthesis.
//! * **Choice**: a place to go back to when the rest does not match, with what to try there.
//! * **Start**: where in the subject the match would begin. When there is no choice left, the next
//!   start is tried, unless the pattern is anchored.
//! * **Step**: what is done between two looks at the budget: an item, one return to a choice, or a
//!   stretch of a loop over bytes, which costs one step for each [`BYTES_PER_STEP`].
//!
//! # Invariants
//! * **P1** Between two steps all there is to know is in [`State`]. What is kept besides it (sets
//!   that were read, the first item) follows from the pattern, and is found again.
//! * **P2** A step is bounded by the budget that is left, except that reading a set takes as long
//!   as the set is.
//! * **P3** Each choice is one call of stock Lua's recursive matcher. So there are never more than
//!   [`CHOICES_MAX`], and a pattern is too complex exactly where it is for stock Lua.
//! * **P4** Faults show when the matcher gets to the place, not before. A short cut is taken only
//!   over items that have no fault.
//!
//! # Short cuts
//! * A pattern that begins with an item that takes a byte is tried only where that byte is.
//! * `x*` and `x-` with a plain byte behind them are left only where that byte is.

mod fault;
mod plain;
mod set;
mod state;
mod steps;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

pub(crate) use fault::Fault;
pub(crate) use plain::PlainSearch;
use set::Sets;
use state::{Doing, Extent, State};

/// As many captures may a pattern have.
pub(crate) const CAPTURES_MAX: usize = 32;
/// As many choices may be open at a time: one less than stock Lua's `MAXCCALLS`.
pub(crate) const CHOICES_MAX: usize = 199;
/// Loops over bytes are so much faster than other steps.
const BYTES_PER_STEP: usize = 16;

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// [`Matcher::span`] tells where.
    Matched,
    /// There is no match, at no start.
    Failed,
    /// There is more to do.
    OutOfBudget,
}

/// Whether a `^` at the beginning of a pattern is an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caret {
    Anchor,
    Literal,
}

/// What a capture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Captured<'a> {
    Bytes(&'a [u8]),
    /// An offset, from 0.
    Position(usize),
}

/// A pattern and a subject, and how far the match of the two is.
#[derive(Debug)]
pub(crate) struct Matcher<'a> {
    subject: &'a [u8],
    /// Without its anchor.
    pattern: &'a [u8],
    is_anchored: bool,
    /// The first item, when nothing can match that does not begin with a byte of it.
    first: Option<usize>,
    sets: Sets,
    state: State,
}

impl<'a> Matcher<'a> {
    /// A match of `pattern` that begins at `from` or, unless it is anchored, behind. `last_end` is
    /// where the match before ended.
    #[inline(always)]
    pub(crate) fn new(
        subject: &'a [u8],
        pattern: &'a [u8],
        caret: Caret,
        from: usize,
        last_end: Option<usize>,
    ) -> Matcher<'a> {
        debug_assert!(from <= subject.len());
        let doing = Doing::Seek;
        let (captures, choices) = (SmallVec::new(), SmallVec::new());
        let state =
            State { doing, start: from, last_end, s: from, p: 0, aux: 0, captures, choices };
        Matcher::with(subject, pattern, caret, state)
    }

    /// The match of these two that was saved as `bytes`.
    pub(crate) fn restore(
        subject: &'a [u8],
        pattern: &'a [u8],
        caret: Caret,
        bytes: &[u8],
    ) -> Matcher<'a> {
        Matcher::with(subject, pattern, caret, State::restore(bytes))
    }

    #[inline(always)]
    fn with(subject: &'a [u8], pattern: &'a [u8], caret: Caret, state: State) -> Matcher<'a> {
        let rest = pattern.strip_prefix(b"^").filter(|_| caret == Caret::Anchor);
        let mut matcher = Matcher {
            subject,
            pattern: rest.unwrap_or(pattern),
            is_anchored: rest.is_some(),
            first: None,
            sets: Sets::new(),
            state,
        };
        matcher.first = matcher.first_item();
        matcher
    }

    /// What [`Matcher::restore`] needs: at most some 7 KB.
    pub(crate) fn save(&self) -> Vec<u8> {
        self.state.save()
    }

    /// After a match: looks for the next, from the end of this one.
    pub(crate) fn go_on(&mut self) {
        let end = self.state.s;
        self.state.last_end = Some(end);
        self.begin(end, Doing::Seek);
    }

    pub(crate) fn is_anchored(&self) -> bool {
        self.is_anchored
    }

    /// First byte of the match and the one behind it.
    pub(crate) fn span(&self) -> (usize, usize) {
        (self.state.start, self.state.s)
    }

    pub(crate) fn n_captures(&self) -> usize {
        self.state.captures.len()
    }

    /// Capture `n` (from 0) of the match; the first is the whole match where there is none.
    #[inline]
    pub(crate) fn capture(&self, n: usize) -> Result<Captured<'a>, Fault> {
        let Some(capture) = self.state.captures.get(n) else {
            let (start, end) = self.span();
            return match n {
                0 => Ok(Captured::Bytes(&self.subject[start..end])),
                _ => Err(Fault::NoCapture(n + 1)),
            };
        };
        match capture.extent {
            Extent::Unfinished => Err(Fault::Unfinished),
            Extent::Position => Ok(Captured::Position(capture.start)),
            Extent::Len(len) => {
                Ok(Captured::Bytes(&self.subject[capture.start..capture.start + len]))
            }
        }
    }

    /// Goes on for as many steps as the budget has, and takes from it what it used.
    ///
    /// # Errors
    /// A fault of the pattern; the match is over then.
    pub(crate) fn run(&mut self, budget: &mut usize) -> Result<Progress, Fault> {
        while *budget > 0 {
            *budget -= 1;
            self.state.doing = match self.state.doing {
                Doing::Item => self.item(budget)?,
                Doing::Back => self.back(budget)?,
                Doing::Seek => self.seek(budget)?,
                Doing::Take => self.take(budget)?,
                Doing::Balance => self.balance(budget),
                Doing::Compare => self.compare(budget),
                Doing::Matched => return Ok(Progress::Matched),
                Doing::Failed => return Ok(Progress::Failed),
            };
        }
        match self.state.doing {
            Doing::Matched => Ok(Progress::Matched),
            Doing::Failed => Ok(Progress::Failed),
            _ => Ok(Progress::OutOfBudget),
        }
    }
}

/// Whether a pattern means nothing but itself.
pub(crate) fn is_plain(pattern: &[u8]) -> bool {
    !pattern.iter().any(|byte| {
        matches!(byte, b'^' | b'$' | b'*' | b'+' | b'?' | b'.' | b'(' | b'[' | b'%' | b'-')
    })
}
