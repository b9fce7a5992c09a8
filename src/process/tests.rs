//! Single cases between processes, played by scripts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use super::{
    Body, Encoded, Event, Exit, Failure, Host, HostConfig, Letter, Limits, MemoryWatch, Message,
    Pid, Process, Runtime, Sink, SpawnRequest, Step, StepEnd, TakenIn, Watch, kind,
};
use crate::scheduler::sim::SimPool;
use crate::scheduler::{Mode, Pool, PoolConfig, Readiness, STACK_BYTES_MIN, Survey, ThreadPool};

/// A process whose every step is a call.
struct Script<F>(F);

impl<F: FnMut(&mut Step<'_>) -> StepEnd + Send> Body for Script<F> {
    fn step(&mut self, step: &mut Step<'_>) -> StepEnd {
        (self.0)(step)
    }

    fn end(&mut self, _step: &mut Step<'_>) {}

    fn places(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Takes anything, and keeps nothing.
struct Nowhere;

impl Sink for Nowhere {
    fn message(&mut self, _letter: Letter) {}
    fn event(&mut self, _event: Event) {}
    fn timer(&mut self, _token: u64, _at_ns: u64) {}
    fn io(&mut self, _token: u64, _ready: Readiness) {}
    fn reply(&mut self, _id: u64, _result: Result<Encoded, Box<Failure>>) {}
    fn watched_exit(&mut self, _id: u64, _from: Pid, _exit: &Exit) {}
    fn done(&mut self, _id: u64, _result: Box<dyn std::any::Any + Send>) {}
}

/// A runtime with one host.
struct Stage {
    runtime: Arc<Runtime>,
    host: Arc<Host>,
}

impl Stage {
    fn new(pool: Arc<dyn Pool<Process>>) -> Stage {
        Stage::with(pool, None)
    }

    fn with(pool: Arc<dyn Pool<Process>>, total_memory_bytes: Option<u64>) -> Stage {
        let config = HostConfig {
            id: "test:host",
            max_processes: 10,
            limits: Limits::default(),
            total_memory_bytes,
            stop_timeout_ns: 0,
        };
        let runtime = Runtime::new();
        Stage { host: Host::new(config, pool, runtime.clone()), runtime }
    }

    fn spawn(&self, script: impl FnMut(&mut Step<'_>) -> StepEnd + Send + 'static) -> Pid {
        let request = SpawnRequest {
            entry: "test:script",
            body: Box::new(Script(script)),
            limits: Limits::default(),
            trap_links: false,
            name: None,
            messages: Vec::new(),
            watch: Watch::No,
            link: false,
        };
        let worker = self.host.pool().outside();
        self.runtime.spawn(&self.host, request, None, worker).expect("room").pid
    }
}

fn failed() -> StepEnd {
    StepEnd::Finished(Box::new(Exit::failed(Failure::new(kind::INTERNAL, "planned"))))
}

#[test]
fn a_link_that_was_removed_no_longer_kills_even_if_the_other_end_has_failed() {
    let sim = SimPool::new(1);
    let stage = Stage::new(sim.clone());
    let peer = stage.spawn(|step| match step.take_in(&mut Nowhere) {
        TakenIn::Some => failed(),
        _ => StepEnd::Waiting,
    });
    let mut is_linked = false;
    let linked = stage.spawn(move |step| {
        if !is_linked {
            is_linked = true;
            assert!(step.link(peer));
            return StepEnd::Preempted;
        }
        if step.runtime().is_alive(peer) {
            return StepEnd::Preempted;
        }
        // The LINK_DOWN waits, not taken in.
        assert!(step.process.has_signals());
        step.unlink(peer);
        assert_eq!(step.take_in(&mut Nowhere), TakenIn::Some);
        StepEnd::Waiting
    });
    for _ in 0..1_000 {
        sim.step();
    }
    assert!(!stage.runtime.is_alive(peer));
    assert!(stage.runtime.is_alive(linked));
    stage.runtime.kill(linked, Failure::shutdown(), sim.outside());
    sim.clear();
}

/// Processes that each hold what they are told, on a host with room for 100 bytes.
#[test]
fn of_a_host_above_its_limit_the_largest_process_is_told_once() {
    let sim = SimPool::new(1);
    let stage = Stage::with(sim.clone(), Some(100));
    let elsewhere =
        Stage { host: Stage::with(sim.clone(), None).host, runtime: stage.runtime.clone() };
    let (goes_back, back) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    back.store(true, Ordering::Relaxed);
    let holds = |bytes: usize, may_end: &Arc<AtomicBool>| {
        let may_end = may_end.clone();
        stage.spawn(move |step| {
            step.process.account().expect("the host has a limit").set(bytes);
            if may_end.load(Ordering::Relaxed)
                && let TakenIn::Killed = step.take_in(&mut Nowhere)
            {
                let failure = step.state.take_kill().expect("decided");
                return StepEnd::Finished(Box::new(Exit::failed(*failure)));
            }
            StepEnd::Preempted
        })
    };
    let (small, middle, large) = (holds(30, &back), holds(40, &back), holds(50, &goes_back));
    let other = elsewhere.spawn(|step| {
        assert!(step.process.account().is_none(), "nobody counts here");
        StepEnd::Preempted
    });
    let run = || (0..100).for_each(|_| _ = sim.step());
    run();
    let mut watch = MemoryWatch::new(stage.host.id(), 100, stage.runtime.clone());
    let n_kills = watch.n_kills();
    for _ in 0..3 {
        assert!(watch.piece(sim.outside()), "one piece is enough for so few");
        run();
        let lives = [small, middle, large].map(|pid| stage.runtime.is_alive(pid));
        assert_eq!((lives, n_kills.load(Ordering::Relaxed)), ([true; 3], 1), "memory comes late");
    }
    goes_back.store(true, Ordering::Relaxed);
    run();
    assert!(!stage.runtime.is_alive(large));
    assert!(watch.piece(sim.outside()));
    run();
    assert!([small, middle, other].iter().all(|pid| stage.runtime.is_alive(*pid)));
    let _much = holds(31, &back);
    run();
    assert!(watch.piece(sim.outside()));
    run();
    assert!(!stage.runtime.is_alive(middle) && n_kills.load(Ordering::Relaxed) == 2);
    sim.clear();
}

/// A process to which signals come faster than it can park.
#[test]
fn signals_without_end_do_not_keep_a_worker_from_others() {
    let config = PoolConfig {
        name: "test".to_owned(),
        workers: 1,
        slice_ns: 1_000_000,
        preempt_arm: None,
        when_idle: None,
        rest_after_ns: Some(0),
        mode: Mode::Count(1),
        thread_stack_bytes: STACK_BYTES_MIN,
    };
    let pool = ThreadPool::start(config).expect("threads");
    let stage = Stage::new(pool.clone());
    let is_over = Arc::new(AtomicBool::new(false));
    let over = is_over.clone();
    stage.spawn(move |step| {
        let _ = step.take_in(&mut Nowhere);
        if over.load(Ordering::Relaxed) {
            return StepEnd::Finished(Box::new(Exit::normal(None)));
        }
        let me = step.process.pid();
        let message = Message {
            topic: b"again"[..].into(),
            from: Some(me),
            payload: Encoded::default(),
            call: None,
            attachment: None,
        };
        step.runtime().send(me, message, step.worker).expect("alive");
        StepEnd::Waiting
    });
    let (sender, other_ran) = mpsc::channel();
    stage.spawn(move |_| {
        sender.send(()).expect("the test waits");
        StepEnd::Finished(Box::new(Exit::normal(None)))
    });
    other_ran.recv().expect("it runs");
    is_over.store(true, Ordering::Relaxed);
    stage.runtime.wait_empty();
    pool.shutdown();
}
