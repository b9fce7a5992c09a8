//! The slot for the task that was woken last: it runs next, while what it was sent is in the cache.
//!
//! A slot that always wins would let two tasks that wake each other starve the queue behind them
//! (invariant L1: after [`RUNS_MAX`] runs out of the slot in a row, the queue has its turn).
//!
//! The slot is the worker's own, so a message hop through it costs no atomic operation. The price:
//! a task in it waits for the end of the current turn, that is at most for a slice, even when
//! another worker is idle. A turn that outlives its slice empties the slot (`Context::hand_over`).

use std::cell::Cell;
use std::sync::Arc;

/// How many tasks run out of the slot in a row before the queue gets its turn.
pub(super) const RUNS_MAX: u32 = 8;

/// See the module.
pub(super) struct LifoSlot<T> {
    task: Cell<Option<Arc<T>>>,
    /// Runs out of the slot since the queue had its turn.
    runs: Cell<u32>,
}

impl<T> LifoSlot<T> {
    pub(super) fn new() -> Self {
        Self { task: Cell::new(None), runs: Cell::new(0) }
    }

    /// Fills the slot; who was in it has to go to the queue.
    pub(super) fn put(&self, task: Arc<T>) -> Option<Arc<T>> {
        self.task.replace(Some(task))
    }

    /// The task to run next; none when the slot is empty or the queue is due (L1).
    pub(super) fn take_next(&self) -> Option<Arc<T>> {
        if self.runs.get() == RUNS_MAX {
            return None;
        }
        let task = self.task.take()?;
        self.runs.set(self.runs.get() + 1);
        Some(task)
    }

    /// Notes that the queue had its turn, whether or not it had a task.
    pub(super) fn pass(&self) {
        self.runs.set(0);
    }

    /// Empties the slot, whoever is due.
    pub(super) fn evict(&self) -> Option<Arc<T>> {
        self.task.take()
    }

    pub(super) fn is_empty(&self) -> bool {
        let task = self.task.take();
        let empty = task.is_none();
        self.task.set(task);
        empty
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, LifoSlot, RUNS_MAX};

    #[test]
    fn the_slot_gives_way_after_a_bounded_number_of_runs() {
        let slot = LifoSlot::new();
        for _ in 0..RUNS_MAX {
            assert!(slot.put(Arc::new(())).is_none());
            assert!(slot.take_next().is_some());
        }
        assert!(slot.put(Arc::new(())).is_none());
        assert!(slot.take_next().is_none());
        slot.pass();
        assert!(slot.take_next().is_some());
    }

    #[test]
    fn the_newest_displaces_the_older() {
        let slot = LifoSlot::new();
        assert!(slot.put(Arc::new(1)).is_none());
        assert_eq!(slot.put(Arc::new(2)).as_deref(), Some(&1));
        assert_eq!(slot.evict().as_deref(), Some(&2));
        assert!(slot.is_empty());
    }
}
