//! Programs as processes of the simulator.

use std::sync::{Arc, mpsc};

use super::environment;
#[cfg(test)]
use super::program;
#[cfg(test)]
#[cfg(not(loom))]
use super::program_with;
use crate::lua::body::LuaBody;
#[cfg(test)]
#[cfg(not(loom))]
use crate::lua::program::Module;
use crate::lua::program::Program;
use crate::process::{
    Body, Cancel, Encoded, Failure, Grace, Host, HostConfig, Limits, MonitorKey, Observer, Pid,
    Process, Runtime, SharedExit, Signal, SpawnRequest, Watch, Watcher,
};
use crate::scheduler::Pool;
use crate::scheduler::sim::SimPool;

/// A process, alone in a simulator.
pub(crate) struct Simulated {
    runtime: Arc<Runtime>,
    pool: Arc<SimPool<Process>>,
    pid: Pid,
    exits: mpsc::Receiver<SharedExit>,
}

impl Simulated {
    /// Spawns it; all that happens later follows from `seed`.
    pub(crate) fn new(seed: u64, body: Box<dyn Body>, limits: Limits) -> Simulated {
        let runtime = Runtime::new();
        let pool = SimPool::new(seed);
        let config = HostConfig {
            id: "test:host",
            max_processes: 100,
            limits,
            total_memory_bytes: None,
            stop_timeout_ns: 0,
        };
        let host = Host::new(config, pool.clone(), runtime.clone());
        let (sender, exits) = mpsc::channel();
        let told = Observer::new(move |_, exit| sender.send(exit.clone()).unwrap());
        let request = SpawnRequest {
            entry: "test",
            body,
            limits,
            trap_links: false,
            name: None,
            messages: Vec::new(),
            watch: Watch::Outside(Watcher::Outside(told, MonitorKey { watcher: 0, id: 1 })),
            link: false,
        };
        let pid = runtime.spawn(&host, request, None, pool.outside()).unwrap().pid;
        Simulated { runtime, pool, pid, exits }
    }

    /// Runs until nothing is left to do, but at most so many steps; how it ended, if it has.
    pub(crate) fn run(&self, n_steps_max: usize) -> Option<SharedExit> {
        (0..n_steps_max).take_while(|_| self.pool.step()).for_each(drop);
        self.exits.try_recv().ok()
    }

    /// Runs until so much virtual time has passed, with a deadline then that kills it.
    pub(crate) fn run_to_kill(&self, after_ns: u64) {
        let at_ns = self.pool.now_ns() + after_ns;
        let grace = Grace { at_ns, wall_ns: 0, failure: Some(Failure::terminated()) };
        let cancel = Cancel { from: None, reason: Vec::new(), at_ns: 0, grace: Some(grace) };
        self.runtime.signal(self.pid, Signal::Cancel(Box::new(cancel)), self.pool.outside());
        self.pool.run_until(at_ns);
    }
}

/// Runs a process with this body until nothing is left to do: how it ended.
#[cfg(test)]
pub(crate) fn simulate(seed: u64, body: Box<dyn Body>) -> SharedExit {
    let process = Simulated::new(seed, body, Limits::default());
    process.run(usize::MAX).expect("the process has ended")
}

/// A whole program, whose slices are of random lengths.
pub(crate) fn body(program: Arc<Program>, limits: Limits) -> Box<dyn Body> {
    Box::new(LuaBody::new(environment(), program, Encoded::default(), limits))
}

/// Runs a whole program until nothing is left to do: how it ended.
#[cfg(test)]
pub(crate) fn simulate_program(seed: u64, source: &str) -> SharedExit {
    simulate(seed, body(program(source), Limits::default()))
}

/// As [`simulate_program`], for a program that may use these modules.
#[cfg(test)]
#[cfg(not(loom))]
pub(crate) fn simulate_program_with(seed: u64, source: &str, modules: &[Module]) -> SharedExit {
    simulate(seed, body(program_with(source, modules), Limits::default()))
}
