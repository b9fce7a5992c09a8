//! A worker's own queue: first in, first out for the worker, and open to thieves at the front.
//!
//! # Concepts
//! [`RunQueue`] is the end of the worker (`!Sync`), [`Stealer`] the end of everybody else. A thief
//! takes half of what it finds, at most 32 tasks, so that work spreads in few steals.
//!
//! # Sources
//! Chase, Lev, "Dynamic circular work-stealing deque", SPAA 2005, is the ground of crossbeam-deque.

use std::sync::Arc;

use crate::sync::deque;

/// The worker's end.
pub(super) struct RunQueue<T>(pub(super) deque::Worker<Arc<T>>);

/// The thieves' end.
pub(super) struct Stealer<T>(deque::Stealer<Arc<T>>);

impl<T> RunQueue<T> {
    pub(super) fn new() -> Self {
        Self(deque::Worker::new_fifo())
    }

    pub(super) fn stealer(&self) -> Stealer<T> {
        Stealer(self.0.stealer())
    }

    pub(super) fn push(&self, task: Arc<T>) {
        self.0.push(task);
    }

    pub(super) fn pop(&self) -> Option<Arc<T>> {
        self.0.pop()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> Stealer<T> {
    /// Takes up to half of the queue: the first task is returned, the others go to `thief`.
    pub(super) fn steal_into(&self, thief: &RunQueue<T>) -> Option<Arc<T>> {
        insist(|| self.0.steal_batch_and_pop(&thief.0))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Repeats `steal` until it has an answer. A retry means that another thread got on, so this ends
/// when the others run out of tasks to fight for.
pub(super) fn insist<T>(steal: impl Fn() -> deque::Steal<Arc<T>>) -> Option<Arc<T>> {
    loop {
        match steal() {
            deque::Steal::Success(task) => return Some(task),
            deque::Steal::Empty => return None,
            deque::Steal::Retry => std::hint::spin_loop(),
        }
    }
}
