//! Processes that have been parked for long, and do with less memory until they run again.
//!
//! # Protocol
//! A process that parks says so to its worker, once. From time to time the worker asks: it claims
//! the process, which makes it the owner for a moment (M1 of `mailbox`), and looks whether it has
//! run since it was asked before. What comes for the process meanwhile is queued; then it cannot be
//! parked again, and the worker schedules it.
//!
//! # Whom it pays for
//! To put a process to rest and to wake it up takes some 10 µs of work, mostly in the system, and
//! to ask it takes half of one. So a process that was woken soon after it went to rest has to be
//! parked for twice as long the next time, one that always runs is asked less often, and one with a
//! timer that is soon due stays as it is. A process that does something every second is soon left
//! alone; when it is idle for good, it still goes to rest, a little later.

use std::sync::Arc;

use super::body::Vacated;
use super::live::Process;
use super::pid::Serial;
use super::runtime::Runtime;
use crate::scheduler::{Context, Patience};

/// A rest that is shorter does not pay, in nanoseconds. In a debug build each of them does, so that
/// all tests run through them.
const PAYS_NS: u64 = if cfg!(debug_assertions) { 100 } else { 10_000_000_000 };

/// How long a worker that asks keeps new work waiting at most, but for the process that it asks
/// last.
const PIECE_NS: u64 = 100_000;

/// What a process remembers of its rests.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    knows: Knows,
    patience: Patience,
    /// When it went to rest last; 0 if it has not since it was asked before.
    rested_ns: u64,
}

/// What the worker knows of a process that parks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Knows {
    /// Nothing: it has not parked yet, or is at rest.
    #[default]
    Nothing,
    /// That it may rest. It has not run since it said so, or since it was asked.
    Parked,
    /// The same, but it has run.
    HasRun,
}

/// What a parked process answers when it is asked to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It does.
    Rests,
    /// It is to be asked again.
    Later(Patience),
    /// It will run before a rest could pay, and says then that it may rest.
    Runs,
}

impl Quiet {
    /// The process is about to park.
    #[inline]
    pub(super) fn waits(&mut self, task: &Process, cx: &dyn Context<Process>) {
        match self.knows {
            Knows::HasRun => {}
            Knows::Parked => self.knows = Knows::HasRun,
            Knows::Nothing => {
                let now_ns = if self.rested_ns == 0 { 0 } else { cx.now_ns() };
                cx.may_rest(task, self.introduce(now_ns));
            }
        }
    }

    /// Its first wait, or the first one after it was taken off the list; when to ask it.
    fn introduce(&mut self, now_ns: u64) -> Patience {
        if self.rested_ns != 0 {
            let was_short = now_ns.saturating_sub(self.rested_ns) < PAYS_NS;
            self.patience = if was_short { self.patience.doubled() } else { Patience::NONE };
        }
        self.knows = Knows::Parked;
        self.patience
    }

    /// The worker asks. `wakes_ns` is when the process will run again by itself.
    pub(super) fn is_asked(
        &mut self,
        now_ns: u64,
        wakes_ns: impl FnOnce() -> Option<u64>,
    ) -> Answer {
        if self.knows == Knows::HasRun {
            self.knows = Knows::Parked;
            // For one that always runs.
            let some = Patience::NONE.doubled().doubled();
            self.patience = self.patience.max(self.patience.doubled().min(some));
            return Answer::Later(self.patience);
        }
        self.knows = Knows::Nothing;
        if wakes_ns().is_some_and(|at_ns| at_ns < now_ns.saturating_add(PAYS_NS)) {
            self.rested_ns = 0;
            return Answer::Runs;
        }
        self.rested_ns = now_ns;
        Answer::Rests
    }
}

/// See [`Task::rest`](crate::scheduler::Task::rest).
pub(super) fn rest(
    runtime: &Runtime,
    keys: &mut Vec<u64>,
    cx: &dyn Context<Process>,
) -> Vec<(u64, Patience)> {
    let from_ns = cx.now_ns();
    let mut now_ns = from_ns;
    let mut vacated = Vacated::default();
    let mut claimed: Vec<Arc<Process>> = Vec::with_capacity(keys.len());
    let mut again = Vec::new();
    while now_ns - from_ns <= PIECE_NS
        && let Some(key) = keys.pop()
    {
        let Some(process) = runtime.table().get(Serial::from_raw(key)) else { continue };
        let Some(process) = process.arc().claim() else {
            // It runs, or is about to.
            again.push((key, Patience::NONE.doubled()));
            continue;
        };
        match process.rest(now_ns, &mut vacated) {
            Answer::Later(patience) => again.push((key, patience)),
            Answer::Rests => now_ns = cx.now_ns(),
            Answer::Runs => {}
        }
        claimed.push(process);
    }
    // They are not called before this is done.
    drop(vacated);
    for process in claimed {
        if let Err(process) = process.park() {
            let host = process.host().clone();
            cx.wake(host.pool(), process);
        }
    }
    again
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_not_run_goes_to_rest_when_it_is_asked() {
        let mut quiet = Quiet::default();
        assert_eq!(quiet.introduce(0), Patience::NONE);
        assert_eq!(quiet.is_asked(1, || None), Answer::Rests);
    }

    #[test]
    fn one_that_will_soon_run_by_itself_does_not() {
        let mut quiet = Quiet::default();
        quiet.introduce(0);
        assert_eq!(quiet.is_asked(1, || Some(PAYS_NS)), Answer::Runs);
        assert_eq!(quiet.introduce(2), Patience::NONE);
        assert_eq!(quiet.is_asked(2, || Some(2 + PAYS_NS)), Answer::Rests);
    }

    #[test]
    fn one_that_always_runs_is_asked_less_often() {
        let mut quiet = Quiet::default();
        quiet.introduce(0);
        let asked = [(); 4].map(|()| {
            quiet.knows = Knows::HasRun;
            quiet.is_asked(1, || None)
        });
        let once = Patience::NONE.doubled();
        let patience = [once, once.doubled(), once.doubled(), once.doubled()];
        assert_eq!(asked, patience.map(Answer::Later));
        assert_eq!(quiet.is_asked(1, || None), Answer::Rests);
    }

    #[test]
    fn short_rests_are_further_and_further_apart_and_a_long_one_makes_up_for_them() {
        let mut quiet = Quiet::default();
        let (mut now_ns, mut patience) = (1, Patience::NONE);
        quiet.introduce(now_ns);
        for _ in 0..20 {
            assert_eq!(quiet.is_asked(now_ns, || None), Answer::Rests);
            now_ns += PAYS_NS - 1;
            patience = patience.doubled();
            assert_eq!(quiet.introduce(now_ns), patience);
        }
        assert_eq!(quiet.is_asked(now_ns, || None), Answer::Rests);
        assert_eq!(quiet.introduce(now_ns + PAYS_NS), Patience::NONE);
    }
}
