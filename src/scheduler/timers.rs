//! One worker's timers: a wheel that its worker advances, any worker of the pool cancels in, and
//! whose next due time everybody can read without its lock.
//!
//! # Invariants
//! * W1: `next_ns` changes only under the lock, to what the wheel says; it is never later than the
//!   earliest timer.
//! * W2: no task is dropped or called under the lock, since either may come back to cancel.

use std::sync::Arc;

use crate::scheduler::TimerId;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};
use crate::wheel::{Expired, Key, Wheel};

/// `next_ns` when no timer waits.
pub(super) const NEVER_NS: u64 = u64::MAX;

/// Whom to tell, and what, when a timer is due.
pub(super) struct Alarm<T> {
    pub(super) task: Arc<T>,
    pub(super) token: u64,
}

/// See the module.
pub(super) struct Timers<T> {
    wheel: Mutex<Wheel<Alarm<T>>>,
    /// A hint for the watcher and for parking; exact for the owner, who inserts.
    next_ns: AtomicU64,
}

impl<T> Timers<T> {
    pub(super) fn new(now_ns: u64) -> Self {
        Self { wheel: Mutex::new(Wheel::new(now_ns)), next_ns: AtomicU64::new(NEVER_NS) }
    }

    /// The timer, and whether it made the wheel due earlier than before.
    pub(super) fn insert(&self, at_ns: u64, alarm: Alarm<T>) -> (Key, bool) {
        let mut wheel = self.lock();
        let key = wheel.insert(at_ns, alarm);
        (key, self.publish(&wheel))
    }

    /// The alarm, to be dropped by the caller (W2); none when it was taken before.
    pub(super) fn cancel(&self, id: TimerId) -> Option<Alarm<T>> {
        let mut wheel = self.lock();
        let alarm = wheel.cancel(id.key)?;
        self.publish(&wheel);
        Some(alarm)
    }

    /// Moves all that are due at `now_ns` to `due`, in order of their time.
    pub(super) fn take_due(&self, now_ns: u64, due: &mut Vec<Expired<Alarm<T>>>) {
        if self.next_ns() > now_ns {
            return;
        }
        let mut wheel = self.lock();
        wheel.advance(now_ns, due);
        self.publish(&wheel);
    }

    /// When to look for due timers next, [`NEVER_NS`] if there are none.
    pub(super) fn next_ns(&self) -> u64 {
        // Relaxed: who changed it for another worker to see unparks that worker afterwards.
        self.next_ns.load(Ordering::Relaxed)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Empties the wheel for good; what is returned is to be dropped by the caller (W2).
    pub(super) fn take_all(&self, now_ns: u64) -> Wheel<Alarm<T>> {
        let mut wheel = self.lock();
        let all = std::mem::replace(&mut *wheel, Wheel::new(now_ns));
        self.publish(&wheel);
        all
    }

    /// W1; whether the due time moved forward.
    fn publish(&self, wheel: &Wheel<Alarm<T>>) -> bool {
        let next_ns = wheel.next_ns().unwrap_or(NEVER_NS);
        let before_ns = self.next_ns.load(Ordering::Relaxed);
        self.next_ns.store(next_ns, Ordering::Relaxed);
        next_ns < before_ns
    }

    fn lock(&self) -> MutexGuard<'_, Wheel<Alarm<T>>> {
        self.wheel.lock().expect("nothing panics under this lock")
    }
}
