//! Where threads outside of any process wait: for the end of a process, or of the whole runtime.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::failures::Leftover;
use crate::process::{Observer, SharedExit};

/// How a runtime ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// The processes that the shutdown killed since their time was over.
    pub leftovers: Vec<Leftover>,
    /// What is left of the time in which the runtime must be gone, for whoever has something to do
    /// before that.
    pub left: Duration,
}

/// Tells of ends.
#[derive(Debug, Default)]
pub(crate) struct Board {
    ended: Mutex<Option<Ended>>,
    changed: Condvar,
}

/// The end of one process, as soon as it is known.
#[derive(Debug, Default)]
pub(crate) struct Awaited(OnceLock<SharedExit>);

impl Board {
    /// The end of a process that is about to be spawned, and who has to be told of it.
    pub(crate) fn await_exit(self: &Arc<Self>) -> (Arc<Awaited>, Observer) {
        let awaited = Arc::new(Awaited::default());
        let (board, told) = (Arc::clone(self), Arc::clone(&awaited));
        let observer = Observer::new(move |_, exit| {
            // A process ends once.
            let _ = told.0.set(exit.clone());
            board.announce();
        });
        (awaited, observer)
    }

    /// Waits for the end of a process; none if the runtime ended and could not end the process.
    pub(crate) fn wait(&self, awaited: &Awaited) -> Option<SharedExit> {
        let waits = |ended: &mut Option<Ended>| awaited.0.get().is_none() && ended.is_none();
        drop(self.changed.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner));
        awaited.0.get().cloned()
    }

    /// The runtime has ended.
    pub(crate) fn close(&self, ended: Ended) {
        self.lock().get_or_insert(ended);
        self.changed.notify_all();
    }

    /// Waits for the end of the runtime.
    pub(crate) fn wait_closed(&self) -> Ended {
        let ended = self.changed.wait_while(self.lock(), |ended| ended.is_none());
        ended.unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    fn announce(&self) {
        // The lock orders this against a waiter that has looked but does not sleep yet.
        drop(self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Ended>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_runtime_ends_every_wait() {
        let board = Arc::new(Board::default());
        let (awaited, _observer) = board.await_exit();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| board.wait(&awaited));
            board.close(Ended::default());
            assert!(waiter.join().unwrap().is_none());
        });
        assert_eq!(board.wait_closed(), Ended::default());
    }
}
