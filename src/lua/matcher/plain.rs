//! The search for a plain text, in steps like those of a match.
//!
//! The head of the text is looked for fast; where it is, the rest is compared. So no stretch gets
//! long, however long the text is, and a short text is all head.

use memchr::{memchr, memmem};

use super::{BYTES_PER_STEP, Progress};

/// As much of a text is looked for before the rest is compared.
const HEAD_MAX: usize = 64;
/// In so many bytes a search that needs no preparation is the fastest.
const SHORT: usize = 512;
/// What beginning to look for a head costs, in steps.
const SEARCH_STEPS: usize = 8;

/// A text and where it is looked for, and how far that is.
#[derive(Debug)]
pub(crate) struct PlainSearch<'a> {
    subject: &'a [u8],
    text: &'a [u8],
    /// The text begins nowhere before.
    at: usize,
    /// So many bytes of it are there; 0 for "not known".
    n_equal: usize,
}

impl<'a> PlainSearch<'a> {
    /// A search that goes on where another had come to, by [`PlainSearch::place`]. `(from, 0)` is
    /// a new one.
    pub(crate) fn new(
        subject: &'a [u8],
        text: &'a [u8],
        (at, n_equal): (usize, usize),
    ) -> PlainSearch<'a> {
        PlainSearch { subject, text, at, n_equal }
    }

    /// What there is to know of a search besides what it searches; after a match, the offset of the
    /// text comes first.
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.at, self.n_equal)
    }

    /// Goes on for as many steps as the budget has, and takes from it what it used.
    pub(crate) fn run(&mut self, budget: &mut usize) -> Progress {
        let Some(last) = self.subject.len().checked_sub(self.text.len()) else {
            return Progress::Failed;
        };
        while self.at <= last {
            if *budget == 0 {
                return Progress::OutOfBudget;
            }
            let bytes = budget.saturating_mul(BYTES_PER_STEP);
            *budget -= 1;
            if self.n_equal == 0 && !self.find_head(last, bytes, budget) {
                continue;
            }
            let rest = &self.text[self.n_equal..];
            let n = rest.len().min(bytes);
            let here = self.at + self.n_equal;
            *budget = budget.saturating_sub(n / BYTES_PER_STEP);
            if self.subject[here..here + n] != rest[..n] {
                self.at += 1;
                self.n_equal = 0;
                continue;
            }
            self.n_equal += n;
            if self.n_equal == self.text.len() {
                return Progress::Matched;
            }
        }
        Progress::Failed
    }

    /// Looks for the head at the next offsets, up to `last` and so many `bytes` from here.
    fn find_head(&mut self, last: usize, bytes: usize, budget: &mut usize) -> bool {
        let head = &self.text[..self.text.len().min(HEAD_MAX)];
        let end = last.min(self.at.saturating_add(bytes));
        let bytes = &self.subject[self.at..end + head.len()];
        let found =
            if bytes.len() <= SHORT { find_short(bytes, head) } else { memmem::find(bytes, head) };
        let n = found.unwrap_or(end + 1 - self.at);
        *budget = budget.saturating_sub(SEARCH_STEPS + n / BYTES_PER_STEP);
        self.at += n;
        if found.is_some() {
            self.n_equal = head.len();
        }
        found.is_some()
    }
}

fn find_short(bytes: &[u8], head: &[u8]) -> Option<usize> {
    let Some(&first) = head.first() else { return Some(0) };
    let mut at = 0;
    loop {
        at += memchr(first, &bytes[at..])?;
        if bytes[at..].starts_with(head) {
            return Some(at);
        }
        at += 1;
    }
}
