//! The steps of a match, each by what is to be done next: items, loops over bytes, and returns to
//! choices. The concepts and invariants are those of the [matcher](super).

use memchr::{memchr, memrchr};

use super::set::{ByteSet, CLASSES};
use super::state::{Capture, Choice, Doing, Extent, State};
use super::{BYTES_PER_STEP, CAPTURES_MAX, CHOICES_MAX, Fault, Matcher};

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

impl Matcher<'_> {
    /// The first item that takes a byte, if the pattern must begin with one that has no fault (P4).
    pub(super) fn first_item(&mut self) -> Option<usize> {
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

    pub(super) fn begin(&mut self, start: usize, doing: Doing) {
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
    pub(super) fn seek(&mut self, budget: &mut usize) -> Result<Doing, Fault> {
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
    pub(super) fn item(&mut self, budget: &mut usize) -> Result<Doing, Fault> {
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

    pub(super) fn balance(&mut self, budget: &mut usize) -> Doing {
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

    pub(super) fn compare(&mut self, budget: &mut usize) -> Doing {
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
    pub(super) fn take(&mut self, budget: &mut usize) -> Result<Doing, Fault> {
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
    pub(super) fn back(&mut self, budget: &mut usize) -> Result<Doing, Fault> {
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
