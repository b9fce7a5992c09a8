//! A pool of worker threads: how it starts, and how it ends.
//!
//! # Concepts
//! * [`ThreadPool`]: the handle. Tasks hold it; the threads do not, so dropping the last handle
//!   ends the threads.
//! * [`Shared`]: what the threads hold.
//!
//! # Shutdown
//! ```text
//! S1 close the pool in the state word, then a fence
//! S2 ask every worker for attention and unpark it
//! S3 join the workers: each ends its turn (the watcher still ends overruns), sees the pool closed,
//!    and drops what is in its slot and queue
//! S4 stop and join the watcher
//! S5 drop what is left in the injector, the wheels and the reactors
//! ```
//! A task injected during or after this is dropped too (T9): its `push` comes before the fence of
//! S1, so that S5 sees it, or the fence of `inject` after it, so that `inject` sees the pool closed
//! and drops it itself. A timer or a source is taken back by whoever brought it in the same way, a
//! lock in place of the fences.
//!
//! A task may drop the last handle. So the thread that shuts down may be a worker or the watcher of
//! the very pool; it does not join itself, and ends as soon as it is back in its loop.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::idle::SEATS_MAX;
use super::preempt::{self, Arm, Mode};
use super::run_queue::RunQueue;
use super::shared::{Remote, Shared};
use super::staff::{RELIEF_MAX, Seat, Staff};
use super::stats::PoolStats;
use super::survey::Survey;
use super::{Context, Pool, Task, clock};
use crate::reactor::Reactor;

/// The most workers of one pool. Each has a thread and three file descriptors.
pub const WORKERS_MAX: usize = 4_096;
const _: () = assert!(WORKERS_MAX + RELIEF_MAX <= SEATS_MAX);

/// The least stack that a worker thread may have. Interpreters recurse on it, and below half of
/// this their deepest recursion was seen to overrun it.
pub const STACK_BYTES_MIN: usize = 1 << 20;

/// How a pool is made.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// Worker `i` has a thread named `<name>/<i>`.
    pub name: String,
    /// Workers that run at a time, 1 to [`WORKERS_MAX`]. A few more threads may stand in for those
    /// that a turn blocks.
    pub workers: usize,
    /// How long a turn may last before it is asked to end.
    pub slice_ns: u64,
    /// Makes the published target give way; see [`Preemption`](super::Preemption).
    pub preempt_arm: Option<Arm>,
    /// What a worker does before it sleeps, a short piece at a time; whether there may be more.
    pub when_idle: Option<fn() -> bool>,
    /// Tasks that have been parked for so long, or up to twice as long, are put to rest; none for
    /// never.
    pub rest_after_ns: Option<u64>,
    /// How targets learn that their slice is over.
    pub mode: Mode,
    /// Stack of each worker, at least [`STACK_BYTES_MIN`].
    pub thread_stack_bytes: usize,
}

impl PoolConfig {
    fn check(&self) -> io::Result<()> {
        let refused = |text: String| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        if !(1..=WORKERS_MAX).contains(&self.workers) {
            return refused(format!("expected 1 to {WORKERS_MAX} workers, got `{}`", self.workers));
        }
        if self.slice_ns == 0 {
            return refused("expected a slice longer than `0`".to_owned());
        }
        if self.thread_stack_bytes < STACK_BYTES_MIN {
            return refused(format!(
                "expected a worker stack of at least {STACK_BYTES_MIN} bytes, got `{}`",
                self.thread_stack_bytes
            ));
        }
        Ok(())
    }
}

/// Workers on threads of their own, and one thread that watches them.
pub struct ThreadPool<T: Task> {
    shared: Arc<Shared<T>>,
}

impl<T: Task> ThreadPool<T> {
    /// Starts the threads.
    ///
    /// # Errors
    /// A config out of its bounds (`InvalidInput`), or what the system says when it refuses a
    /// thread or a reactor.
    pub fn start(config: PoolConfig) -> io::Result<Arc<Self>> {
        Self::start_with(config, None)
    }

    /// As [`ThreadPool::start`]; the watcher goes on with `survey` meanwhile.
    ///
    /// # Errors
    /// As there.
    pub fn start_with(
        config: PoolConfig,
        survey: Option<Box<dyn Survey<T>>>,
    ) -> io::Result<Arc<Self>> {
        config.check()?;
        if config.mode == Mode::Signal {
            preempt::install_handler()?;
        }
        let workers = config.workers;
        // From here on an early return drops the pool, which ends the threads started so far.
        let pool = Arc::new(Self { shared: Self::prepare(config)? });
        for _ in 0..workers {
            Staff::start_worker(&pool.shared)?;
        }
        Staff::start_watcher(&pool.shared, survey)?;
        Ok(pool)
    }

    /// Everything but the threads.
    fn prepare(config: PoolConfig) -> io::Result<Arc<Shared<T>>> {
        let seats: VecDeque<_> = (0..config.workers + config.workers.min(RELIEF_MAX))
            .map(|idx| Ok(Seat { idx, queue: RunQueue::new(), reactor: Reactor::new()? }))
            .collect::<io::Result<_>>()?;
        let remote = |Seat { queue, reactor, .. }: &Seat<T>| {
            Remote::new(&config, queue.stealer(), reactor.handle())
        };
        let remotes = seats.iter().map(remote).collect();
        let staff = Staff::new(&config, seats);
        Ok(Arc::new(Shared::new(next_pool_id(), config, staff, remotes)))
    }

    /// Ends the pool: waits for the turns that run, joins the threads and drops every task that is
    /// queued or waits for a timer or a source. Does nothing the second time.
    pub fn shutdown(&self) {
        let shared = &self.shared;
        shared.idle.close();
        shared.call_workers();
        shared.staff.join_workers();
        shared.watcher.stop();
        shared.staff.join_watcher();
        shared.drop_tasks();
    }

    /// Whether nothing runs and nothing will, unless it comes from outside: all workers sleep, and
    /// no task is queued, no timer set, no I/O source registered.
    pub fn is_quiet(&self) -> bool {
        self.shared.is_quiet()
    }

    #[cfg(test)]
    #[cfg(not(loom))]
    pub(super) fn watcher_sleeps(&self) -> bool {
        self.shared.idle.watcher_is_asleep()
    }
}

impl<T: Task> Drop for ThreadPool<T> {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl<T: Task> fmt::Debug for ThreadPool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { id, config, .. } = &*self.shared;
        f.debug_struct("ThreadPool").field("id", id).field("workers", &config.workers).finish()
    }
}

impl<T: Task> Pool<T> for ThreadPool<T> {
    fn id(&self) -> usize {
        self.shared.id
    }

    fn inject(&self, task: Arc<T>) {
        self.shared.inject(task);
    }

    fn stats(&self) -> PoolStats {
        self.shared.stats()
    }

    fn now_ns(&self) -> u64 {
        clock::monotonic_ns()
    }

    fn wall_ns(&self) -> i128 {
        clock::wall_ns()
    }

    fn outside(&self) -> &dyn Context<T> {
        &*self.shared
    }
}

/// A number that no other pool of this OS process has.
pub(super) fn next_pool_id() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
