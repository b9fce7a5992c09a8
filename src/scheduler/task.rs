//! What the scheduler asks of the thing it runs, and what it offers in return: the traits between
//! this layer and the processes above it.
//!
//! # Concepts
//! * **Task**: something that runs in turns. Its own state word says whether it is parked,
//!   runnable or running; the scheduler only holds references to it in queues.
//! * **Turn**: one call of [`Task::run`], from being taken out of a queue to giving way.
//! * **Context**: the worker that runs a turn, as seen by the task in that turn. Everything that a
//!   task may not read from a global comes through here: the clock, randomness, timers, I/O.
//! * **Pool**: a set of workers, as seen from anywhere.
//!
//! # Rejected
//! * A state word kept by the scheduler beside the task's own: two words to keep in step for one
//!   fact, and the mailbox already has to know whether its owner is parked.

use std::io;
use std::sync::Arc;

use mio::Interest;
use mio::event::Source;

use crate::reactor;
use crate::scheduler::preempt::Preemption;
use crate::scheduler::stats::PoolStats;
use crate::wheel;

/// What a pool runs.
///
/// A task is queued by [`Context::wake`] and the like, at most once at a time (invariant T1 of the
/// scheduler): whoever turns its state from parked to runnable queues it, and nobody else.
pub trait Task: Send + Sync + Sized + 'static {
    /// Runs one turn.
    ///
    /// Before it returns [`Turn::Parked`] or [`Turn::Kept`] the task publishes itself as parked, as
    /// its very last act: another thread may be running it by the time `run` returns. No panic may
    /// leave it.
    fn run(task: &Arc<Self>, cx: &dyn Context<Self>) -> Turn;

    /// The timer that this task inserted with `token` for `at_ns` is due. Runs on any worker or on
    /// the watching thread, perhaps beside a turn of the task: it may only queue and wake.
    fn timer_fired(task: Arc<Self>, token: u64, at_ns: u64, cx: &dyn Context<Self>);

    /// The source that this task registered with `token` is ready. Runs as `timer_fired` does.
    fn io_ready(task: Arc<Self>, token: u64, ready: Readiness, cx: &dyn Context<Self>);

    /// Where tasks are found by their keys; the same for all tasks of a pool.
    type Register: Send + Sync;

    /// See [`Task::Register`].
    fn register(&self) -> &Arc<Self::Register>;

    /// What it is found by in the register, while it exists.
    fn key(&self) -> u64;

    /// These tasks were parked when they called [`Context::may_rest`], and some of them have run
    /// since. Each that has not may be told to do with as little as it can until it runs again.
    /// Takes keys from the back of `keys`, as many as there is time for; gives those that are to be
    /// asked again later. Runs on a worker, between turns; no panic may leave it.
    fn rest(
        register: &Self::Register,
        keys: &mut Vec<u64>,
        cx: &dyn Context<Self>,
    ) -> Vec<(u64, Patience)>;
}

/// How a turn ended.
#[must_use = "a task that wants another turn is lost if it is not queued again"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The slice is over, the task is not: it goes to the back of the queue.
    Again,
    /// The task waits. It may already be running elsewhere, so it must not be touched.
    Parked,
    /// As `Parked`, and the task keeps the counted reference that it ran under: whoever wakes it
    /// queues it with that one. Saves counting for tasks that are woken often.
    Kept,
    /// The task has ended and will not be queued again.
    Ended,
}

/// After how long a parked task is asked to rest: the pool's span, doubled some times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Patience(u8);

impl Patience {
    /// After the span itself.
    pub const NONE: Self = Self(0);
    /// How many there are.
    pub(super) const N: usize = 7;

    /// The span doubled, once more than in `self`, or as often as can be.
    #[must_use]
    pub fn doubled(self) -> Self {
        Self::of((usize::from(self.0) + 1).min(Self::N - 1))
    }

    pub(super) fn of(index: usize) -> Self {
        debug_assert!(index < Self::N);
        Self(index as u8)
    }

    pub(super) fn index(self) -> usize {
        self.0.into()
    }
}

/// What a ready source can do without blocking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// There is something to read, or the end.
    pub readable: bool,
    /// There is room to write.
    pub writable: bool,
    /// The source failed or its peer hung up.
    pub error: bool,
}

/// A timer of one pool. A stale one never cancels another timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerId {
    /// Whose wheel it is in.
    pub(super) worker_idx: u32,
    pub(super) key: wheel::Key,
}

/// A registered I/O source of one pool.
#[derive(Debug)]
pub struct IoId {
    /// Whose reactor it is in.
    pub(super) worker_idx: u32,
    pub(super) registration: reactor::Registration,
}

/// The worker, or the simulator, that runs the current turn, as its task sees it.
///
/// Threads that are no workers get the same through [`Pool::outside`].
pub trait Context<T> {
    /// The id of the pool that this is a part of.
    fn pool_id(&self) -> usize;

    /// Queues `task`, which must be runnable and in no queue. In the current pool it runs next on
    /// this worker (within a bound that keeps others from starving), else it is injected into
    /// `pool`.
    fn wake(&self, pool: &Arc<dyn Pool<T>>, task: Arc<T>);

    /// Like [`wake`](Self::wake), but the task gets in line behind all others of this worker.
    fn spawn(&self, pool: &Arc<dyn Pool<T>>, task: Arc<T>);

    /// For a task that is about to park: it may be put to rest when it has been parked for long. It
    /// does not say so again before [`Task::rest`] has dropped its key.
    fn may_rest(&self, task: &T, patience: Patience) {
        // Where time is virtual and threads are not workers, nobody waits for memory.
        let _ = (task, patience);
    }

    /// For a turn that cannot end now, though its slice is over or soon will be: serves what this
    /// worker owes to others (timers, I/O) and puts every task that waits for it where other
    /// workers find it.
    fn hand_over(&self);

    /// Monotonic time in nanoseconds.
    fn now_ns(&self) -> u64;

    /// Unix time in nanoseconds.
    fn wall_ns(&self) -> i128;

    /// A random number that nobody needs to be unable to guess.
    fn random(&self) -> u64;

    /// Calls [`Task::timer_fired`] of `task` with `token` once, at `at_ns` of the monotonic clock
    /// or soon after it, never before.
    fn insert_timer(&self, task: &Arc<T>, token: u64, at_ns: u64) -> TimerId;

    /// Frees a timer of this pool at once; false when it has fired or was cancelled already.
    fn cancel_timer(&self, id: TimerId) -> bool;

    /// Calls [`Task::io_ready`] of `task` with `token` whenever `source` becomes ready
    /// (edge-triggered).
    ///
    /// # Errors
    /// What the system says when it refuses the source.
    fn register_io(
        &self,
        source: &mut dyn Source,
        interest: Interest,
        task: &Arc<T>,
        token: u64,
    ) -> io::Result<IoId>;

    /// Ends what [`register_io`](Self::register_io) of any worker of this pool began. A readiness
    /// that is under way may still arrive.
    ///
    /// # Errors
    /// What the system says when it does not know the source.
    fn deregister_io(&self, source: &mut dyn Source, id: IoId) -> io::Result<()>;

    /// Where the end of the current slice is asked for.
    fn preemption(&self) -> &Preemption;
}

/// A set of workers (or the simulator), as seen from anywhere.
pub trait Pool<T>: Send + Sync {
    /// Distinct for every pool of this OS process.
    fn id(&self) -> usize;

    /// Queues `task`, which must be runnable and in no queue, for any worker. After a shutdown the
    /// task is dropped.
    fn inject(&self, task: Arc<T>);

    /// What the workers have done so far.
    fn stats(&self) -> PoolStats;

    /// Monotonic time in nanoseconds.
    fn now_ns(&self) -> u64;

    /// Unix time in nanoseconds.
    fn wall_ns(&self) -> i128;

    /// A context for threads that are no workers: its wakes inject, its timers go to the wheel of
    /// the first worker.
    fn outside(&self) -> &dyn Context<T>;
}
