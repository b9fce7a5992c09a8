//! When a service is started again: the restart policy, as a pure function of what happened.
//!
//! # Concepts
//! * **Row**: the restarts of one service that followed each other closely. A run that was stable
//!   ends it.
//!
//! # Invariants
//! * I1: the delay before restart n of a row is `initial_delay × backoff_factor^n`, at most
//!   `max_delay`, times 1 ± `jitter`.
//! * I2: a row has at most `max_attempts` restarts, unless that is 0.

use super::entry::{Lifecycle, Restart};
use crate::process::{Exit, Failure};

/// How a run of a service ended, as far as restarts care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Normally, with any value.
    Normal,
    /// By an error that says that trying again is of no use.
    Final,
    /// By any other failure.
    Failed,
}

impl End {
    pub(crate) fn of(exit: &Exit) -> Self {
        exit.error.as_ref().map_or(Self::Normal, Self::of_failure)
    }

    pub(crate) fn of_failure(failure: &Failure) -> Self {
        if failure.retryable == Some(false) { Self::Final } else { Self::Failed }
    }
}

/// What follows the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing; the service is done.
    Exited,
    /// Nothing; the service is done, and that is bad.
    ExitedBadly,
    /// A restart after so many nanoseconds.
    RestartIn(u64),
    /// Nothing: the row was too long.
    GaveUp,
}

/// The restart policy of one service, and how long its row is.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    restart: Restart,
    stable_threshold_ns: u64,
    n_restarts: u32,
}

impl Backoff {
    pub(crate) fn new(lifecycle: &Lifecycle) -> Self {
        let Lifecycle { restart, stable_threshold_ns, .. } = lifecycle;
        Self { restart: restart.clone(), stable_threshold_ns: *stable_threshold_ns, n_restarts: 0 }
    }

    /// The restarts of the row so far.
    pub(crate) fn n_restarts(&self) -> u32 {
        self.n_restarts
    }

    /// Decides what follows an end. `ran_ns` is how long the run was, none if the start itself
    /// failed; `random` is from 0 to 1.
    pub(crate) fn after(&mut self, end: End, ran_ns: Option<u64>, random: f64) -> Next {
        match end {
            End::Normal => return Next::Exited,
            End::Final => return Next::ExitedBadly,
            End::Failed => {}
        }
        if ran_ns.is_some_and(|ran_ns| ran_ns >= self.stable_threshold_ns) {
            self.n_restarts = 0;
        }
        if self.restart.max_attempts != 0 && self.n_restarts >= self.restart.max_attempts {
            return Next::GaveUp;
        }
        let delay_ns = self.delay_ns(random);
        self.n_restarts = self.n_restarts.saturating_add(1);
        Next::RestartIn(delay_ns)
    }

    /// I1.
    fn delay_ns(&self, random: f64) -> u64 {
        let Restart { initial_delay_ns, max_delay_ns, backoff_factor, jitter, .. } = self.restart;
        if initial_delay_ns == 0 {
            return 0;
        }
        let grown_ns = initial_delay_ns as f64 * backoff_factor.powf(f64::from(self.n_restarts));
        let spread = 1.0 + jitter * (2.0 * random - 1.0);
        (grown_ns.min(max_delay_ns as f64) * spread) as u64
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND_NS: u64 = 1_000_000_000;
    /// In the middle of the jitter.
    const MIDDLE: f64 = 0.5;

    fn backoff(change: impl FnOnce(&mut Lifecycle)) -> Backoff {
        let mut lifecycle = Lifecycle::default();
        change(&mut lifecycle);
        Backoff::new(&lifecycle)
    }

    fn delays_s(backoff: &mut Backoff, n: usize) -> Vec<u64> {
        let delay = |next| match next {
            Next::RestartIn(ns) => ns / SECOND_NS,
            other => panic!("{other:?}"),
        };
        (0..n).map(|_| delay(backoff.after(End::Failed, Some(0), MIDDLE))).collect()
    }

    #[test]
    fn delays_double_up_to_the_cap() {
        let expected = [1, 2, 4, 8, 16, 32, 64, 90, 90, 90];
        assert_eq!(delays_s(&mut backoff(|_| ()), 10), expected);
    }

    #[test]
    fn a_stable_run_ends_the_row() {
        let mut backoff = backoff(|_| ());
        assert_eq!(delays_s(&mut backoff, 3), [1, 2, 4]);
        let stable = backoff.after(End::Failed, Some(5 * SECOND_NS), MIDDLE);
        assert_eq!(stable, Next::RestartIn(SECOND_NS));
        let unstable = backoff.after(End::Failed, Some(5 * SECOND_NS - 1), MIDDLE);
        assert_eq!(unstable, Next::RestartIn(2 * SECOND_NS));
    }

    #[test]
    fn after_max_attempts_restarts_the_next_failure_is_final() {
        let mut backoff = backoff(|lifecycle| lifecycle.restart.max_attempts = 2);
        assert_eq!(delays_s(&mut backoff, 2), [1, 2]);
        assert_eq!(backoff.after(End::Failed, Some(0), MIDDLE), Next::GaveUp);
        let stable = backoff.after(End::Failed, Some(5 * SECOND_NS), MIDDLE);
        assert_eq!(stable, Next::RestartIn(SECOND_NS));
    }

    #[test]
    fn normal_and_final_ends_are_not_followed_by_a_restart() {
        assert_eq!(backoff(|_| ()).after(End::Normal, Some(0), MIDDLE), Next::Exited);
        assert_eq!(backoff(|_| ()).after(End::Final, None, MIDDLE), Next::ExitedBadly);
    }

    #[test]
    fn only_an_error_that_says_so_is_final() {
        let failure = |retryable| Failure { retryable, ..Failure::terminated() };
        assert_eq!(End::of_failure(&failure(None)), End::Failed);
        assert_eq!(End::of_failure(&failure(Some(true))), End::Failed);
        assert_eq!(End::of_failure(&failure(Some(false))), End::Final);
        assert_eq!(End::of(&Exit::default()), End::Normal);
    }

    proptest! {
        #[test]
        fn delays_stay_within_the_jitter_of_a_capped_power(
            initial_delay_ns in 0..=i64::MAX as u64,
            max_delay_ns in 0..=i64::MAX as u64,
            backoff_factor in 1.0_f64..1e6,
            jitter in 0.0_f64..=1.0,
            random in 0.0_f64..=1.0,
            n_restarts in 0_u32..2000,
        ) {
            let mut backoff = backoff(|lifecycle| {
                lifecycle.restart = Restart {
                    initial_delay_ns, max_delay_ns, backoff_factor, jitter, max_attempts: 0,
                };
            });
            backoff.n_restarts = n_restarts;
            let mut expected = initial_delay_ns as f64;
            for _ in 0..n_restarts {
                expected = (expected * backoff_factor).min(max_delay_ns as f64);
            }
            expected = expected.min(max_delay_ns as f64);
            let Next::RestartIn(delay_ns) = backoff.after(End::Failed, Some(0), random) else {
                return Err(TestCaseError::fail("no restart"));
            };
            let slack = expected * 1e-6 + 1.0;
            prop_assert!(delay_ns as f64 >= expected * (1.0 - jitter) - slack);
            prop_assert!(delay_ns as f64 <= expected * (1.0 + jitter) + slack);
        }
    }
}
