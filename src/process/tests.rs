//! Single cases between processes, played by scripts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use super::{
    Body, Encoded, Event, Exit, Failure, Host, HostConfig, Letter, Limits, Message, Pid, Process,
    Runtime, Sink, SpawnRequest, Step, StepEnd, TakenIn, Watch, kind,
};
use crate::scheduler::sim::SimPool;
use crate::scheduler::{Mode, Pool, PoolConfig, Readiness, STACK_BYTES_MIN, ThreadPool};

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
        let config = HostConfig {
            id: "test:host",
            max_processes: 10,
            limits: Limits::default(),
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
