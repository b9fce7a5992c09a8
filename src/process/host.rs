//! A process host: a pool of workers, the limits of its processes, and its part in a shutdown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::body::Limits;
use super::live::Process;
use super::room::Room;
use super::runtime::Runtime;
use crate::scheduler::Pool;
use crate::stash::stashed;

/// What a host is made of.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// The host's id.
    pub id: &'static str,
    /// Live processes at one time.
    pub max_processes: usize,
    /// Defaults for its processes.
    pub limits: Limits,
    /// What all its processes together may hold, kept by a [`MemoryWatch`](super::MemoryWatch).
    pub total_memory_bytes: Option<u64>,
    /// From CANCEL to kill at shutdown, in nanoseconds.
    pub stop_timeout_ns: u64,
}

/// A running host.
pub struct Host {
    config: HostConfig,
    pool: Arc<dyn Pool<Process>>,
    runtime: Arc<Runtime>,
    room: Room,
    stopping: AtomicBool,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("config", &self.config).field("live", &self.n_live()).finish()
    }
}

impl Host {
    /// A host of `runtime` whose processes run on `pool`.
    pub fn new(
        config: HostConfig,
        pool: Arc<dyn Pool<Process>>,
        runtime: Arc<Runtime>,
    ) -> Arc<Host> {
        let room = Room::new(config.max_processes);
        Arc::new(Host { config, pool, runtime, room, stopping: AtomicBool::new(false) })
    }

    /// The runtime that its processes belong to.
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// The host's id.
    pub fn id(&self) -> &'static str {
        self.config.id
    }

    /// What it was made of.
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// Whether what its processes hold is added up.
    pub(crate) fn is_watched(&self) -> bool {
        self.config.total_memory_bytes.is_some()
    }

    /// Its workers.
    pub fn pool(&self) -> &Arc<dyn Pool<Process>> {
        &self.pool
    }

    /// How many processes live on it. Exact while none begins or ends.
    pub fn n_live(&self) -> usize {
        self.room.n_taken()
    }

    /// From now on every spawn on it fails.
    pub fn stop_spawning(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether a spawn on it would be refused because something stops.
    pub fn is_stopping_or_runtime(&self) -> bool {
        self.is_stopping() || self.runtime.is_stopping()
    }

    /// Whether one more process may live on it. A hint: the spawn itself decides.
    pub fn has_room(&self) -> bool {
        self.room.is_left()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Claims room for one process; false at the limit.
    pub(crate) fn admit(&self) -> bool {
        self.room.take()
    }

    pub(crate) fn leave(&self) {
        self.room.give_back();
    }
}

stashed!(Host);
