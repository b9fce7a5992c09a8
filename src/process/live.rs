//! One process: its mailbox, what it keeps about others, how it takes in signals, and how it ends.

#![expect(unsafe_code, reason = "the running worker owns the process's state; invariant P1")]

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use rustc_hash::FxHashMap;

use super::body::{Body, Event, Limits, OnFull, Sink, Step, StepEnd};
use super::exit::{Exit, Failure, kind};
use super::host::Host;
use super::links::Links;
use super::names::Held;
use super::pid::{Pid, Serial};
use super::runtime::Runtime;
use super::signal::{Cancel, ExitNotice, Grace, LinkNotice, MonitorKey, Signal, Watcher};
use super::size::size_text;
use crate::mailbox::{Drain, Mailbox, Pushed};
use crate::scheduler::{Context, Readiness, Task, TimerId, Turn};

/// The timer token of the kill deadline; all others belong to the body.
const GRACE_TOKEN: u64 = u64::MAX;

/// A process, as everybody sees it.
pub struct Process {
    pid: Pid,
    entry: Arc<str>,
    host: Arc<Host>,
    runtime: Arc<Runtime>,
    mailbox: Mailbox<Signal>,
    /// When it was spawned, monotonic: a shutdown cancels younger processes first.
    born_ns: u64,
    pub(crate) held_names: Held,
    limits: Limits,
    /// Undelivered messages; counted only where a limit needs it.
    n_waiting: AtomicUsize,
    bytes_waiting: AtomicUsize,
    /// A `drop_old` mailbox took a message that was one too many.
    owes_drop: AtomicBool,
    /// Lua heap when the last slice ended, for the memory limit.
    heap_bytes: AtomicU64,
    core: UnsafeCell<Core>,
}

// SAFETY: P1: `core` is touched only by the worker that runs the process; the rest is shared safely.
unsafe impl Sync for Process {}
// SAFETY: as above; bodies are Send.
unsafe impl Send for Process {}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("pid", &self.pid).field("entry", &self.entry).finish()
    }
}

/// What only the running worker touches (P1).
struct Core {
    body: Option<Box<dyn Body>>,
    state: State,
}

/// What a process keeps about itself and others.
#[derive(Debug, Default)]
pub struct State {
    /// Whether LINK_DOWN is an event instead of a kill.
    pub trap_links: bool,
    pub(super) links: Links,
    watchers: FxHashMap<MonitorKey, Watcher>,
    /// Monitors that the program made: target → number.
    monitoring: FxHashMap<Serial, (Pid, u64)>,
    /// Monitors made for exec and call: number → target.
    watching: FxHashMap<u64, Pid>,
    next_monitor: u64,
    grace: Option<(Grace, TimerId)>,
    /// Signals that were taken out behind a kill; the end answers them.
    left: Vec<Signal>,
    /// Decided, but not yet carried out.
    kill: Option<Box<Failure>>,
}

/// What [`State::relations`] tells.
#[cfg(any(test, fuzzing))]
#[derive(Clone, Debug, Default)]
pub(super) struct Relations {
    pub(super) links: Vec<Serial>,
    pub(super) watchers: Vec<MonitorKey>,
    pub(super) monitors: Vec<(Serial, u64)>,
}

/// What taking in signals led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum TakenIn {
    /// Nothing waited.
    Nothing,
    /// The sink got something, or the state changed.
    Some,
    /// The process is killed: no code of it may go on.
    Killed,
}

/// What a new process is made of.
pub(super) struct Parts {
    pub(super) entry: Arc<str>,
    pub(super) host: Arc<Host>,
    pub(super) runtime: Arc<Runtime>,
    pub(super) limits: Limits,
    pub(super) born_ns: u64,
    pub(super) body: Box<dyn Body>,
    pub(super) state: State,
}

impl Process {
    pub(super) fn new(pid: Pid, parts: Parts) -> Process {
        Process {
            pid,
            entry: parts.entry,
            host: parts.host,
            runtime: parts.runtime,
            mailbox: Mailbox::new(),
            born_ns: parts.born_ns,
            held_names: Held::default(),
            limits: parts.limits,
            n_waiting: AtomicUsize::new(0),
            bytes_waiting: AtomicUsize::new(0),
            owes_drop: AtomicBool::new(false),
            heap_bytes: AtomicU64::new(0),
            core: UnsafeCell::new(Core { body: Some(parts.body), state: parts.state }),
        }
    }

    /// The process's PID.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The id of the entry that it was spawned from.
    pub fn entry(&self) -> &Arc<str> {
        &self.entry
    }

    /// The host that it lives on.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// The runtime that it belongs to.
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// Its limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
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

    /// Notes how large the Lua heap is.
    pub fn set_heap_bytes(&self, bytes: u64) {
        self.heap_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Queues a signal; gives it back when the process has ended.
    pub fn signal(
        self: &Arc<Self>,
        signal: Signal,
        worker: &dyn Context<Process>,
    ) -> Result<(), Signal> {
        match self.mailbox.push(signal)? {
            Pushed::Queued => {}
            Pushed::MustWake => worker.wake(self.host.pool(), self.clone()),
        }
        Ok(())
    }

    /// Queues a signal for a process that only the caller knows yet, before its first turn.
    pub(super) fn prime(&self, signal: Signal) {
        let pushed = self.mailbox.push(signal);
        debug_assert!(matches!(pushed, Ok(Pushed::Queued)), "M1: not parked before its first turn");
    }

    /// Whether undelivered messages of this process are counted.
    fn counts_messages(&self) -> bool {
        self.limits.mailbox.is_some() || self.limits.memory_bytes.is_some()
    }

    /// Claims room for a message of `bytes` (specification of processes, section 18).
    pub(super) fn admit(&self, bytes: usize) -> Admission {
        if !self.counts_messages() {
            return Admission::Queue;
        }
        if let Some(limit) = self.limits.memory_bytes
            && bytes as u64 > limit
        {
            return Admission::TooLarge;
        }
        self.count(bytes);
        let excess = self.excess();
        if excess.n == 0 && excess.bytes == 0 {
            return Admission::Queue;
        }
        match self.limits.mailbox.map_or(OnFull::Reject, |limit| limit.on_full) {
            OnFull::DropOld => {
                // Release pairs with the acquire in `take_debt`: who sees it sees the counts too.
                self.owes_drop.store(true, Ordering::Release);
                Admission::Queue
            }
            on_full => {
                self.delivered(1, bytes);
                Admission::Full(on_full, excess)
            }
        }
    }

    /// One more message of `bytes` waits, whatever the limits say.
    pub(super) fn count(&self, bytes: usize) {
        if self.counts_messages() {
            self.n_waiting.fetch_add(1, Ordering::Relaxed);
            self.bytes_waiting.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// How far the undelivered messages are above the limits.
    fn excess(&self) -> Excess {
        let n = self.n_waiting.load(Ordering::Relaxed);
        let n_max = self.limits.mailbox.map_or(u64::MAX, |limit| limit.max_messages);
        let waiting = self.bytes_waiting.load(Ordering::Relaxed) as u64;
        let heap = self.heap_bytes.load(Ordering::Relaxed);
        let bytes_max = self.limits.memory_bytes.unwrap_or(u64::MAX);
        Excess {
            n: (n as u64).saturating_sub(n_max) as usize,
            bytes: (waiting + heap).saturating_sub(bytes_max) as usize,
        }
    }

    /// The failure of a process whose mailbox limit kills it.
    pub(super) fn mailbox_overflow(&self, excess: Excess) -> Failure {
        let what = match (self.limits.mailbox, self.limits.memory_bytes) {
            (Some(limit), _) if excess.n > 0 => format!("{} messages", limit.max_messages),
            (_, bytes) => size_text(bytes.unwrap_or_default()),
        };
        let text = format!("process terminated: mailbox limit of {what} exceeded");
        Failure::new(kind::LIMIT_EXCEEDED, text)
    }

    /// Messages of `bytes` in all are no longer undelivered. The body says so for each it gives out.
    pub fn delivered(&self, n: usize, bytes: usize) {
        if self.counts_messages() {
            self.n_waiting.fetch_sub(n, Ordering::Relaxed);
            self.bytes_waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// What a `drop_old` mailbox owes to be dropped, once. Messages that are on their way count: what
    /// cannot be dropped yet is owed again, by [`Process::owe`].
    pub fn take_debt(&self) -> Option<Excess> {
        // Most processes owe nothing, and a load is cheaper than a swap.
        let owes = self.owes_drop.load(Ordering::Relaxed)
            // Acquire pairs with the release in `admit`.
            && self.owes_drop.swap(false, Ordering::Acquire);
        owes.then(|| self.excess())
    }

    /// Less was dropped than was owed.
    pub fn owe(&self) {
        self.owes_drop.store(true, Ordering::Relaxed);
    }

    /// How many names it holds.
    pub fn n_names(&self) -> usize {
        self.held_names.len()
    }

    /// Bytes of undelivered messages, where a limit counts them.
    pub fn bytes_waiting(&self) -> usize {
        self.bytes_waiting.load(Ordering::Relaxed)
    }
}

/// Undelivered messages above the limits of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Excess {
    /// How many messages.
    pub n: usize,
    /// How many bytes.
    pub bytes: usize,
}

/// Whether a message may be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Queue,
    TooLarge,
    /// Never with `drop_old`, which queues.
    Full(OnFull, Excess),
}

impl Task for Process {
    fn run(task: &Arc<Self>, cx: &dyn Context<Self>) -> Turn {
        // SAFETY: P1: the worker that runs the turn owns the core until the process parks or ends.
        let core = unsafe { &mut *task.core.get() };
        loop {
            match run_step(task, core, cx) {
                StepEnd::Preempted => return Turn::Again,
                StepEnd::Waiting => {
                    if task.mailbox.park() {
                        return Turn::Parked;
                    }
                    // Something came in meanwhile, for the next turn if this one has been long.
                    if cx.preemption().is_expired() {
                        return Turn::Again;
                    }
                }
                StepEnd::Finished(exit) => {
                    finish(task, core, *exit, cx);
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
}

fn run_step(task: &Arc<Process>, core: &mut Core, worker: &dyn Context<Process>) -> StepEnd {
    let Core { body, state } = core;
    let body = body.as_mut().expect("P1: a process that has ended is not run");
    let mut step = Step { process: task, state, worker };
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

/// The end of a process (P4; specification of processes, section 12.2).
fn finish(task: &Arc<Process>, core: &mut Core, exit: Exit, worker: &dyn Context<Process>) {
    let runtime = task.runtime().clone();
    let Core { body, state } = core;
    let mut body = body.take().expect("P1: a process ends once");
    body.end(&mut Step { process: task, state, worker });
    if exit.is_failure() {
        runtime.log_failure(task, &exit, || body.places());
    }
    drop(body);
    if let Some((_, timer)) = state.grace.take() {
        worker.cancel_timer(timer);
    }

    let queued = task.mailbox.close();
    runtime.names().release(task.pid, &task.held_names);

    let exit = Arc::new(exit);
    let at_ns = worker.wall_ns();
    let ending = Ending { task, runtime: &runtime, exit: &exit, at_ns, worker };
    let left = std::mem::take(&mut state.left);
    for signal in left.into_iter().chain(queued) {
        ending.adopt(state, signal);
    }
    // Before anybody is told: who starts a successor finds room for it.
    task.host.leave();
    let outside = ending.tell_watchers(state);
    ending.tell_links(state);
    // Last, since it may begin the shutdown: no link is asked to end before it knows of the failure.
    ending.tell(&outside);
    ending.drop_monitors(state);
    *state = State::default();
    runtime.table().retire(task.pid.serial());
    runtime.process_ended();
}

/// What the steps of an end share.
struct Ending<'a> {
    task: &'a Arc<Process>,
    runtime: &'a Arc<Runtime>,
    exit: &'a Arc<Exit>,
    at_ns: i128,
    worker: &'a dyn Context<Process>,
}

impl Ending<'_> {
    /// A request that was queued before the end is treated as if it had been taken in.
    fn adopt(&self, state: &mut State, signal: Signal) {
        match signal {
            Signal::Monitor(watcher) => {
                state.watchers.insert(watcher.key(), watcher);
            }
            Signal::Demonitor(key) => {
                state.watchers.remove(&key);
            }
            Signal::Link(peer, link) => state.links.add(peer, link),
            Signal::Unlink(peer, link) => state.links.remove(peer, &link),
            _ => {}
        }
    }

    /// Tells the processes among the watchers; gives the others.
    fn tell_watchers(&self, state: &mut State) -> Vec<Watcher> {
        let watchers = std::mem::take(&mut state.watchers).into_values();
        let (processes, outside): (Vec<_>, Vec<_>) =
            watchers.partition(|watcher| matches!(watcher, Watcher::Process(..)));
        self.tell(&processes);
        outside
    }

    fn tell(&self, watchers: &[Watcher]) {
        for watcher in watchers {
            self.runtime.tell_watcher(watcher, self.task.pid, self.exit, self.at_ns, self.worker);
        }
    }

    fn tell_links(&self, state: &mut State) {
        for (peer, link) in state.links.take() {
            let signal = if self.exit.is_failure() {
                let exit = self.exit.clone();
                let notice = LinkNotice { from: self.task.pid, link, at_ns: self.at_ns, exit };
                Signal::LinkDown(Box::new(notice))
            } else {
                Signal::Unlink(self.task.pid, link)
            };
            self.runtime.signal(peer, signal, self.worker);
        }
    }

    fn drop_monitors(&self, state: &mut State) {
        let watcher = self.task.pid.serial().get();
        let monitoring = std::mem::take(&mut state.monitoring).into_values();
        let watching = std::mem::take(&mut state.watching).into_iter().map(|(id, pid)| (pid, id));
        for (target, id) in monitoring.chain(watching) {
            let key = MonitorKey { watcher, id };
            self.runtime.signal(target, Signal::Demonitor(key), self.worker);
        }
    }
}

impl State {
    pub(super) fn new(trap_links: bool) -> State {
        State { trap_links, ..State::default() }
    }

    /// The process's decision to end, if it was killed.
    pub fn take_kill(&mut self) -> Option<Box<Failure>> {
        self.kill.take()
    }

    /// Kills the process itself: it ends with `failure` unless a kill was decided before.
    pub fn kill(&mut self, failure: Failure) {
        self.kill.get_or_insert_with(|| Box::new(failure));
    }

    /// Whether a kill is decided.
    pub fn is_killed(&self) -> bool {
        self.kill.is_some()
    }

    /// How many links, monitors and watchers it keeps.
    pub fn n_relations(&self) -> usize {
        self.links.len() + self.watchers.len() + self.monitoring.len() + self.watching.len()
    }

    /// All that this process keeps about others.
    #[cfg(any(test, fuzzing))]
    pub(super) fn relations(&self) -> Relations {
        let monitors = self.monitoring.iter().map(|(target, (_, id))| (*target, *id));
        let watches = self.watching.iter().map(|(id, target)| (target.serial(), *id));
        Relations {
            links: self.links.peers().collect(),
            watchers: self.watchers.keys().copied().collect(),
            monitors: monitors.chain(watches).collect(),
        }
    }

    pub(super) fn next_monitor(&mut self) -> u64 {
        self.next_monitor += 1;
        self.next_monitor
    }

    pub(super) fn is_monitoring(&self, target: Serial) -> bool {
        self.monitoring.contains_key(&target)
    }

    pub(super) fn add_monitor(&mut self, target: Pid, id: u64) {
        self.monitoring.insert(target.serial(), (target, id));
    }

    pub(super) fn remove_monitor(&mut self, target: Serial) -> Option<u64> {
        self.monitoring.remove(&target).map(|(_, id)| id)
    }

    pub(super) fn add_watch(&mut self, id: u64, target: Pid) {
        self.watching.insert(id, target);
    }

    pub(super) fn remove_watch(&mut self, id: u64) -> Option<Pid> {
        self.watching.remove(&id)
    }
}

impl Step<'_> {
    /// Takes in every signal that waits, in order.
    pub fn take_in(&mut self, sink: &mut dyn Sink) -> TakenIn {
        if self.state.is_killed() {
            return TakenIn::Killed;
        }
        if !self.process.has_signals() {
            return TakenIn::Nothing;
        }
        let mut signals = self.process.mailbox.drain();
        while let Some(signal) = signals.next() {
            self.take_one(signal, sink);
            if self.state.is_killed() {
                self.keep_rest(signals);
                return TakenIn::Killed;
            }
        }
        TakenIn::Some
    }

    /// What came behind a kill is kept for the end to answer.
    fn keep_rest(&mut self, signals: Drain<Signal>) {
        self.state.left.extend(signals);
    }

    fn take_one(&mut self, signal: Signal, sink: &mut dyn Sink) {
        match signal {
            Signal::Message(message) => sink.message(message),
            Signal::Exit(notice) => self.take_exit(&notice, sink),
            Signal::LinkDown(notice) => self.take_link_down(&notice, sink),
            Signal::Cancel(cancel) => self.take_cancel(cancel, sink),
            Signal::Kill(failure) => self.state.kill(*failure),
            Signal::Monitor(watcher) => {
                self.state.watchers.insert(watcher.key(), watcher);
            }
            Signal::Demonitor(key) => {
                self.state.watchers.remove(&key);
            }
            Signal::Link(peer, link) => self.state.links.add(peer, link),
            Signal::Unlink(peer, link) => self.state.links.remove(peer, &link),
            Signal::Timer { token: GRACE_TOKEN, .. } => self.pass_deadline(),
            Signal::Timer { token, at_ns } => sink.timer(token, at_ns),
            Signal::Io { token, ready } => sink.io(token, ready),
            Signal::Reply { id, result } => sink.reply(id, result),
            Signal::Done { id, result } => sink.done(id, result),
        }
    }

    fn take_exit(&mut self, notice: &ExitNotice, sink: &mut dyn Sink) {
        if self.state.remove_watch(notice.monitor).is_some() {
            sink.watched_exit(notice.monitor, notice.from, &notice.exit);
            return;
        }
        // One that was removed meanwhile, or made again, is not this one.
        let known = self.state.monitoring.get(&notice.from.serial());
        if known.is_some_and(|(_, id)| *id == notice.monitor) {
            self.state.remove_monitor(notice.from.serial());
            let exit = notice.exit.clone();
            sink.event(Event::Exit { from: notice.from, at_ns: notice.at_ns, exit });
        }
    }

    fn take_link_down(&mut self, notice: &LinkNotice, sink: &mut dyn Sink) {
        if !notice.link.is_active() {
            return;
        }
        // All records of the pair fall together: one failure is one LINK_DOWN.
        self.state.links.cut(notice.from);
        notice.link.cut();
        if self.state.trap_links {
            let exit = notice.exit.clone();
            sink.event(Event::LinkDown { from: notice.from, at_ns: notice.at_ns, exit });
        } else {
            self.state.kill(Failure::linked());
        }
    }

    fn take_cancel(&mut self, mut cancel: Box<Cancel>, sink: &mut dyn Sink) {
        if let Some(grace) = cancel.grace.take() {
            if grace.failure.is_some() {
                self.tighten(grace.clone());
            } else {
                cancel.grace = Some(grace);
            }
        }
        if let Some((grace, _)) = &self.state.grace
            && cancel.grace.as_ref().is_none_or(|told| grace.at_ns < told.at_ns)
        {
            cancel.grace = Some(grace.clone());
        }
        if !self.state.is_killed() {
            sink.event(Event::Cancel { cancel });
        }
    }

    /// The earliest deadline wins; one that is due kills now.
    fn tighten(&mut self, grace: Grace) {
        if self.state.grace.as_ref().is_some_and(|(old, _)| old.at_ns <= grace.at_ns) {
            return;
        }
        let timer = self.worker.insert_timer(self.process, GRACE_TOKEN, grace.at_ns);
        if let Some((_, old)) = self.state.grace.replace((grace, timer)) {
            self.worker.cancel_timer(old);
        }
    }

    fn pass_deadline(&mut self) {
        let due = self.state.grace.as_ref().is_some_and(|(g, _)| g.at_ns <= self.worker.now_ns());
        if due && let Some((grace, _)) = self.state.grace.take() {
            self.state.kill(grace.failure.unwrap_or_else(Failure::terminated));
        }
    }
}
