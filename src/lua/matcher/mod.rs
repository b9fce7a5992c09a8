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
mod saved;
mod set;
#[cfg(test)]
mod tests;

use memchr::{memchr, memrchr};
use smallvec::SmallVec;

pub(crate) use fault::Fault;
pub(crate) use plain::PlainSearch;
use set::{ByteSet, CLASSES, Sets};

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

/// All that changes during a match.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    doing: Doing,
    start: usize,
    /// The end of the match before; an empty match there is none.
    last_end: Option<usize>,
    /// Where in the subject, and where in the pattern.
    s: usize,
    p: usize,
    /// How deep `%b` is, or how far a back reference is compared.
    aux: usize,
    captures: SmallVec<[Capture; 6]>,
    choices: SmallVec<[Choice; 6]>,
}

/// What the next step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Look for the next start.
    Seek,
    /// Match the item at `p`.
    Item,
    /// Take more bytes for the choice on top, which is a [`Choice::Shrink`].
    Take,
    /// Look for the end of `%b`.
    Balance,
    /// Compare with an earlier capture.
    Compare,
    /// Return to the choice on top.
    Back,
    Matched,
    Failed,
}

impl Doing {
    /// In the order of their numbers.
    const ALL: [Doing; 8] = [
        Doing::Seek,
        Doing::Item,
        Doing::Take,
        Doing::Balance,
        Doing::Compare,
        Doing::Back,
        Doing::Matched,
        Doing::Failed,
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Capture {
    start: usize,
    extent: Extent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Unfinished,
    Position,
    Len(usize),
}

/// Where to go back to. `p` is where the pattern goes on, except for `Grow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// `x?` took a byte: do without it.
    Skip { s: usize, p: usize },
    /// `x*` took all up to `s`: give one back, but none before `min`.
    Shrink { s: usize, min: usize, p: usize },
    /// `x-`, the item at `p`, took all up to `s`: take one more.
    Grow { s: usize, p: usize },
    /// The last capture was opened.
    Open,
    /// Capture `n` was closed.
    Close { n: usize },
}

/// The bytes that an item stands for.
#[derive(Clone, Copy, Debug)]
enum Single {
    Any,
    Byte(u8),
    /// `%` and this byte.
    Class(u8),
    /// A place in [`Sets`].
    Set(usize),
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

    /// The first item that takes a byte, if the pattern must begin with one that has no fault (P4).
    fn first_item(&mut self) -> Option<usize> {
        let opens = self.pattern.iter().take(CAPTURES_MAX).take_while(|byte| **byte == b'(');
        let p = opens.count();
        if self.is_anchored || !self.is_single(p) {
            return None;
        }
        let (_, end) = self.single(p).ok()?;
        (!matches!(self.pattern.get(end), Some(b'*' | b'-' | b'?'))).then_some(p)
    }

    /// Whether the item at `p` is one byte, class or set.
    fn is_single(&self, p: usize) -> bool {
        match self.pattern.get(p) {
            None | Some(b'(' | b')') => false,
            Some(b'$') => p + 1 != self.pattern.len(),
            Some(b'%') => {
                !matches!(self.pattern.get(p + 1), None | Some(b'b' | b'f' | b'0'..=b'9'))
            }
            Some(_) => true,
        }
    }

    /// The byte at `p`, when nothing but that byte can be matched there.
    #[inline(always)]
    fn literal(&self, p: usize) -> Option<u8> {
        let byte = *self.pattern.get(p)?;
        if matches!(byte, b'(' | b')' | b'.' | b'[' | b'%' | b'$') {
            return None;
        }
        (!matches!(self.pattern.get(p + 1), Some(b'*' | b'-' | b'?'))).then_some(byte)
    }

    /// The bytes that the item at `p` stands for, and the offset of its suffix.
    #[inline(always)]
    fn single(&mut self, p: usize) -> Result<(Single, usize), Fault> {
        match self.pattern[p] {
            b'.' => Ok((Single::Any, p + 1)),
            b'%' => match self.pattern.get(p + 1) {
                Some(&letter) => Ok((Single::Class(letter), p + 2)),
                None => Err(Fault::EndsWithPercent),
            },
            b'[' => {
                let (place, end) = self.sets.read(self.pattern, p)?;
                Ok((Single::Set(place), end))
            }
            byte => Ok((Single::Byte(byte), p + 1)),
        }
    }

    /// Whether the byte at `s` is one of them; false at the end.
    #[inline(always)]
    fn takes(&self, single: Single, s: usize) -> bool {
        let Some(&byte) = self.subject.get(s) else { return false };
        match single {
            Single::Any => true,
            Single::Byte(own) => own == byte,
            Single::Class(letter) => CLASSES[usize::from(letter)].contains(byte),
            Single::Set(place) => self.sets.members(place).contains(byte),
        }
    }

    /// The end of a stretch over bytes from `from` on (P2).
    #[inline(always)]
    fn stretch_end(&self, from: usize, budget: usize) -> usize {
        let bytes = budget.saturating_add(1).saturating_mul(BYTES_PER_STEP);
        self.subject.len().min(from.saturating_add(bytes))
    }

    fn begin(&mut self, start: usize, doing: Doing) {
        let state = &mut self.state;
        (state.start, state.s, state.p, state.doing) = (start, start, 0, doing);
        state.captures.clear();
        state.choices.clear();
    }

    /// Adds a choice (P3).
    #[inline(always)]
    fn choose(&mut self, choice: Choice) -> Result<(), Fault> {
        if self.state.choices.len() == CHOICES_MAX {
            return Err(Fault::TooComplex);
        }
        self.state.choices.push(choice);
        Ok(())
    }

    /// Finds the next place where the pattern may match.
    fn seek(&mut self, budget: &mut usize) -> Result<Doing, Fault> {
        let from = self.state.start;
        let Some(first) = self.first else {
            self.begin(from, Doing::Item);
            return Ok(Doing::Item);
        };
        let (single, _) = self.single(first)?;
        let end = self.stretch_end(from, *budget);
        let bytes = &self.subject[from..end];
        let found = match single {
            Single::Any => (!bytes.is_empty()).then_some(0),
            Single::Byte(own) => memchr(own, bytes),
            Single::Class(letter) => find(&CLASSES[usize::from(letter)], bytes),
            Single::Set(place) => find(self.sets.members(place), bytes),
        };
        spend(budget, found.unwrap_or(bytes.len()));
        match found {
            Some(n) => {
                self.begin(from + n, Doing::Item);
                Ok(Doing::Item)
            }
            None if end == self.subject.len() => Ok(Doing::Failed),
            None => {
                self.state.start = end;
                Ok(Doing::Seek)
            }
        }
    }

    /// No match begins at this start.
    fn next_start(&mut self) -> Doing {
        let start = self.state.start;
        if self.is_anchored || start >= self.subject.len() {
            return Doing::Failed;
        }
        let doing = if self.first.is_some() { Doing::Seek } else { Doing::Item };
        self.begin(start + 1, doing);
        doing
    }

    /// The pattern is at its end.
    fn end(&mut self) -> Doing {
        if self.state.last_end == Some(self.state.s) { self.next_start() } else { Doing::Matched }
    }

    #[inline(always)]
    fn item(&mut self, budget: &mut usize) -> Result<Doing, Fault> {
        let p = self.state.p;
        let Some(&byte) = self.pattern.get(p) else { return Ok(self.end()) };
        match byte {
            b'(' => self.open(p + 1),
            b')' => self.close(p + 1),
            b'$' if p + 1 == self.pattern.len() => {
                Ok(if self.state.s == self.subject.len() { self.end() } else { Doing::Back })
            }
            b'%' => match self.pattern.get(p + 1) {
                Some(b'b') => self.begin_balance(p + 2),
                Some(b'f') => self.frontier(p + 2),
                Some(digit @ b'0'..=b'9') => self.begin_compare(usize::from(digit - b'0')),
                _ => self.repeated(p, budget),
            },
            _ => self.repeated(p, budget),
        }
    }

    fn open(&mut self, p: usize) -> Result<Doing, Fault> {
        if self.state.captures.len() == CAPTURES_MAX {
            return Err(Fault::TooManyCaptures);
        }
        let is_position = self.pattern.get(p) == Some(&b')');
        let extent = if is_position { Extent::Position } else { Extent::Unfinished };
        self.state.captures.push(Capture { start: self.state.s, extent });
        self.state.p = p + usize::from(is_position);
        self.choose(Choice::Open)?;
        Ok(Doing::Item)
    }

    fn close(&mut self, p: usize) -> Result<Doing, Fault> {
        let State { s, captures, .. } = &mut self.state;
        let open = captures.iter().rposition(|capture| capture.extent == Extent::Unfinished);
        let n = open.ok_or(Fault::NothingToClose)?;
        captures[n].extent = Extent::Len(*s - captures[n].start);
        self.state.p = p;
        self.choose(Choice::Close { n })?;
        Ok(Doing::Item)
    }

    /// The set behind `%f` is at `p`. Both ends of the subject count as a NUL.
    fn frontier(&mut self, p: usize) -> Result<Doing, Fault> {
        if self.pattern.get(p) != Some(&b'[') {
            return Err(Fault::MissingFrontierSet);
        }
        let (place, end) = self.sets.read(self.pattern, p)?;
        let members = self.sets.members(place);
        let s = self.state.s;
        let before = if s == 0 { 0 } else { self.subject[s - 1] };
        let here = self.subject.get(s).copied().unwrap_or(0);
        self.state.p = end;
        let is_frontier = !members.contains(before) && members.contains(here);
        Ok(if is_frontier { Doing::Item } else { Doing::Back })
    }

    /// The two bytes of `%b` are at `p`.
    fn begin_balance(&mut self, p: usize) -> Result<Doing, Fault> {
        if p + 2 > self.pattern.len() {
            return Err(Fault::MissingBalance);
        }
        if self.subject.get(self.state.s) != Some(&self.pattern[p]) {
            return Ok(Doing::Back);
        }
        self.state.s += 1;
        self.state.p = p;
        self.state.aux = 1;
        Ok(Doing::Balance)
    }

    fn balance(&mut self, budget: &mut usize) -> Doing {
        let (open, close) = (self.pattern[self.state.p], self.pattern[self.state.p + 1]);
        let from = self.state.s;
        let end = self.stretch_end(from, *budget);
        let mut depth = self.state.aux;
        let closed = self.subject[from..end].iter().position(|byte| {
            if *byte == close {
                depth -= 1;
            } else if *byte == open {
                depth += 1;
            }
            depth == 0
        });
        self.state.aux = depth;
        self.state.s = closed.map_or(end, |n| from + n + 1);
        spend(budget, self.state.s - from);
        match closed {
            Some(_) => {
                self.state.p += 2;
                Doing::Item
            }
            None if end == self.subject.len() => Doing::Back,
            None => Doing::Balance,
        }
    }

    /// The item at `p` is capture `n` (from 1) once more.
    fn begin_compare(&mut self, n: usize) -> Result<Doing, Fault> {
        let capture = n.checked_sub(1).and_then(|n| self.state.captures.get(n));
        match capture.map(|capture| capture.extent) {
            None | Some(Extent::Unfinished) => Err(Fault::NoCapture(n)),
            Some(Extent::Len(len)) if len <= self.subject.len() - self.state.s => {
                self.state.aux = 0;
                Ok(Doing::Compare)
            }
            Some(_) => Ok(Doing::Back),
        }
    }

    fn compare(&mut self, budget: &mut usize) -> Doing {
        let State { s, p, aux, ref captures, .. } = self.state;
        let capture = captures[usize::from(self.pattern[p + 1] - b'1')];
        let Extent::Len(len) = capture.extent else { return Doing::Back };
        let n = self.stretch_end(s + aux, *budget).min(s + len) - (s + aux);
        let (here, there) = (s + aux, capture.start + aux);
        spend(budget, n);
        if self.subject[here..here + n] != self.subject[there..there + n] {
            return Doing::Back;
        }
        self.state.aux += n;
        if self.state.aux < len {
            return Doing::Compare;
        }
        self.state.s += len;
        self.state.p += 2;
        Doing::Item
    }

    /// The item at `p` is one byte, class or set, perhaps with a suffix.
    #[inline(always)]
    fn repeated(&mut self, p: usize, budget: &mut usize) -> Result<Doing, Fault> {
        let (single, end) = self.single(p)?;
        let s = self.state.s;
        let suffix = self.pattern.get(end);
        if !self.takes(single, s) {
            if !matches!(suffix, Some(b'*' | b'?' | b'-')) {
                return Ok(Doing::Back);
            }
            self.state.p = end + 1;
            return Ok(Doing::Item);
        }
        match suffix {
            Some(b'*' | b'+') => {
                let min = s + usize::from(suffix == Some(&b'+'));
                self.choose(Choice::Shrink { s: s + 1, min, p: end + 1 })?;
                self.state.s = s + 1;
                self.state.p = p;
                return self.take_all(single, budget);
            }
            Some(b'-') => {
                self.choose(Choice::Grow { s, p })?;
                self.state.p = end + 1;
            }
            Some(b'?') => {
                self.choose(Choice::Skip { s, p: end + 1 })?;
                self.state.s = s + 1;
                self.state.p = end + 1;
            }
            _ => {
                self.state.s = s + 1;
                self.state.p = end;
            }
        }
        Ok(Doing::Item)
    }

    /// Goes on to take bytes for the item at `p`.
    fn take(&mut self, budget: &mut usize) -> Result<Doing, Fault> {
        let (single, _) = self.single(self.state.p)?;
        self.take_all(single, budget)
    }

    #[inline(always)]
    fn take_all(&mut self, single: Single, budget: &mut usize) -> Result<Doing, Fault> {
        let from = self.state.s;
        let end = self.stretch_end(from, *budget);
        let bytes = &self.subject[from..end];
        let n = match single {
            Single::Any => bytes.len(),
            Single::Byte(own) => span(bytes, |byte| byte == own),
            Single::Class(letter) => {
                let members = &CLASSES[usize::from(letter)];
                span(bytes, |byte| members.contains(byte))
            }
            Single::Set(place) => {
                let members = *self.sets.members(place);
                span(bytes, |byte| members.contains(byte))
            }
        };
        spend(budget, n);
        let taken = from + n;
        self.state.s = taken;
        if n == bytes.len() && taken < self.subject.len() {
            return Ok(Doing::Take);
        }
        if let Some(Choice::Shrink { s, p, .. }) = self.state.choices.last_mut() {
            *s = taken;
            self.state.p = *p;
        }
        Ok(Doing::Item)
    }

    /// Nothing matches from here: returns to the last choice.
    #[inline(always)]
    fn back(&mut self, budget: &mut usize) -> Result<Doing, Fault> {
        // There are few choices: what has no other way to go on is left in the same step.
        while let Some(&choice) = self.state.choices.last() {
            match choice {
                Choice::Shrink { s, min, p } if s > min => {
                    return Ok(self.give_back(s, min, p, budget));
                }
                Choice::Grow { s, p } => return self.grow(s, p, budget),
                Choice::Skip { s, p } => {
                    self.state.choices.pop();
                    (self.state.s, self.state.p) = (s, p);
                    return Ok(Doing::Item);
                }
                Choice::Shrink { .. } => {}
                Choice::Open => _ = self.state.captures.pop(),
                Choice::Close { n } => self.state.captures[n].extent = Extent::Unfinished,
            }
            self.state.choices.pop();
        }
        Ok(self.next_start())
    }

    /// `x*` gives back one byte, or as many as are needed to find what comes behind it.
    #[inline(always)]
    fn give_back(&mut self, s: usize, min: usize, p: usize, budget: &mut usize) -> Doing {
        let (at, doing) = match self.literal(p) {
            None => (s - 1, Doing::Item),
            Some(next) => {
                let bytes = budget.saturating_add(1).saturating_mul(BYTES_PER_STEP);
                let low = min.max(s.saturating_sub(bytes));
                // At the end of the subject there is no byte to look at.
                let found = memrchr(next, &self.subject[low..s]);
                spend(budget, s - low - found.unwrap_or(0));
                found.map_or((low, Doing::Back), |n| (low + n, Doing::Item))
            }
        };
        if let Some(Choice::Shrink { s, .. }) = self.state.choices.last_mut() {
            *s = at;
        }
        (self.state.s, self.state.p) = (at, p);
        doing
    }

    /// `x-`, the item at `p`, takes one byte more, or as many as are needed to find what comes
    /// behind it.
    #[inline(always)]
    fn grow(&mut self, from: usize, p: usize, budget: &mut usize) -> Result<Doing, Fault> {
        let (single, end) = self.single(p)?;
        let next = self.literal(end + 1);
        let mut at = from;
        let limit = self.stretch_end(from, *budget);
        let doing = loop {
            if !self.takes(single, at) {
                break None;
            }
            at += 1;
            match next {
                Some(byte) if self.subject.get(at) != Some(&byte) => {
                    if at >= limit {
                        break Some(Doing::Back);
                    }
                }
                _ => break Some(Doing::Item),
            }
        };
        spend(budget, at - from);
        let Some(doing) = doing else {
            self.state.choices.pop();
            return Ok(Doing::Back);
        };
        if let Some(Choice::Grow { s, .. }) = self.state.choices.last_mut() {
            *s = at;
        }
        (self.state.s, self.state.p) = (at, end + 1);
        Ok(doing)
    }
}

/// How many of the first bytes `are_taken`.
#[inline(always)]
fn span(bytes: &[u8], are_taken: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !are_taken(*byte)).unwrap_or(bytes.len())
}

/// The first byte that is a member.
#[inline(always)]
fn find(members: &ByteSet, bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| members.contains(*byte))
}

/// A loop went over `n` bytes.
#[inline(always)]
fn spend(budget: &mut usize, n: usize) {
    *budget = budget.saturating_sub(n / BYTES_PER_STEP);
}

/// Whether a pattern means nothing but itself.
pub(crate) fn is_plain(pattern: &[u8]) -> bool {
    !pattern.iter().any(|byte| {
        matches!(byte, b'^' | b'$' | b'*' | b'+' | b'?' | b'.' | b'(' | b'[' | b'%' | b'-')
    })
}
