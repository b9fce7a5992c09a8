//! Blocks a worker until somebody has something for it, and wakes it for the price of one atomic
//! swap when it is not blocked at all.
//!
//! What the worker blocks in is the caller's business (its reactor; a condition variable in the
//! models). It must hold a token: a `wake` that comes first makes the next `wait` return at once.
//!
//! # State word
//! `AWAKE` (the worker runs), `PARKED` (it blocks or is about to), `NOTIFIED` (it was unparked and
//! has not noticed yet).
//!
//! # Invariants
//! * P1: only the worker leaves `AWAKE` for `PARKED`, and only the worker returns to `AWAKE`.
//! * P2: an unpark happens before the return of the park that it ends.
//! * P3: `wake` is called at most once for each time that the worker blocks.
//!
//! # Lost wake-up
//! The word is only swapped, so the unpark comes before or after the worker's step to `PARKED`.
//! Before: that step fails, the worker does not block. After: the unpark sees `PARKED` and calls
//! `wake`, whose token ends the wait even when it has not begun. A late token ends one later wait
//! too early, which the worker takes for an unpark without a reason: it looks around and parks.

use crate::sync::atomic::{AtomicU32, Ordering};

const AWAKE: u32 = 0;
const PARKED: u32 = 1;
const NOTIFIED: u32 = 2;

/// See the module.
#[derive(Debug)]
pub(super) struct Parker(AtomicU32);

impl Parker {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(AWAKE))
    }

    /// Owner only. Calls `wait` unless an unpark came first.
    pub(super) fn park(&self, wait: impl FnOnce()) {
        // Acquire on failure, and in the swap: pairs with the Release in `unpark` (P2).
        let parked = self.0.compare_exchange(AWAKE, PARKED, Ordering::AcqRel, Ordering::Acquire);
        if parked.is_ok() {
            wait();
        }
        self.0.swap(AWAKE, Ordering::AcqRel);
    }

    /// Any thread. Ends the current park, or the next; `wake` is called if there is one to end.
    pub(super) fn unpark(&self, wake: impl FnOnce()) {
        // Release: what was done before the unpark is seen after the park.
        if self.0.swap(NOTIFIED, Ordering::AcqRel) == PARKED {
            wake();
        }
    }
}
