//! How many processes live, counted without a line of memory that all workers write to: each thread
//! counts on a page of its own what begins and ends there.
//!
//! # Invariants
//! * **C1** A process is counted as begun before it can end.
//! * **C2** The ended are read before the begun. So whoever is counted as ended is counted as
//!   begun, too, and the sum is never less than the number of those that live all the time of the
//!   count; it is exact when nothing begins or ends meanwhile.
//!
//! # Protocol
//! Whoever waits for the last end announces that, then counts. Whoever ends a process notes the
//! end, then looks whether somebody waits, and if so counts. Both steps of both are in one total
//! order (sequentially consistent): either the one sees the announcement, or the other the end. So
//! it is with two ends: the later one counts both.

use std::sync::PoisonError;

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::striped::Striped;
use crate::sync::{Condvar, Mutex};

/// See the module.
pub(super) struct Census {
    pages: Striped<Page>,
    /// Whether somebody waits for the last end.
    is_awaited: AtomicBool,
    /// Whether nobody is to wait any more.
    given_up: Mutex<bool>,
    /// Signalled when the last process has ended.
    empty: Condvar,
}

#[derive(Default)]
struct Page {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Census {
    pub(super) fn new() -> Census {
        Census {
            pages: Striped::default(),
            is_awaited: AtomicBool::new(false),
            given_up: Mutex::new(false),
            empty: Condvar::new(),
        }
    }

    /// A process begins.
    pub(super) fn begin(&self) {
        // Relaxed: whoever ends it got it from this thread in a way that orders the two (C1).
        self.pages.own().begun.fetch_add(1, Ordering::Relaxed);
    }

    /// A process has ended.
    pub(super) fn end(&self) {
        // Release, for `n_live`: who counts the end sees what it did.
        self.pages.own().ended.fetch_add(1, Ordering::SeqCst);
        total_order();
        if self.is_awaited.load(Ordering::SeqCst) && self.n_live() == 0 {
            // The lock orders this against a waiter that has counted but does not sleep yet.
            drop(self.given_up.lock().unwrap_or_else(PoisonError::into_inner));
            self.empty.notify_all();
        }
    }

    /// How many live.
    pub(super) fn n_live(&self) -> usize {
        // C2. Acquire: the begun are read after; and who sees an end sees what it did.
        let ended: u64 = self.pages.iter().map(|page| page.ended.load(Ordering::SeqCst)).sum();
        let begun: u64 = self.pages.iter().map(|page| page.begun.load(Ordering::SeqCst)).sum();
        begun.saturating_sub(ended) as usize
    }

    /// Waits until no process lives, or those that do were given up.
    pub(super) fn wait_empty(&self) {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_awaited.store(true, Ordering::SeqCst);
        total_order();
        while !*given_up && self.n_live() > 0 {
            given_up = self.empty.wait(given_up).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends every [`Census::wait_empty`].
    pub(super) fn give_up(&self) {
        *self.given_up.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.empty.notify_all();
    }
}

/// Loom takes sequentially consistent accesses for weaker ones, but knows fences.
#[inline]
fn total_order() {
    #[cfg(loom)]
    crate::sync::atomic::fence(Ordering::SeqCst);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_begins_on_one_thread_may_end_on_another() {
        let census = Census::new();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..100).for_each(|_| census.begin()));
        });
        assert_eq!(census.n_live(), 100);
        std::thread::scope(|scope| {
            scope.spawn(|| (0..60).for_each(|_| census.end()));
            scope.spawn(|| (0..40).for_each(|_| census.end()));
            census.wait_empty();
        });
        assert_eq!(census.n_live(), 0);
    }

    #[test]
    fn who_waits_may_be_told_to_give_up() {
        let census = Census::new();
        census.begin();
        std::thread::scope(|scope| {
            scope.spawn(|| census.wait_empty());
            census.give_up();
        });
        assert_eq!(census.n_live(), 1);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;
    use crate::sync::striped::set_thread_number;

    /// Two threads that end a process each against one that waits for both: a lost wake-up shows as
    /// a deadlock.
    #[test]
    fn loom_who_waits_for_the_last_end_hears_of_it() {
        loom::model(|| {
            let census = Arc::new(Census::new());
            census.begin();
            census.begin();
            let ending: Vec<_> = (0..2)
                .map(|number| {
                    let census = census.clone();
                    thread::spawn(move || {
                        set_thread_number(number);
                        census.end();
                    })
                })
                .collect();
            census.wait_empty();
            assert_eq!(census.n_live(), 0);
            for thread in ending {
                thread.join().unwrap();
            }
        });
    }

    /// A process that spawns another before it ends: whoever counts never finds nobody.
    #[test]
    fn loom_a_count_never_misses_one_who_lives() {
        loom::model(|| {
            let census = Arc::new(Census::new());
            census.begin();
            let other = {
                let census = census.clone();
                thread::spawn(move || {
                    set_thread_number(1);
                    census.begin();
                    census.end();
                })
            };
            assert!(census.n_live() > 0);
            other.join().unwrap();
            assert_eq!(census.n_live(), 1);
        });
    }
}
