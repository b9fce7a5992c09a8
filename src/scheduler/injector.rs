//! The queue that anybody may put a runnable task into and that every worker of the pool serves.
//!
//! It has no bound of its own: a task is in at most one queue (T1), so the number of live tasks,
//! which the layer above limits, bounds it.

use std::sync::Arc;

use super::run_queue::{RunQueue, insist};

use crate::sync::deque;

/// See the module.
pub(super) struct Injector<T>(deque::Injector<Arc<T>>);

impl<T> Injector<T> {
    pub(super) fn new() -> Self {
        Self(deque::Injector::new())
    }

    pub(super) fn push(&self, task: Arc<T>) {
        self.0.push(task);
    }

    pub(super) fn pop(&self) -> Option<Arc<T>> {
        insist(|| self.0.steal())
    }

    /// Takes a batch: the first task is returned, the others go to `worker`.
    pub(super) fn take_into(&self, worker: &RunQueue<T>) -> Option<Arc<T>> {
        insist(|| self.0.steal_batch_and_pop(worker.loot()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
