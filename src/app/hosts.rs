//! The running process hosts of an application: each a pool of worker threads.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::compile;
use super::entry::HostEntry;
use crate::lua;
use crate::process::{Host, HostConfig, MemoryWatch, Process, Runtime, interned};
use crate::scheduler::{Mode, Pool as _, PoolConfig, PoolStats, Survey, ThreadPool};

/// The stack of each worker: Lua's own limit of nested C calls needs well below half of it.
const STACK_BYTES: usize = 2 << 20;

/// How long a process waits before it is put to rest, so that it needs less memory. To wake it up
/// again costs some microseconds, which nobody notices who has waited for so long. Debug builds do
/// it all the time, so that all tests run through it.
const REST_AFTER_NS: u64 = if cfg!(debug_assertions) { 50_000 } else { 250_000_000 };

/// The hosts that were started.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    running: Mutex<Vec<Running>>,
}

/// What a host has done since it was started.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HostStats {
    /// Its id.
    pub id: String,
    /// Processes that live on it.
    pub n_live: usize,
    /// Processes that were ended because all of them together held more than
    /// `total_memory_limit`.
    pub n_memory_kills: u64,
    /// Its workers: turns, preemptions, timers.
    pub pool: PoolStats,
}

/// A host, its workers, and how many of its processes its memory limit has ended.
#[derive(Debug)]
struct Running {
    host: Arc<Host>,
    pool: Arc<ThreadPool<Process>>,
    n_memory_kills: Arc<AtomicU64>,
}

impl Hosts {
    /// Starts the workers of a host.
    ///
    /// # Errors
    /// What the system says when it refuses a thread.
    pub(crate) fn start(
        &self,
        id: &str,
        entry: &HostEntry,
        runtime: &Arc<Runtime>,
    ) -> io::Result<Arc<Host>> {
        let cpus = || thread::available_parallelism().map_or(1, usize::from);
        let id = interned(id);
        let watch =
            entry.total_memory_limit.map(|limit| MemoryWatch::new(id, limit, Arc::clone(runtime)));
        let n_memory_kills = watch.as_ref().map(MemoryWatch::n_kills).unwrap_or_default();
        let pool_config = PoolConfig {
            name: id.to_owned(),
            workers: entry.workers.unwrap_or_else(cpus),
            slice_ns: entry.slice_ns,
            preempt_arm: Some(lua::arm),
            when_idle: Some(lua::tidy),
            rest_after_ns: Some(REST_AFTER_NS),
            mode: Mode::default(),
            thread_stack_bytes: STACK_BYTES,
        };
        let survey = watch.map(|watch| Box::new(watch) as Box<dyn Survey<Process>>);
        let pool = ThreadPool::start_with(pool_config, survey)?;
        let config = HostConfig {
            id,
            max_processes: entry.max_processes,
            limits: compile::limits(entry.memory_limit, entry.mailbox),
            total_memory_bytes: entry.total_memory_limit,
            stop_timeout_ns: entry.lifecycle.stop_timeout_ns,
        };
        let host = Host::new(config, Arc::clone(&pool) as _, Arc::clone(runtime));
        self.lock().push(Running { host: Arc::clone(&host), pool, n_memory_kills });
        Ok(host)
    }

    /// What each host has done so far, in the order of their start.
    pub(crate) fn stats(&self) -> Vec<HostStats> {
        let running = self.lock();
        let stats = |Running { host, pool, n_memory_kills }: &Running| HostStats {
            id: host.id().to_owned(),
            n_live: host.n_live(),
            n_memory_kills: n_memory_kills.load(Ordering::Relaxed),
            pool: pool.stats(),
        };
        running.iter().map(stats).collect()
    }

    /// Whether no process of any host can move, unless something comes from outside.
    ///
    /// One pass over the pools is not enough: a process of a pool that is yet to be looked at may
    /// wake one of a pool that was found quiet, and then sleep. With two passes it would have to do
    /// so between them, in a turn that begins behind the first look at the counters, and the second
    /// look shows that turn.
    pub(crate) fn is_quiet(&self) -> bool {
        let running = self.lock();
        let pass = || running.iter().all(|host| host.pool.is_quiet());
        let n_turns =
            || -> u64 { running.iter().map(|host| host.pool.stats().total().turns).sum() };
        let before = n_turns();
        pass() && pass() && n_turns() == before
    }

    /// Ends the threads of every host on which nothing lives. One with a process that cannot be
    /// ended keeps its threads, since waiting for them might take for ever.
    pub(crate) fn stop(&self) {
        for Running { host, pool, .. } in std::mem::take(&mut *self.lock()) {
            if host.n_live() == 0 {
                pool.shutdown();
            } else {
                // The last owner would wait for the threads.
                std::mem::forget(pool);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
