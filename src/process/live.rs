//! One process, as everybody sees it, and its turns on a worker.

#![expect(unsafe_code, reason = "the running worker owns the process's state; invariant P1")]

use std::any::Any;
use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::account::Account;
use super::backlog::Backlog;
use super::body::{Body, Limits, Step, StepEnd, Vacated};
use super::ending;
use super::exit::{Exit, Failure, kind};
use super::host::Host;
use super::names::Held;
use super::pid::Pid;
use super::rest::{self, Answer, Quiet};
use super::runtime::Runtime;
use super::signal::Signal;
use super::state::State;
use super::warm::Warm;
use crate::mailbox::{Mailbox, Parcel, Pushed};
use crate::scheduler::{Context, Patience, Readiness, Task, Turn};
use crate::stash::Shared;

/// A process, as everybody sees it.
pub struct Process {
    pid: Pid,
    entry: &'static str,
    host: Shared<Host>,
    pub(super) mailbox: Mailbox<Signal>,
    /// When it was spawned, monotonic: a shutdown cancels younger processes first.
    born_ns: u64,
    pub(crate) held_names: Held,
    /// What it was sent and has not taken yet, against its limits.
    pub(crate) backlog: Backlog,
    /// What it holds besides, where its host adds that up.
    account: Option<Arc<Account>>,
    /// What a turn touches.
    pub(crate) warm: Warm,
    core: UnsafeCell<Core>,
}

// SAFETY: P1: `core` is touched only by the owner of the process; the rest is shared safely.
unsafe impl Sync for Process {}
// SAFETY: as above; bodies are Send.
unsafe impl Send for Process {}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("pid", &self.pid).field("entry", &self.entry).finish()
    }
}

/// What only the owner touches (P1).
struct Core {
    body: Option<Box<dyn Body>>,
    state: State,
    quiet: Quiet,
}

/// What a new process is made of.
pub(super) struct Parts {
    pub(super) entry: &'static str,
    pub(super) host: Shared<Host>,
    pub(super) limits: Limits,
    pub(super) born_ns: u64,
    pub(super) body: Box<dyn Body>,
    pub(super) state: State,
}

impl Process {
    pub(super) fn new(pid: Pid, parts: Parts) -> Process {
        let account = parts.host.is_watched().then(|| Account::of(parts.body.start_bytes()));
        Process {
            pid,
            entry: parts.entry,
            host: parts.host,
            mailbox: Mailbox::new(),
            born_ns: parts.born_ns,
            held_names: Held::default(),
            backlog: Backlog::new(parts.limits, account.is_some()),
            account,
            warm: Warm::default(),
            core: UnsafeCell::new(Core {
                body: Some(parts.body),
                state: parts.state,
                quiet: Quiet::default(),
            }),
        }
    }

    /// The process's PID.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The id of the entry that it was spawned from.
    pub fn entry(&self) -> &'static str {
        self.entry
    }

    /// The host that it lives on.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// The runtime that it belongs to.
    pub fn runtime(&self) -> &Arc<Runtime> {
        self.host.runtime()
    }

    /// Monotonic nanoseconds of its spawn.
    pub fn born_ns(&self) -> u64 {
        self.born_ns
    }

    /// Whether it has not reached its end yet (P3).
    pub fn is_alive(&self) -> bool {
        !self.mailbox.is_closed()
    }

    /// Whether signals wait to be taken in. Cheap; for the running process.
    #[inline]
    pub fn has_signals(&self) -> bool {
        self.mailbox.has_waiting()
    }

    /// Queues a signal; gives it back when the process has ended.
    pub fn signal(
        self: &Arc<Self>,
        signal: Signal,
        worker: &dyn Context<Process>,
    ) -> Result<(), Parcel<Signal>> {
        self.post(Parcel::new(signal), worker)
    }

    /// As [`Process::signal`], for a signal that is packed already.
    pub(super) fn post(
        self: &Arc<Self>,
        parcel: Parcel<Signal>,
        worker: &dyn Context<Process>,
    ) -> Result<(), Parcel<Signal>> {
        match self.mailbox.post(parcel)? {
            Pushed::Queued => {}
            Pushed::MustWake => {
                self.warm.ask();
                // SAFETY: P5: only this push has found it parked.
                let woken = unsafe { self.kept() };
                worker.wake(self.host.pool(), woken);
            }
        }
        Ok(())
    }

    /// Makes the caller the owner of a process that is parked, and hands it the reference that the
    /// process keeps (P5).
    pub(super) fn claim(self: &Arc<Self>) -> Option<Arc<Self>> {
        // SAFETY: P5: only who finds it parked takes the reference over.
        self.mailbox.claim().then(|| unsafe { self.kept() })
    }

    /// Ends what [`Process::claim`] began; fails when signals came in meanwhile: then the process
    /// is to be woken.
    pub(super) fn park(self: Arc<Self>) -> Result<(), Arc<Self>> {
        // Not touched after it is parked: it may be gone by then.
        let process = ManuallyDrop::new(self);
        if process.mailbox.park() { Ok(()) } else { Err(ManuallyDrop::into_inner(process)) }
    }

    /// The counted reference that a parked process keeps.
    ///
    /// # Safety
    /// The caller has turned the process from parked to owned, and takes the reference once.
    unsafe fn kept(self: &Arc<Self>) -> Arc<Self> {
        // SAFETY: P5: it was given up without being counted down when the process parked.
        unsafe { Arc::from_raw(Arc::as_ptr(self)) }
    }

    /// Queues a signal for a process that only the caller knows yet, before its first turn.
    pub(super) fn prime(&self, signal: Signal) {
        let pushed = self.mailbox.push(signal);
        debug_assert!(matches!(pushed, Ok(Pushed::Queued)), "M1: not parked before its first turn");
    }

    /// Gives up what memory a parked process can do without, if it is time to. Only for who has
    /// claimed it.
    pub(super) fn rest(&self, now_ns: u64, vacated: &mut Vacated) -> Answer {
        // SAFETY: P1: who has claimed the process owns it until it parks it again.
        let core = unsafe { &mut *self.core.get() };
        let body = core.body.as_mut().expect("P1: a process that has ended is not parked");
        let answer = core.quiet.is_asked(now_ns, || body.wakes_ns());
        if answer == Answer::Rests {
            let bytes = body.rest(vacated);
            if let Some(account) = &self.account {
                account.set(bytes);
            }
        }
        answer
    }

    /// Where it publishes what it holds, if its host adds that up.
    pub(crate) fn account(&self) -> Option<&Arc<Account>> {
        self.account.as_ref()
    }

    /// What waits for it, in bytes, as far as that is counted.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.backlog.bytes()
    }

    /// How many names it holds.
    pub fn n_names(&self) -> usize {
        self.held_names.len()
    }
}

impl Task for Process {
    fn run(task: &Arc<Self>, cx: &dyn Context<Self>) -> Turn {
        // SAFETY: P1: the worker that runs the turn owns the core until the process parks or ends.
        let core = unsafe { &mut *task.core.get() };
        loop {
            match run_step(task, core, cx) {
                StepEnd::Preempted => return Turn::Again,
                StepEnd::Waiting => {
                    core.quiet.waits(task, cx);
                    if task.mailbox.park() {
                        return Turn::Kept;
                    }
                    // Something came in meanwhile, for the next turn if this one has been long.
                    if cx.preemption().is_expired() {
                        return Turn::Again;
                    }
                }
                StepEnd::Finished(exit) => {
                    let body = core.body.take().expect("P1: a process ends once");
                    ending::finish(task, body, &mut core.state, *exit, cx);
                    return Turn::Ended;
                }
            }
        }
    }

    fn timer_fired(task: Arc<Self>, token: u64, at_ns: u64, cx: &dyn Context<Self>) {
        // A process that has ended needs no timer any more.
        let _ = task.signal(Signal::Timer { token, at_ns }, cx);
    }

    fn io_ready(task: Arc<Self>, token: u64, ready: Readiness, cx: &dyn Context<Self>) {
        // As above: its sockets close with it.
        let _ = task.signal(Signal::Io { token, ready }, cx);
    }

    type Register = Runtime;

    fn register(&self) -> &Arc<Runtime> {
        self.runtime()
    }

    fn key(&self) -> u64 {
        self.pid.serial().get()
    }

    fn rest(
        runtime: &Runtime,
        keys: &mut Vec<u64>,
        cx: &dyn Context<Self>,
    ) -> Vec<(u64, Patience)> {
        rest::rest(runtime, keys, cx)
    }
}

fn run_step(task: &Arc<Process>, core: &mut Core, worker: &dyn Context<Process>) -> StepEnd {
    let Core { body, state, .. } = core;
    let body = body.as_mut().expect("P1: a process that has ended is not run");
    let mut step = Step { process: task, state, worker, preemption: worker.preemption() };
    let result = catch_unwind(AssertUnwindSafe(|| body.step(&mut step)));
    result.unwrap_or_else(|panic| {
        StepEnd::Finished(Box::new(Exit::failed(panic_failure(panic.as_ref()))))
    })
}

/// A fault of the runtime itself ends the process in whose turn it happened.
fn panic_failure(panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Failure::new(kind::INTERNAL, format!("runtime fault: {}", text.unwrap_or("unknown")))
}
