//! What the host functions of one process share: its place in the runtime and its Lua-side state.
//!
//! # Invariants
//! * **C1** `step` is set exactly while a step of the process runs; host functions run only then.
//! * **C2** No reference out of `StepRef::get` is held over a call that makes another.

#![expect(unsafe_code, reason = "reaches the running step from host functions; invariants C1, C2")]

use std::any::Any;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use rustc_hash::FxHashMap;

use super::api::process::Spawners;
use super::fiber::{Fibers, Resumption};
use super::inbox::Inbox;
use super::net::{Resolved, Sockets};
use super::operations::Operations;
use super::program::{Catalog, Program};
use super::raw::{Outcome, Stack};
use super::timers::{Timers, Token};
use super::value::{Slots, Value};
use crate::channel::{Case, ChannelId, Channels};
use crate::process::{self, Encoded, Event, Exit, Failure, Letter, Pid, Process, Sink, Step};
use crate::scheduler::{Mode, Readiness};
use crate::stash::{Shared, stashed};
use crate::writer::Writer;

/// What the Lua side of a runtime shares among its processes.
#[derive(Debug)]
pub struct Environment {
    /// Entries and hosts.
    pub catalog: Catalog,
    /// Standard output.
    pub output: Arc<Writer>,
    /// When the runtime started, for `os.clock`.
    pub started: Instant,
}

/// A program with its environment: what its processes share. One reference to count, where all
/// workers count.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) env: Arc<Environment>,
    pub(crate) program: Arc<Program>,
}

impl Launch {
    pub(crate) fn new(env: Arc<Environment>, program: Arc<Program>) -> Shared<Launch> {
        Shared::new(&Arc::new(Launch { env, program }))
    }
}

stashed!(Launch);

/// Why the running coroutine handed control to the process's loop.
#[derive(Debug)]
pub(crate) enum Suspend {
    /// It did not: a hook interrupted it.
    Interrupted,
    /// The fiber waits for something that will wake it.
    Wait,
    /// The fiber goes to the end of the queue.
    Yield,
    /// The coroutine yields the values on top of its stack to its resumer.
    YieldValues,
    /// The coroutine resumes the one on top of its stack, with the values above it.
    Resume {
        /// By a function of `coroutine.wrap`.
        wrapped: bool,
    },
    /// A new fiber runs first; then this one goes on.
    Spawned(crate::channel::FiberId),
    /// The program is replaced.
    Upgrade(Box<Upgrade>),
}

/// What `process.upgrade` asks for.
#[derive(Debug)]
pub(crate) struct Upgrade {
    pub(crate) launch: Shared<Launch>,
    pub(crate) args: Encoded,
}

/// What taking in signals from a host function led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenIn {
    /// The program goes on.
    GoOn,
    /// The process is killed: no code of it may go on.
    Die,
}

/// The running step, reachable from host functions.
#[derive(Debug, Default)]
pub(crate) struct StepRef(Option<NonNull<Step<'static>>>);

// SAFETY: C1: empty whenever the process is not running, so nothing crosses threads with it.
unsafe impl Send for StepRef {}

impl StepRef {
    pub(crate) fn set(&mut self, step: &mut Step<'_>) {
        self.0 = Some(NonNull::from(step).cast());
    }

    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }

    /// Only bare VMs of tests run without a step.
    fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// The running step.
    pub(crate) fn get<'a>(&self) -> &'a mut Step<'static> {
        // SAFETY: C1 and C2.
        unsafe { self.0.expect("C1: host functions run in a step").as_mut() }
    }
}

/// Arrivals that need the step themselves, so that they are handled after the signals are taken in.
#[derive(Debug)]
enum Arrived {
    /// Timers are due.
    Timer,
    Io(u64, Readiness),
    Reply(u64, Result<Encoded, Box<Failure>>),
    Watched(u64, Pid, Box<Exit>),
    Done(u64, Box<dyn Any + Send>),
}

/// The state behind every host function of one process. What a message touches comes first, as in
/// the [`Universe`](super::raw::Universe).
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Cx {
    pub(crate) step: StepRef,
    pub(crate) suspend: Suspend,
    arrived: Vec<Arrived>,
    /// The unit whose top level runs, for `require` where the caller cannot be told.
    pub(crate) running_unit: usize,
    /// What was spawned last, for the next time.
    pub(crate) last_spawned: Option<Shared<Launch>>,
    pub(crate) fibers: Fibers,
    pub(crate) channels: Channels<Value>,
    pub(crate) inbox: Inbox,
    pub(crate) slots: Slots,
    pub(crate) timers: Timers,
    /// The timers behind channels of `time.after`, timers and tickers.
    pub(crate) timer_of: FxHashMap<ChannelId, Token>,
    pub(crate) operations: Operations,
    pub(crate) sockets: Sockets,
    /// The wishes behind spawner builders.
    pub(crate) spawners: Spawners,
    /// The cases of a running select; kept for its memory.
    pub(crate) cases: Vec<Case<Value>>,
    pub(crate) launch: Shared<Launch>,
    /// Whether it has been logged that the process blocks workers.
    pub(crate) is_known_to_block: bool,
}

// SAFETY: the coroutine pointers in `fibers` are used only by the worker that runs the process.
unsafe impl Send for Cx {}

impl Cx {
    #[inline(always)]
    pub(crate) fn new(launch: Shared<Launch>) -> Cx {
        // Until a library runs, which says so.
        let running_unit = launch.program.units.len() - 1;
        Cx {
            step: StepRef::default(),
            launch,
            fibers: Fibers::default(),
            suspend: Suspend::Interrupted,
            channels: Channels::new(),
            slots: Slots::default(),
            inbox: Inbox::default(),
            timers: Timers::default(),
            timer_of: FxHashMap::default(),
            operations: Operations::default(),
            sockets: Sockets::default(),
            spawners: Spawners::default(),
            last_spawned: None,
            running_unit,
            cases: Vec::new(),
            arrived: Vec::new(),
            is_known_to_block: false,
        }
    }

    /// The process.
    pub(crate) fn process(&self) -> &Arc<Process> {
        self.step.get().process
    }

    pub(crate) fn pid(&self) -> Pid {
        self.process().pid()
    }

    /// Monotonic nanoseconds.
    pub(crate) fn now_ns(&self) -> u64 {
        self.step.get().worker.now_ns()
    }

    /// Takes in the signals that wait for the process.
    #[inline]
    pub(crate) fn take_in(&mut self, stack: &Stack) -> TakenIn {
        let has_garbage = stack.universe().has_garbage() || self.slots.has_stale();
        if !self.process().has_signals() && !has_garbage {
            return TakenIn::GoOn;
        }
        self.release_garbage(stack.universe().take_garbage());
        let taken = self.take_in_signals();
        self.queue_woken();
        self.clear_slots(stack);
        taken
    }

    #[inline]
    pub(crate) fn take_in_signals(&mut self) -> TakenIn {
        self.check_ticket();
        let step = self.step.get();
        let taken = step.take_in(self);
        if !self.arrived.is_empty() {
            self.handle_arrived();
        }
        match taken {
            process::TakenIn::Killed => TakenIn::Die,
            process::TakenIn::Nothing => TakenIn::GoOn,
            process::TakenIn::Some => {
                self.drop_excess();
                TakenIn::GoOn
            }
        }
    }

    #[inline(never)]
    fn handle_arrived(&mut self) {
        for arrived in std::mem::take(&mut self.arrived) {
            // Those whom the one before woke through a channel come before whom this one wakes.
            self.queue_woken();
            self.handle(arrived);
        }
    }

    fn handle(&mut self, arrived: Arrived) {
        match arrived {
            Arrived::Timer => self.fire_due_timers(),
            Arrived::Io(token, ready) => self.socket_ready(token, ready),
            Arrived::Reply(id, result) => self.operation_replied(id, result),
            Arrived::Watched(id, from, exit) => self.operation_watched(id, from, &exit),
            Arrived::Done(id, result) => match result.downcast::<Resolved>() {
                Ok(resolved) => self.name_resolved(id, *resolved),
                Err(result) => self.operation_done(id, result),
            },
        }
    }

    /// A mailbox that drops the oldest message when it is full owes that here.
    fn drop_excess(&mut self) {
        let Some(owed) = self.process().backlog.take_debt() else { return };
        let dropped = self.inbox.drop_oldest(&mut self.channels, owed);
        self.process().backlog.delivered(dropped.n, dropped.bytes);
        if dropped.n < owed.n || dropped.bytes < owed.bytes {
            self.process().backlog.owe();
        }
    }

    /// The running fiber waits in the call `what`.
    pub(crate) fn wait(&mut self, what: &'static str) -> Outcome {
        let running = self.fibers.running();
        self.fibers.get_mut(running).waits_in = what;
        self.suspend = Suspend::Wait;
        Outcome::Suspend(0)
    }

    /// Makes fibers runnable whose channel operations have completed.
    #[inline(always)]
    pub(crate) fn queue_woken(&mut self) {
        if !self.channels.is_quiet() {
            self.queue_all_woken();
        }
    }

    #[inline(never)]
    fn queue_all_woken(&mut self) {
        while let Some(wake) = self.channels.next_wake() {
            self.fibers.wake(wake.fiber, Resumption::Channel(wake.completion));
        }
        self.drop_discarded();
    }

    pub(crate) fn slice_is_over(&self) -> bool {
        self.step.is_set() && self.step.get().preemption.is_expired()
    }

    /// A stretch of host code, in which no hook can count, is over: where instructions are counted
    /// it stands for as many of them as a slice may have.
    pub(crate) fn count_pause(&self) {
        if self.step.is_set() && self.step.get().preemption.mode() != Mode::Signal {
            self.count_reached();
        }
    }

    pub(crate) fn count_reached(&self) -> bool {
        self.step.get().preemption.count_reached()
    }

    /// Whether the slice is over after the fiber has switched so often between its coroutines. Each
    /// switch starts the count of instructions anew, so that they are counted as well where that is
    /// done.
    pub(crate) fn is_spent_after(&self, n_switches: u64) -> bool {
        match self.step.get().preemption.mode() {
            Mode::Count(count) if n_switches.is_multiple_of(u64::from(count)) => {
                self.count_reached()
            }
            _ => self.slice_is_over(),
        }
    }

    /// The slice is over, but the code cannot be suspended here: others go on elsewhere, and a kill
    /// is taken in.
    pub(crate) fn held_up(&mut self) -> TakenIn {
        self.step.get().worker.hand_over();
        self.take_in_signals()
    }

    /// A safepoint of a long step (see `safepoint.rs`).
    pub(crate) fn look_up(&mut self) -> TakenIn {
        self.count_pause();
        if self.slice_is_over() { self.held_up() } else { TakenIn::GoOn }
    }

    /// What follows may take long, and no hook reaches it: others go on elsewhere.
    pub(crate) fn before_long_step(&self) {
        if self.step.is_set() {
            self.step.get().worker.hand_over();
        }
    }

    /// As [`Cx::publish`], for a coroutine that is about to run.
    pub(crate) fn enter(&self, l: *mut super::raw::ffi::lua_State) {
        let preemption = self.step.get().preemption;
        if let Mode::Count(count) = preemption.mode() {
            // SAFETY: it is not running yet.
            unsafe { super::preempt::count(l, count) };
        }
        preemption.publish(l.cast());
    }

    /// Tells the scheduler which coroutine runs now, so that the end of the slice finds it.
    pub(crate) fn publish(&self, l: *mut super::raw::ffi::lua_State) {
        self.step.get().preemption.publish(l.cast());
    }

    /// Whether anything from outside could still wake a fiber.
    pub(crate) fn can_be_woken(&self) -> bool {
        self.inbox.has_open_channel()
            || !self.timers.is_empty()
            || !self.operations.is_empty()
            || self.sockets.has_waiters()
    }
}

impl Sink for Cx {
    fn message(&mut self, letter: Letter) {
        if let Some((fiber, completion)) = self.inbox.message(&mut self.channels, letter) {
            self.fibers.wake(fiber, Resumption::Channel(completion));
        }
    }

    fn event(&mut self, event: Event) {
        self.inbox.event(&mut self.channels, event);
    }

    fn timer(&mut self, token: u64, _at_ns: u64) {
        self.timers.signalled(token);
        if !matches!(self.arrived.last(), Some(Arrived::Timer)) {
            self.arrived.push(Arrived::Timer);
        }
    }

    fn io(&mut self, token: u64, ready: Readiness) {
        self.arrived.push(Arrived::Io(token, ready));
    }

    fn reply(&mut self, id: u64, result: Result<Encoded, Box<Failure>>) {
        self.arrived.push(Arrived::Reply(id, result));
    }

    fn watched_exit(&mut self, id: u64, from: Pid, exit: &Exit) {
        self.arrived.push(Arrived::Watched(id, from, Box::new(exit.clone())));
    }

    fn done(&mut self, id: u64, result: Box<dyn Any + Send>) {
        self.arrived.push(Arrived::Done(id, result));
    }
}

#[cfg(test)]
impl Default for Cx {
    /// For bare VMs: a program without code, an output that leads nowhere.
    fn default() -> Cx {
        let unit = super::program::UnitSource {
            id: "app:test".to_owned(),
            text: Arc::from(&b""[..]),
            modules: super::program::Module::ALL.to_vec(),
            imports: Vec::new(),
        };
        let limits = crate::process::Limits::default();
        let program = Program::compile(vec![unit], "main", limits).expect("nothing compiles");
        let output = Writer::new("stdout", 0, std::io::sink()).expect("a thread");
        let env = Environment { catalog: Catalog::default(), output, started: Instant::now() };
        Cx::new(Launch::new(Arc::new(env), program))
    }
}
