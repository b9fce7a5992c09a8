//! The face of `crossbeam_deque` over a lock, for loom, which does not know that crate, and for
//! miri, which objects to its reads of slots that turn out to be someone else's. Never shipped.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::sync::{Mutex, MutexGuard};

/// As in `crossbeam_deque`; this one never asks to retry.
pub(crate) enum Steal<T> {
    Success(T),
    Empty,
    #[expect(dead_code, reason = "part of the face that is copied")]
    Retry,
}

/// A deque that any number of ends share.
struct Shared<T>(Arc<Mutex<VecDeque<T>>>);

impl<T> Shared<T> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(VecDeque::new())))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.0.lock().expect("nothing panics under this lock")
    }

    fn pop(&self) -> Option<T> {
        self.lock().pop_front()
    }

    fn steal(&self, thief: &Self) -> Steal<T> {
        let mut tasks = self.lock();
        let half = tasks.len().div_ceil(2);
        let mut batch: VecDeque<T> = tasks.drain(..half).collect();
        drop(tasks);
        let Some(first) = batch.pop_front() else { return Steal::Empty };
        thief.lock().append(&mut batch);
        Steal::Success(first)
    }
}

/// The owner's end.
pub(crate) struct Worker<T> {
    tasks: Shared<T>,
    is_lifo: bool,
}

/// The end of everybody else.
pub(crate) struct Stealer<T>(Shared<T>);

/// A queue without an owner.
pub(crate) struct Injector<T>(Shared<T>);

impl<T> Worker<T> {
    pub(crate) fn new_fifo() -> Self {
        Self { tasks: Shared::new(), is_lifo: false }
    }

    pub(crate) fn new_lifo() -> Self {
        Self { tasks: Shared::new(), is_lifo: true }
    }

    pub(crate) fn stealer(&self) -> Stealer<T> {
        Stealer(Shared(Arc::clone(&self.tasks.0)))
    }

    pub(crate) fn push(&self, task: T) {
        self.tasks.lock().push_back(task);
    }

    pub(crate) fn pop(&self) -> Option<T> {
        if self.is_lifo { self.tasks.lock().pop_back() } else { self.tasks.pop() }
    }

    pub(crate) fn len(&self) -> usize {
        self.tasks.lock().len()
    }
}

impl<T> Stealer<T> {
    pub(crate) fn steal(&self) -> Steal<T> {
        self.0.pop().map_or(Steal::Empty, Steal::Success)
    }

    pub(crate) fn steal_batch_and_pop(&self, thief: &Worker<T>) -> Steal<T> {
        self.0.steal(&thief.tasks)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

impl<T> Injector<T> {
    pub(crate) fn new() -> Self {
        Self(Shared::new())
    }

    pub(crate) fn push(&self, task: T) {
        self.0.lock().push_back(task);
    }

    pub(crate) fn steal(&self) -> Steal<T> {
        self.0.pop().map_or(Steal::Empty, Steal::Success)
    }

    pub(crate) fn steal_batch_and_pop(&self, thief: &Worker<T>) -> Steal<T> {
        self.0.steal(&thief.tasks)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}
