//! The threads of a pool: its workers, the relief for workers that a turn blocks, and the watcher.
//!
//! # Concepts
//! * A **seat** is all that a worker needs but for its thread: a queue, a reactor, and the part of
//!   it that others may touch. Seats are made when the pool is, and filled in order.
//! * **Relief**: the few seats above the configured number. A turn may be unable to give way, since
//!   it is inside a callback of a C function. It keeps its thread then, and the watcher fills
//!   another seat, so that as many workers as were configured go on for the others.
//!
//! A filled seat stays filled until the end: when the blocked turn is over there is a worker too
//! many, and one becomes **spare**: it takes no tasks until another turn blocks. [`RELIEF_MAX`]
//! bounds how many turns may block their workers before the others feel it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use super::Task;
use super::pool::PoolConfig;
use super::run_queue::RunQueue;
use super::shared::{IoTarget, Shared};
use super::survey::Survey;
use super::sysmon;
use super::worker::Worker;
use crate::reactor::Reactor;

/// The most workers that are relieved, and no more than there are configured.
pub(super) const RELIEF_MAX: usize = 4;

/// See the module.
pub(super) struct Staff<T: Task> {
    name: String,
    stack_bytes: usize,
    state: Mutex<State<T>>,
}

struct State<T: Task> {
    free: VecDeque<Seat<T>>,
    /// Not joined yet, like the watcher.
    workers: Vec<JoinHandle<()>>,
    watcher: Option<JoinHandle<()>>,
}

/// The owner's ends of a worker that has no thread yet.
pub(super) struct Seat<T> {
    pub(super) idx: usize,
    pub(super) queue: RunQueue<T>,
    pub(super) reactor: Reactor<IoTarget<T>>,
}

impl<T: Task> Staff<T> {
    pub(super) fn new(config: &PoolConfig, seats: VecDeque<Seat<T>>) -> Self {
        let state = State { free: seats, workers: Vec::new(), watcher: None };
        Self {
            name: config.name.clone(),
            stack_bytes: config.thread_stack_bytes,
            state: Mutex::new(state),
        }
    }

    /// Fills the next seat. Does nothing when none is free or the pool is closed.
    pub(super) fn start_worker(shared: &Arc<Shared<T>>) -> io::Result<()> {
        let staff = &shared.staff;
        let mut state = staff.lock();
        // Under the lock: who closes the pool takes the threads to join under it afterwards.
        if shared.idle.is_closed() {
            return Ok(());
        }
        let Some(seat) = state.free.pop_front() else { return Ok(()) };
        let builder = thread::Builder::new()
            .name(format!("{}/{}", staff.name, seat.idx))
            .stack_size(staff.stack_bytes);
        // Before it runs, since it may go to sleep at once.
        shared.idle.add_worker();
        let worker = Worker::new(Arc::clone(shared), seat);
        match builder.spawn(move || worker.run()) {
            Ok(thread) => state.workers.push(thread),
            Err(error) => {
                shared.idle.remove_worker();
                return Err(error);
            }
        }
        Ok(())
    }

    pub(super) fn start_watcher(
        shared: &Arc<Shared<T>>,
        survey: Option<Box<dyn Survey<T>>>,
    ) -> io::Result<()> {
        let staff = &shared.staff;
        let builder = thread::Builder::new().name(format!("{}/watch", staff.name));
        let watched = Arc::clone(shared);
        let thread = builder.spawn(move || sysmon::run(&watched, survey))?;
        staff.lock().watcher = Some(thread);
        Ok(())
    }

    /// Waits for the end of the workers, once the pool is closed.
    pub(super) fn join_workers(&self) {
        let workers = std::mem::take(&mut self.lock().workers);
        workers.into_iter().for_each(join_other);
    }

    /// Waits for the end of the watcher, once it is stopped.
    pub(super) fn join_watcher(&self) {
        let watcher = self.lock().watcher.take();
        watcher.into_iter().for_each(join_other);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("nothing panics under this lock")
    }
}

/// Joins `thread` unless it is the current one.
fn join_other(thread: JoinHandle<()>) {
    if thread.thread().id() != thread::current().id() && thread.join().is_err() {
        super::broken("T7: no panic leaves a turn", &"a thread of a pool panicked");
    }
}
