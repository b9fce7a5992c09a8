//! What the watcher of a pool looks at besides its workers: all that lives on it, piece by piece,
//! at a share of a processor that is bounded however much there is.
//!
//! # Invariants
//! * V1: a round begins no sooner than [`PERIOD_NS`] after the one before began, and each piece is
//!   followed by a pause [`PAUSE`] times as long as it took.
//! * V2: when all workers sleep, one more round begins after that and is completed. So nothing that
//!   happened before they slept is missed, and an idle pool is soon left alone.

use super::{Context, clock};

/// From the beginning of one round to that of the next, at least.
const PERIOD_NS: u64 = 100_000_000;

/// A piece takes one part in so many of the time: two percent of one processor.
const PAUSE: u64 = 50;

/// What is done on behalf of a pool, from time to time while its workers are awake.
pub trait Survey<T>: Send {
    /// Looks at a further piece, some hundred microseconds of work at most, since the workers are
    /// not watched meanwhile. True when a round is complete with it. No panic may leave it.
    fn piece(&mut self, cx: &dyn Context<T>) -> bool;
}

/// A survey, and when it goes on.
pub(super) struct Rounds<T> {
    survey: Box<dyn Survey<T>>,
    pace: Pace,
}

impl<T> Rounds<T> {
    pub(super) fn new(survey: Box<dyn Survey<T>>) -> Self {
        Self { survey, pace: Pace::default() }
    }

    /// Looks at the next piece, if it is time to.
    pub(super) fn go_on(&mut self, cx: &dyn Context<T>) {
        let now_ns = clock::monotonic_ns();
        if self.pace.is_due(now_ns) {
            let is_complete = self.survey.piece(cx);
            self.pace.took(now_ns, clock::monotonic_ns(), is_complete);
        }
    }

    /// A worker is awake.
    pub(super) fn disturb(&mut self) {
        self.pace.owed = Pace::OWED;
    }

    /// When to go on though all workers sleep; none if all was seen since.
    pub(super) fn owed_ns(&self) -> Option<u64> {
        (self.pace.owed > 0).then_some(self.pace.next_ns)
    }
}

#[derive(Debug, Default)]
struct Pace {
    /// When the current round began, if one is under way.
    began_ns: Option<u64>,
    /// When the next piece is due.
    next_ns: u64,
    /// Rounds to be completed before an idle pool is left alone (V2).
    owed: u8,
}

impl Pace {
    /// The one that may be under way, and a whole one.
    const OWED: u8 = 2;

    fn is_due(&self, now_ns: u64) -> bool {
        now_ns >= self.next_ns
    }

    /// A piece was looked at.
    fn took(&mut self, from_ns: u64, to_ns: u64, is_complete: bool) {
        let began_ns = *self.began_ns.get_or_insert(from_ns);
        self.next_ns = to_ns + PAUSE * to_ns.saturating_sub(from_ns);
        if is_complete {
            self.began_ns = None;
            self.next_ns = self.next_ns.max(began_ns + PERIOD_NS);
            self.owed = self.owed.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_rounds_come_once_in_a_period() {
        let mut pace = Pace::default();
        for now_ns in [7, 8, 20].map(|n| n * PERIOD_NS) {
            assert!(pace.is_due(now_ns));
            pace.took(now_ns, now_ns + 1_000, false);
            assert_eq!(pace.next_ns, now_ns + 51_000);
            pace.took(pace.next_ns, pace.next_ns + 1_000, true);
            assert_eq!(pace.next_ns, now_ns + PERIOD_NS);
        }
    }

    #[test]
    fn a_long_round_takes_its_share_and_no_more() {
        let mut pace = Pace::default();
        let (mut now_ns, mut spent_ns) = (PERIOD_NS, 0);
        let from_ns = now_ns;
        for n in 1..=300 {
            assert!(pace.is_due(now_ns));
            pace.took(now_ns, now_ns + 100_000, n % 100 == 0);
            spent_ns += 100_000;
            now_ns = pace.next_ns;
        }
        assert!(spent_ns * PAUSE <= now_ns - from_ns);
        assert!(spent_ns * (PAUSE + 2) >= now_ns - from_ns, "nor much less");
    }

    #[test]
    fn two_rounds_are_owed_to_a_pool_that_fell_asleep() {
        let mut pace = Pace { owed: Pace::OWED, ..Pace::default() };
        for owed in [2, 1, 0, 0] {
            assert_eq!(pace.owed, owed);
            pace.took(0, 1, false);
            assert_eq!(pace.owed, owed, "a piece is no round");
            pace.took(2, 3, true);
        }
    }
}
