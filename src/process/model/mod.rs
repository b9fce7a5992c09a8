//! What processes owe each other, put to the test: processes that do random things to each other,
//! note what they did, and compare what they get to see with the rules.
//!
//! # Concepts
//! * **Actor**: a process whose program is a series of random operations (`actor.rs`).
//! * **Notes**: what one actor did and saw, and the rules that it judges by (`notes.rs`).
//! * **World**: the actors of one run and who decides for them. In the simulator nothing happens
//!   between two operations of a turn, so there the world also keeps a model of all links and names
//!   (`oracle.rs`), which has to agree with every answer.
//!
//! # Rules
//! Numbers R1 to R6 are those of the guarantees in the specification of processes, section 19:
//! order per pair, an end after all messages, EXIT exactly once, an end visible with its notice,
//! EXIT before LINK_DOWN, everything in place before the first step. When all is quiet, nothing may
//! be under way, known by one side only, or left behind by the dead.
//!
//! # Panics
//! Whenever a rule is broken; the text begins with the seed.

mod actor;
mod notes;
mod oracle;

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::message::Encoded;
use super::signal::{MonitorKey, Observer, Watcher};
use super::{Exit, Failure, Host, HostConfig, Limits, Pid, Process, Runtime, Serial};
use super::{SpawnRequest, Spawned, Watch};
use crate::scheduler::sim::SimPool;
use crate::scheduler::{Context, Pool};
use actor::Actor;
use notes::Notes;
use oracle::Oracle;

/// Names that the actors fight for.
const NAMES: [&str; 3] = ["red", "green", "blue"];

/// What a planned panic carries.
const PLANNED: &str = "planned";

/// Operations of one simulated run.
const SIM_OPS: u64 = 150;

/// Turns that such a run may take, far above what it needs, so that one which does not end is told.
const SIM_STEPS_MAX: u64 = 100_000;

/// The actors of one run.
struct World {
    runtime: Arc<Runtime>,
    hosts: Vec<Arc<Host>>,
    choices: Mutex<Choices>,
    /// When none are left, actors only take in what others send.
    ops_left: AtomicU64,
    next_spawn: AtomicU64,
    /// Whoever may be done something to, dead or alive.
    targets: Mutex<Vec<Pid>>,
    notes: Mutex<FxHashMap<Serial, Arc<Mutex<Notes>>>>,
    /// Ends that were told to observers outside of the processes.
    observed: Mutex<FxHashMap<Serial, u32>>,
    oracle: Option<Mutex<Oracle>>,
    broken: Mutex<Vec<String>>,
}

/// Who decides.
enum Choices {
    /// The pool, which in the simulator follows a seed.
    Pool,
    /// The bytes of a fuzzer; the rest of them.
    Bytes(Vec<u8>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    fn new(pools: Vec<Arc<dyn Pool<Process>>>, per_host: usize, choices: Choices) -> World {
        let ids = ["model:one", "model:two"];
        let runtime = Runtime::new();
        let host = |(id, pool)| {
            let limits = Limits::default();
            let config = HostConfig {
                id,
                max_processes: per_host,
                limits,
                total_memory_bytes: None,
                stop_timeout_ns: 0,
            };
            Host::new(config, pool, runtime.clone())
        };
        World {
            hosts: ids.into_iter().zip(pools).map(host).collect(),
            runtime,
            choices: Mutex::new(choices),
            ops_left: AtomicU64::new(0),
            next_spawn: AtomicU64::new(0),
            targets: Mutex::default(),
            notes: Mutex::default(),
            observed: Mutex::default(),
            oracle: None,
            broken: Mutex::default(),
        }
    }

    /// A number below `n`.
    fn pick(&self, worker: &dyn Context<Process>, n: usize) -> usize {
        match &mut *lock(&self.choices) {
            Choices::Pool => (worker.random() % n as u64) as usize,
            Choices::Bytes(bytes) => bytes.pop().map_or(0, |byte| usize::from(byte) % n),
        }
    }

    /// Claims the next operation; false when all are done.
    fn claim_op(&self) -> bool {
        if matches!(&*lock(&self.choices), Choices::Bytes(bytes) if bytes.is_empty()) {
            self.ops_left.store(0, Ordering::Relaxed);
        }
        let less = |left: u64| left.checked_sub(1);
        self.ops_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// Notes a broken rule. A panic would only end the process in whose turn it happens.
    fn must(&self, holds: bool, rule: impl Display) {
        if !holds {
            lock(&self.broken).push(rule.to_string());
        }
    }

    fn notes_of(&self, serial: Serial) -> Option<Arc<Mutex<Notes>>> {
        lock(&self.notes).get(&serial).cloned()
    }

    fn oracle(&self) -> Option<MutexGuard<'_, Oracle>> {
        self.oracle.as_ref().map(lock)
    }

    /// Spawns the first actors and has them go on for `n_ops`.
    fn start(self: &Arc<Self>, n_actors: usize, n_ops: u64) {
        self.ops_left.store(n_ops, Ordering::Relaxed);
        self.start_actors(n_actors);
    }

    /// Spawns actors that are observed from outside, as far as their hosts have room.
    fn start_actors(self: &Arc<Self>, n_actors: usize) {
        let world = Arc::downgrade(self);
        self.runtime.set_failure_log(Box::new(move |_, exit, _| {
            let text = exit.error.as_ref().map(Failure::text).unwrap_or_default();
            if let (Some(world), Some(fault)) =
                (world.upgrade(), text.strip_prefix("runtime fault: "))
            {
                world.must(fault == PLANNED, format_args!("a step panicked: {fault}"));
            }
        }));
        for id in 0..n_actors {
            let host = &self.hosts[id % self.hosts.len()];
            let world = Arc::downgrade(self);
            let observer = Observer::new(move |pid, _| {
                if let Some(world) = world.upgrade() {
                    world.check_end(pid);
                    *lock(&world.observed).entry(pid.serial()).or_default() += 1;
                }
            });
            let key = MonitorKey { watcher: 0, id: id as u64 };
            let request = SpawnRequest {
                entry: "model:actor",
                body: Box::new(Actor::new(self, Vec::new(), None)),
                limits: Limits::default(),
                trap_links: id % 2 == 0,
                name: None,
                messages: Vec::new(),
                watch: Watch::Outside(Watcher::Outside(observer, key)),
                link: false,
            };
            let spawned = self.runtime.spawn(host, request, None, host.pool().outside());
            let Ok(Spawned { pid, .. }) = spawned else { continue };
            lock(&self.observed).entry(pid.serial()).or_default();
            lock(&self.targets).push(pid);
        }
    }

    /// R4: whoever is told of an end finds the process dead and its names free.
    fn check_end(&self, ended: Pid) {
        self.must(!self.runtime.is_alive(ended), "R4: the ended process lives");
        for name in NAMES {
            let holder = self.runtime.lookup(name);
            self.must(holder != Some(ended), "R4: the ended process holds a name");
        }
    }

    /// Ends every actor.
    fn kill_all(&self) {
        for process in self.runtime.processes() {
            let worker = process.host().pool().outside();
            self.runtime.kill(process.pid(), Failure::shutdown(), worker);
        }
    }

    /// What holds whenever nobody runs and no timer is set.
    fn check_quiet(&self) {
        let processes = self.runtime.processes();
        self.must(processes.len() == self.runtime.n_live(), "the count of the living is wrong");
        let live: FxHashMap<_, _> = processes
            .iter()
            .filter_map(|process| {
                Some((process.pid().serial(), self.notes_of(process.pid().serial())?))
            })
            .collect();
        self.must(live.len() == processes.len(), "a process was never run");
        for (&serial, notes) in &live {
            let notes = lock(notes).clone();
            notes.check_relations(self, serial, &live);
            for (&sender, of_sender) in lock(&self.notes).iter() {
                let sent = lock(of_sender).sent_to(serial);
                let received = notes.received_from(sender);
                self.must(sent == received, format_args!("R1: {received} of {sent} arrived"));
            }
        }
    }

    /// What holds when every actor has ended.
    fn check_empty(&self) {
        let n_live = self.runtime.n_live();
        self.must(n_live == 0, format_args!("{n_live} processes live after the end"));
        self.must(self.runtime.n_names() == 0, "names are left");
        let mut n_left = 0;
        self.runtime.table().for_each(|_| n_left += 1);
        self.must(n_left == 0, "processes are left in the table");
        for host in &self.hosts {
            self.must(host.n_live() == 0, "a host counts processes");
            self.must(host.pool().stats().timers == 0, "timers are left");
        }
        let observed = lock(&self.observed);
        self.must(observed.values().all(|&times| times == 1), "R3: an observer was not told once");
    }

    /// Panics if a rule was broken.
    fn judge(&self, run: &dyn Display) {
        let broken = lock(&self.broken);
        assert!(broken.is_empty(), "{run}: {} broken rules, first {:#?}", broken.len(), broken[0]);
    }
}

/// Runs one simulation, all of whose choices follow from `seed`.
///
/// # Panics
/// When a rule is broken.
pub fn check_seed(seed: u64) {
    simulate(seed, Choices::Pool, SIM_OPS);
}

/// Runs one simulation whose operations are chosen by `data`, its order by the first eight bytes.
///
/// # Panics
/// When a rule is broken.
pub fn check_ops(data: &[u8]) {
    let (seed, rest) = data.split_first_chunk().unwrap_or((&[0; 8], data));
    let bytes = rest.iter().rev().copied().collect();
    simulate(u64::from_le_bytes(*seed), Choices::Bytes(bytes), rest.len() as u64);
}

fn simulate(seed: u64, choices: Choices, n_ops: u64) {
    let sim = SimPool::new(seed);
    let pool: Arc<dyn Pool<Process>> = sim.clone();
    let mut world = World::new(vec![pool], 12, choices);
    world.oracle = Some(Mutex::default());
    let world = Arc::new(world);
    world.start(4, n_ops);
    let ran = |world: &World| {
        let mut steps = (0..SIM_STEPS_MAX).take_while(|_| sim.step());
        world.must(steps.by_ref().count() < SIM_STEPS_MAX as usize, "the run does not end");
    };
    ran(&world);
    world.check_quiet();
    world.kill_all();
    ran(&world);
    world.check_empty();
    world.must(Arc::strong_count(&world) == 1, "a program outlives its process");
    sim.clear();
    world.judge(&format_args!("seed {seed}"));
}

/// The first payload of a message, for who gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stamp {
    /// The sender's `n`th signal to this receiver.
    Nth { sender: Serial, n: u64 },
    /// The `n`th of the messages that were there before the first step of spawn `spawn`.
    Early { spawn: u64, n: u64 },
}

impl Stamp {
    fn encode(self) -> Encoded {
        let (tag, a, b) = match self {
            Stamp::Nth { sender, n } => (0_u8, sender.get(), n),
            Stamp::Early { spawn, n } => (1, spawn, n),
        };
        let data = [tag].into_iter().chain(a.to_le_bytes()).chain(b.to_le_bytes()).collect();
        Encoded { data, n_values: 1 }
    }

    fn decode(encoded: &Encoded) -> Stamp {
        let number = |at: usize| {
            let bytes = encoded.data[at..at + 8].try_into().expect("eight bytes");
            u64::from_le_bytes(bytes)
        };
        match encoded.data[0] {
            0 => Stamp::Nth { sender: Serial::from_raw(number(1)), n: number(9) },
            _ => Stamp::Early { spawn: number(1), n: number(9) },
        }
    }
}

/// How an actor fails that is killed by the `n`th signal of another.
fn killed_by(sender: Serial, n: u64) -> Failure {
    Failure::new(super::kind::INTERNAL, format!("killed by {} {n}", sender.get()))
}

/// Who killed, by which of its signals.
fn killer(exit: &Exit) -> Option<(Serial, u64)> {
    let text = exit.error.as_ref()?.text();
    let (sender, n) = text.strip_prefix("killed by ")?.split_once(' ')?;
    Some((Serial::from_raw(sender.parse().ok()?), n.parse().ok()?))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    #[cfg(not(miri))]
    use crate::scheduler::{Mode, PoolConfig, STACK_BYTES_MIN, ThreadPool};

    #[test]
    fn processes_keep_the_rules_in_every_order() {
        let seeds = if cfg!(miri) {
            3
        } else if cfg!(debug_assertions) {
            1_000
        } else {
            10_000
        };
        (0..seeds).for_each(check_seed);
    }

    #[test]
    #[cfg(not(miri))]
    fn processes_keep_the_rules_on_real_threads() {
        let n_ops = if cfg!(debug_assertions) { 50_000 } else { 400_000 };
        let pools = ["one", "two"].map(|name| {
            let config = PoolConfig {
                name: name.to_owned(),
                workers: 2,
                slice_ns: 1_000_000,
                preempt_arm: None,
                when_idle: None,
                rest_after_ns: Some(0),
                mode: Mode::Count(1),
                thread_stack_bytes: STACK_BYTES_MIN,
            };
            ThreadPool::start(config).expect("threads")
        });
        // A process of the second pool may wake one of the first between the looks at them, so both
        // are looked at twice, and nothing may have run meanwhile.
        let n_turns = || pools.iter().map(|pool| pool.stats().total().turns).sum::<u64>();
        let is_quiet = || pools.iter().all(|pool| pool.is_quiet());
        let until_quiet = || {
            while {
                let before = n_turns();
                !(is_quiet() && is_quiet() && n_turns() == before)
            } {
                std::thread::yield_now();
            }
        };
        let dynamic = pools.iter().map(|pool| pool.clone() as Arc<dyn Pool<Process>>).collect();
        let world = Arc::new(World::new(dynamic, 40, Choices::Pool));
        world.ops_left.store(n_ops, Ordering::Relaxed);
        // After a while all that live wait for each other: the end of some gets others going.
        while world.ops_left.load(Ordering::Relaxed) > 0 {
            world.start_actors(20);
            until_quiet();
            world.check_quiet();
            world.judge(&"on threads");
            world.kill_all();
            until_quiet();
        }
        // From here on nobody spawns.
        world.kill_all();
        world.runtime.wait_empty();
        until_quiet();
        world.check_empty();
        pools.iter().for_each(|pool| pool.shutdown());
        world.must(Arc::strong_count(&world) == 1, "a program outlives its process");
        world.judge(&"on threads");
    }
}
