//! What the threads of a pool share: the part of each worker that others may touch, the queue for
//! everybody, and the context for threads that are no workers.

use std::io;
use std::sync::{Arc, Mutex};

use crossbeam_utils::CachePadded;
use mio::Interest;
use mio::event::Source;

use super::idle::Idle;
use super::injector::Injector;
use super::park::Parker;
use super::pool::PoolConfig;
use super::preempt::Preemption;
use super::rng::Rng;
use super::run_queue::Stealer;
use super::staff::Staff;
use super::stats::{Counters, PoolStats, WatcherCounters};
use super::sysmon::Watcher;
use super::timers::{Alarm, Timers};
use super::{Context, IoId, Pool, Task, TimerId, clock};
use crate::reactor::{Handle, Registration};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    /// Enough others take tasks; the watcher says so.
    spare: AtomicBool,
    pub(super) stealer: Stealer<T>,
    pub(super) timers: Timers<T>,
    pub(super) parker: Parker,
    reactor: Handle<IoTarget<T>>,
    /// Registered in the reactor, or about to be. Without any there is no reason to poll.
    sources: AtomicUsize,
}

impl<T> Remote<T> {
    pub(super) fn new(
        config: &PoolConfig,
        stealer: Stealer<T>,
        reactor: Handle<IoTarget<T>>,
    ) -> Self {
        let preemption = Preemption::new(config.mode, config.preempt_arm);
        Self {
            counters: CachePadded::default(),
            preemption: CachePadded::new(preemption),
            attention: CachePadded::new(AtomicBool::new(false)),
            spare: AtomicBool::new(false),
            stealer,
            timers: Timers::new(clock::monotonic_ns()),
            parker: Parker::new(),
            reactor,
            sources: AtomicUsize::new(0),
        }
    }

    pub(super) fn ask_attention(&self) {
        // Release: pairs with `take_attention`; the worker sees why it was asked.
        self.attention.store(true, Ordering::Release);
    }

    pub(super) fn attention_wanted(&self) -> bool {
        self.attention.load(Ordering::Relaxed)
    }

    /// Whether the worker is to take no tasks.
    pub(super) fn is_spare(&self) -> bool {
        // Relaxed: it orders nothing; attention and unpark see to it that the worker looks.
        self.spare.load(Ordering::Relaxed)
    }

    pub(super) fn has_sources(&self) -> bool {
        self.sources.load(Ordering::Relaxed) > 0
    }

    fn register(
        &self,
        source: &mut dyn Source,
        interest: Interest,
        target: IoTarget<T>,
    ) -> io::Result<Registration> {
        self.sources.fetch_add(1, Ordering::Relaxed);
        let registered = self.reactor.register(source, interest, target);
        if registered.is_err() {
            self.sources.fetch_sub(1, Ordering::Relaxed);
        }
        registered
    }

    fn deregister(&self, source: &mut dyn Source, registration: Registration) -> io::Result<()> {
        // Even if it fails: the reactor forgets the target in any case.
        self.sources.fetch_sub(1, Ordering::Relaxed);
        self.reactor.deregister(source, registration)
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
    pub(super) config: PoolConfig,
    pub(super) staff: Staff<T>,
    pub(super) injector: Injector<T>,
    pub(super) idle: Idle,
    /// One for each seat; those without a thread have nothing in them.
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
    /// `workers` belong to `staff`, in order.
    pub(super) fn new(
        id: usize,
        config: PoolConfig,
        staff: Staff<T>,
        workers: Box<[Remote<T>]>,
    ) -> Self {
        Self {
            id,
            staff,
            injector: Injector::new(),
            idle: Idle::new(workers.len()),
            workers,
            watcher: Watcher::new(),
            watcher_counters: WatcherCounters::default(),
            draining: AtomicBool::new(false),
            no_turn: Preemption::new(config.mode, None),
            rng: Mutex::new(Rng::from_system()),
            config,
        }
    }

    pub(super) fn wake_one(&self) {
        if let Some(worker) = self.idle.claim() {
            self.unpark(worker);
        }
    }

    pub(super) fn unpark(&self, worker: usize) {
        let remote = &self.workers[worker];
        remote.parker.unpark(|| remote.reactor.wake());
    }

    /// Watcher only: lets a worker take tasks, or no longer, and has it look at that.
    pub(super) fn set_spare(&self, worker: usize, is_spare: bool) {
        let remote = &self.workers[worker];
        remote.spare.store(is_spare, Ordering::Relaxed);
        remote.ask_attention();
        if !is_spare {
            self.unpark(worker);
        }
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

    pub(super) fn inject(&self, task: Arc<T>) {
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

    /// S2: has every worker look at the state of the pool.
    pub(super) fn call_workers(&self) {
        for (idx, worker) in self.workers.iter().enumerate() {
            worker.ask_attention();
            self.unpark(idx);
        }
    }

    /// S5.
    pub(super) fn drop_tasks(&self) {
        self.drop_injected();
        for worker in &self.workers {
            drop(worker.timers.take_all(clock::monotonic_ns()));
            worker.reactor.clear();
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
        let registration = self.workers[worker_idx].register(source, interest, target)?;
        let worker_idx = u32::try_from(worker_idx).expect("there are at most 65,535 workers");
        let id = IoId { worker_idx, registration };
        if self.idle.is_closed() {
            self.deregister_io(source, id)?;
            return Err(io::Error::other("the pool of workers is shut down"));
        }
        Ok(id)
    }

    pub(super) fn deregister_io(&self, source: &mut dyn Source, id: IoId) -> io::Result<()> {
        self.workers[id.worker_idx as usize].deregister(source, id.registration)
    }

    pub(super) fn stats(&self) -> PoolStats {
        let workers = &self.workers[..self.idle.workers()];
        let of_workers = |count: fn(&Remote<T>) -> usize| workers.iter().map(count).sum();
        let queued: usize = of_workers(|worker| worker.stealer.len());
        PoolStats {
            workers: workers.iter().map(|worker| worker.counters.read()).collect(),
            queued: queued + self.injector.len(),
            timers: of_workers(|worker| worker.timers.len()),
            registrations: of_workers(|worker| worker.reactor.registrations()),
            watcher: self.watcher_counters.read(),
        }
    }

    /// All workers sleep, and nothing is left that could wake one from inside.
    pub(super) fn is_quiet(&self) -> bool {
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
