//! A pool of worker threads: what they share, how they start, and how they end.
//!
//! # Concepts
//! * [`ThreadPool`]: the handle. Tasks hold it; the threads do not, so dropping the last handle
//!   ends the threads.
//! * [`Shared`]: what the threads hold. It is also the context for threads that are no workers.
//! * [`Remote`]: the part of one worker that other threads may touch.
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

use std::fmt;
use std::io;
use std::sync::atomic::AtomicUsize as StdAtomicUsize;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crossbeam_utils::CachePadded;
use mio::Interest;
use mio::event::Source;

use super::idle::{Idle, WORKERS_MAX};
use super::injector::Injector;
use super::park::Parker;
use super::preempt::{self, Arm, Mode, Preemption};
use super::rng::Rng;
use super::run_queue::{RunQueue, Stealer};
use super::stats::{Counters, PoolStats, WatcherCounters};
use super::sysmon::{self, Watcher};
use super::timers::{Alarm, Timers};
use super::worker::Worker;
use super::{Context, IoId, Pool, Task, TimerId, clock};
use crate::reactor::{Handle, Reactor};
use crate::sync::atomic::{AtomicBool, Ordering};

/// The least stack that a worker thread may have. Interpreters recurse on it, and below half of
/// this their deepest recursion was seen to overrun it.
pub const STACK_BYTES_MIN: usize = 1 << 20;

/// How a pool is made.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// Worker `i` has a thread named `<name>/<i>`.
    pub name: String,
    /// Threads, 1 to 65,535.
    pub workers: usize,
    /// How long a turn may last before it is asked to end.
    pub slice_ns: u64,
    /// Tasks in a worker's own queue above which further ones go to the injector.
    pub queue_capacity: usize,
    /// Makes the published target give way; see [`Preemption`].
    pub preempt_arm: Option<Arm>,
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
    threads: Mutex<Threads>,
}

/// The threads that are not joined yet.
#[derive(Default)]
struct Threads {
    workers: Vec<JoinHandle<()>>,
    watcher: Option<JoinHandle<()>>,
}

/// What a ready source is told to: the value of a registration in a worker's reactor.
pub(super) struct IoTarget<T> {
    pub(super) task: Arc<T>,
    pub(super) token: u64,
}

impl<T> Clone for IoTarget<T> {
    fn clone(&self) -> Self {
        Self { task: Arc::clone(&self.task), token: self.token }
    }
}

/// The part of a worker that other threads may touch. The fields that the worker itself writes at
/// every turn come first and share no cache line with those that others write.
pub(super) struct Remote<T> {
    pub(super) counters: CachePadded<Counters>,
    pub(super) preemption: CachePadded<Preemption>,
    /// "Look at your timers, your I/O and the state of the pool before the next turn."
    attention: CachePadded<AtomicBool>,
    pub(super) stealer: Stealer<T>,
    pub(super) timers: Timers<T>,
    pub(super) parker: Parker,
    reactor: Handle<IoTarget<T>>,
}

impl<T> Remote<T> {
    fn new(config: &PoolConfig, stealer: Stealer<T>, reactor: Handle<IoTarget<T>>) -> Self {
        let preemption = Preemption::new(config.mode, config.preempt_arm);
        Self {
            counters: CachePadded::default(),
            preemption: CachePadded::new(preemption),
            attention: CachePadded::new(AtomicBool::new(false)),
            stealer,
            timers: Timers::new(clock::monotonic_ns()),
            parker: Parker::new(),
            reactor,
        }
    }

    pub(super) fn ask_attention(&self) {
        // Release: pairs with `take_attention`; the worker sees why it was asked.
        self.attention.store(true, Ordering::Release);
    }

    pub(super) fn attention_wanted(&self) -> bool {
        self.attention.load(Ordering::Relaxed)
    }

    /// Worker only.
    pub(super) fn take_attention(&self) -> bool {
        // Acquire: pairs with `ask_attention`.
        self.attention_wanted() && self.attention.swap(false, Ordering::Acquire)
    }
}

/// What the threads of a pool share.
pub(super) struct Shared<T: Task> {
    pub(super) id: usize,
    pub(super) slice_ns: u64,
    pub(super) queue_capacity: usize,
    pub(super) injector: Injector<T>,
    pub(super) idle: Idle,
    pub(super) workers: Box<[Remote<T>]>,
    pub(super) watcher: Watcher,
    pub(super) watcher_counters: WatcherCounters,
    /// Somebody drops the tasks of the closed injector.
    draining: AtomicBool,
    /// For foreign threads; nothing ever asks it to end a turn.
    no_turn: Preemption,
    rng: Mutex<Rng>,
}

impl<T: Task> Shared<T> {
    pub(super) fn wake_one(&self) {
        if let Some(worker) = self.idle.claim() {
            self.unpark(worker);
        }
    }

    pub(super) fn unpark(&self, worker: usize) {
        let remote = &self.workers[worker];
        remote.parker.unpark(|| remote.reactor.wake());
    }

    /// For a worker that got up.
    pub(super) fn rouse_watcher(&self) {
        if self.idle.rouse_watcher() {
            self.watcher.wake();
        }
    }

    /// Whether a queue that any worker may take from has a task (W3).
    pub(super) fn has_work(&self) -> bool {
        self.injector.len() > 0 || self.workers.iter().any(|worker| worker.stealer.len() > 0)
    }

    fn inject(&self, task: Arc<T>) {
        self.injector.push(task);
        // The fence in it stands between the push and the look at the state.
        self.wake_one();
        if self.idle.is_closed() {
            self.drop_injected();
        }
    }

    /// T9. A dropped task may inject another, so this may be entered within itself; the outermost
    /// call does the work of all, lest a long chain overrun the stack.
    fn drop_injected(&self) {
        while self.injector.len() > 0 {
            // AcqRel, here and below: a call that finds another at work has its push seen by it.
            if self.draining.swap(true, Ordering::AcqRel) {
                return;
            }
            while let Some(task) = self.injector.pop() {
                drop(task);
            }
            self.draining.swap(false, Ordering::AcqRel);
        }
    }

    /// The timer, and whether the worker has to look at its wheel earlier than it thought.
    pub(super) fn insert_timer(
        &self,
        worker_idx: usize,
        task: &Arc<T>,
        token: u64,
        at_ns: u64,
    ) -> (TimerId, bool) {
        let alarm = Alarm { task: Arc::clone(task), token };
        let (key, earlier) = self.workers[worker_idx].timers.insert(at_ns, alarm);
        let worker_idx = u32::try_from(worker_idx).expect("there are at most 65,535 workers");
        let id = TimerId { worker_idx, key };
        if self.idle.is_closed() {
            self.cancel_timer(id);
        }
        (id, earlier)
    }

    pub(super) fn cancel_timer(&self, id: TimerId) -> bool {
        self.workers[id.worker_idx as usize].timers.cancel(id).is_some()
    }

    pub(super) fn register_io(
        &self,
        worker_idx: usize,
        source: &mut dyn Source,
        interest: Interest,
        task: &Arc<T>,
        token: u64,
    ) -> io::Result<IoId> {
        let target = IoTarget { task: Arc::clone(task), token };
        let registration = self.workers[worker_idx].reactor.register(source, interest, target)?;
        let worker_idx = u32::try_from(worker_idx).expect("there are at most 65,535 workers");
        let id = IoId { worker_idx, registration };
        if self.idle.is_closed() {
            self.deregister_io(source, id)?;
            return Err(io::Error::other("the pool of workers is shut down"));
        }
        Ok(id)
    }

    pub(super) fn deregister_io(&self, source: &mut dyn Source, id: IoId) -> io::Result<()> {
        self.workers[id.worker_idx as usize].reactor.deregister(source, id.registration)
    }

    fn stats(&self) -> PoolStats {
        let of_workers = |count: fn(&Remote<T>) -> usize| self.workers.iter().map(count).sum();
        let queued: usize = of_workers(|worker| worker.stealer.len());
        PoolStats {
            workers: self.workers.iter().map(|worker| worker.counters.read()).collect(),
            queued: queued + self.injector.len(),
            timers: of_workers(|worker| worker.timers.len()),
            registrations: of_workers(|worker| worker.reactor.registrations()),
            watcher: self.watcher_counters.read(),
        }
    }

    /// All workers sleep, and nothing is left that could wake one from inside.
    fn is_quiet(&self) -> bool {
        if !self.idle.all_sleep() {
            return false;
        }
        let before = self.stats();
        let empty = before.queued + before.timers + before.registrations == 0;
        // A worker that got up in between has parked again or is awake now; the watcher takes
        // timers only from a worker that is awake.
        empty
            && self.watcher.is_idle()
            && self.idle.all_sleep()
            && before.workers == self.stats().workers
    }
}

impl<T: Task> ThreadPool<T> {
    /// Starts the threads.
    ///
    /// # Errors
    /// A config out of its bounds (`InvalidInput`), or what the system says when it refuses a
    /// thread or a reactor.
    pub fn start(config: PoolConfig) -> io::Result<Arc<Self>> {
        config.check()?;
        if config.mode == Mode::Signal {
            preempt::install_handler()?;
        }
        let mut ends = Vec::with_capacity(config.workers);
        for _ in 0..config.workers {
            ends.push((RunQueue::new(), Reactor::new()?));
        }
        let remotes = ends
            .iter()
            .map(|(queue, reactor)| Remote::new(&config, queue.stealer(), reactor.handle()))
            .collect();
        let shared = Arc::new(Shared {
            id: next_pool_id(),
            slice_ns: config.slice_ns,
            queue_capacity: config.queue_capacity,
            injector: Injector::new(),
            idle: Idle::new(config.workers),
            workers: remotes,
            watcher: Watcher::new(),
            watcher_counters: WatcherCounters::default(),
            draining: AtomicBool::new(false),
            no_turn: Preemption::new(config.mode, None),
            rng: Mutex::new(Rng::from_system()),
        });
        // From here on an early return drops the pool, which ends the threads started so far.
        let pool = Arc::new(Self { shared, threads: Mutex::default() });
        for (idx, (queue, reactor)) in ends.into_iter().enumerate() {
            pool.start_worker(&config, idx, queue, reactor)?;
        }
        pool.start_watcher(&config)?;
        Ok(pool)
    }

    fn start_worker(
        &self,
        config: &PoolConfig,
        idx: usize,
        queue: RunQueue<T>,
        reactor: Reactor<IoTarget<T>>,
    ) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new()
            .name(format!("{}/{idx}", config.name))
            .stack_size(config.thread_stack_bytes)
            .spawn(move || Worker::new(shared, idx, queue, reactor).run())?;
        self.threads().workers.push(thread);
        Ok(())
    }

    fn start_watcher(&self, config: &PoolConfig) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new()
            .name(format!("{}/watch", config.name))
            .spawn(move || sysmon::run(&shared))?;
        self.threads().watcher = Some(thread);
        Ok(())
    }

    /// Ends the pool: waits for the turns that run, joins the threads and drops every task that is
    /// queued or waits for a timer or a source. Does nothing the second time.
    pub fn shutdown(&self) {
        let shared = &self.shared;
        shared.idle.close();
        for (idx, worker) in shared.workers.iter().enumerate() {
            worker.ask_attention();
            shared.unpark(idx);
        }
        let Threads { workers, watcher } = std::mem::take(&mut *self.threads());
        workers.into_iter().for_each(join_other);
        shared.watcher.stop();
        watcher.into_iter().for_each(join_other);
        shared.drop_injected();
        for worker in &shared.workers {
            drop(worker.timers.take_all(clock::monotonic_ns()));
            worker.reactor.clear();
        }
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

    fn threads(&self) -> std::sync::MutexGuard<'_, Threads> {
        self.threads.lock().expect("nothing panics under this lock")
    }
}

impl<T: Task> Drop for ThreadPool<T> {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl<T: Task> fmt::Debug for ThreadPool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { id, workers, .. } = &*self.shared;
        f.debug_struct("ThreadPool").field("id", id).field("workers", &workers.len()).finish()
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

/// The worker that serves what comes from outside.
const OUTSIDE_WORKER: usize = 0;

impl<T: Task> Context<T> for Shared<T> {
    fn pool_id(&self) -> usize {
        self.id
    }

    fn wake(&self, pool: &Arc<dyn Pool<T>>, task: Arc<T>) {
        pool.inject(task);
    }

    fn spawn(&self, pool: &Arc<dyn Pool<T>>, task: Arc<T>) {
        pool.inject(task);
    }

    fn hand_over(&self) {}

    fn now_ns(&self) -> u64 {
        clock::monotonic_ns()
    }

    fn wall_ns(&self) -> i128 {
        clock::wall_ns()
    }

    fn random(&self) -> u64 {
        self.rng.lock().expect("nothing panics under this lock").next()
    }

    fn insert_timer(&self, task: &Arc<T>, token: u64, at_ns: u64) -> TimerId {
        let (id, earlier) = self.insert_timer(OUTSIDE_WORKER, task, token, at_ns);
        if earlier {
            self.unpark(OUTSIDE_WORKER);
        }
        id
    }

    fn cancel_timer(&self, id: TimerId) -> bool {
        self.cancel_timer(id)
    }

    fn register_io(
        &self,
        source: &mut dyn Source,
        interest: Interest,
        task: &Arc<T>,
        token: u64,
    ) -> io::Result<IoId> {
        self.register_io(OUTSIDE_WORKER, source, interest, task, token)
    }

    fn deregister_io(&self, source: &mut dyn Source, id: IoId) -> io::Result<()> {
        self.deregister_io(source, id)
    }

    fn preemption(&self) -> &Preemption {
        &self.no_turn
    }
}

/// A number that no other pool of this OS process has.
pub(super) fn next_pool_id() -> usize {
    // Not part of any model, and loom has no statics.
    static NEXT: StdAtomicUsize = StdAtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Joins `thread` unless it is the current one.
fn join_other(thread: JoinHandle<()>) {
    if thread.thread().id() != thread::current().id() && thread.join().is_err() {
        super::broken("T7: no panic leaves a turn", &"a thread of a pool panicked");
    }
}
