//! Counters that are always on: each has one writer, so counting is a plain add in a cache line
//! that the writer owns, and readers put up with numbers of slightly different moments.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread counts up and any thread reads.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Owner only: a load and a store, which two writers would lose counts with.
    pub(super) fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one worker. All are written by the worker, `preemptions` and `blocked` by the
/// watcher.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) turns: Counter,
    pub(super) lifo_runs: Counter,
    pub(super) injected: Counter,
    pub(super) steals: Counter,
    pub(super) parks: Counter,
    pub(super) unparks: Counter,
    pub(super) timers_fired: Counter,
    pub(super) io_ready: Counter,
    pub(super) preemptions: Counter,
    pub(super) blocked: Counter,
    pub(super) hand_overs: Counter,
}

impl Counters {
    pub(super) fn read(&self) -> WorkerStats {
        WorkerStats {
            turns: self.turns.get(),
            lifo_runs: self.lifo_runs.get(),
            injected: self.injected.get(),
            steals: self.steals.get(),
            parks: self.parks.get(),
            unparks: self.unparks.get(),
            timers_fired: self.timers_fired.get(),
            io_ready: self.io_ready.get(),
            preemptions: self.preemptions.get(),
            blocked: self.blocked.get(),
            hand_overs: self.hand_overs.get(),
        }
    }
}

/// The counters of the watcher, who writes them.
#[derive(Debug, Default)]
pub(super) struct WatcherCounters {
    pub(super) patrols: Counter,
    pub(super) timers_fired: Counter,
}

impl WatcherCounters {
    pub(super) fn read(&self) -> WatcherStats {
        WatcherStats { patrols: self.patrols.get(), timers_fired: self.timers_fired.get() }
    }
}

/// What one worker has done since its pool was started.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct WorkerStats {
    /// Turns run.
    pub turns: u64,
    /// Turns of a task that came out of the LIFO slot.
    pub lifo_runs: u64,
    /// Times that work was taken from the injector.
    pub injected: u64,
    /// Times that work was stolen from another worker.
    pub steals: u64,
    /// Times that the worker announced its sleep, found new work at the last moment or not.
    pub parks: u64,
    /// Times that it was woken because there was work.
    pub unparks: u64,
    /// Timers that came due.
    pub timers_fired: u64,
    /// I/O readiness handed to tasks.
    pub io_ready: u64,
    /// Turns that were asked to end since their slice was over.
    pub preemptions: u64,
    /// Turns in which a call could not be interrupted for 50 ms.
    pub blocked: u64,
    /// Times that a turn that could not be suspended left what waited for the worker to others.
    pub hand_overs: u64,
}

impl WorkerStats {
    fn add(&mut self, other: &Self) {
        self.turns += other.turns;
        self.lifo_runs += other.lifo_runs;
        self.injected += other.injected;
        self.steals += other.steals;
        self.parks += other.parks;
        self.unparks += other.unparks;
        self.timers_fired += other.timers_fired;
        self.io_ready += other.io_ready;
        self.preemptions += other.preemptions;
        self.blocked += other.blocked;
        self.hand_overs += other.hand_overs;
    }
}

/// What a pool has done since it was started, and what waits in it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct PoolStats {
    /// One for each worker.
    pub workers: Vec<WorkerStats>,
    /// Runnable tasks in queues, about.
    pub queued: usize,
    /// Timers that are not due yet.
    pub timers: usize,
    /// Registered I/O sources.
    pub registrations: usize,
    /// What the watching thread has done.
    pub watcher: WatcherStats,
}

/// What the watching thread of a pool has done since the pool was started.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct WatcherStats {
    /// Times that it looked at the workers.
    pub patrols: u64,
    /// Timers that it fired in place of a worker that was stuck.
    pub timers_fired: u64,
}

impl PoolStats {
    /// The sum over all workers, and what the watcher did in their place.
    pub fn total(&self) -> WorkerStats {
        let mut total = WorkerStats::default();
        for worker in &self.workers {
            total.add(worker);
        }
        total.timers_fired += self.watcher.timers_fired;
        total
    }
}
