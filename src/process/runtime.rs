//! What processes share: the table, the names, the hosts; and the operations that involve two of
//! them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

use super::backlog::Admission;
use super::body::{Body, Limits, OnFull, Step};
use super::exit::{Exit, Failure};
use super::host::Host;
use super::links::Link;
use super::live::{Parts, Process};
use super::message::Message;
use super::names::{Name, Names, Owner, Taken};
use super::pid::{self, Pid, Serial};
use super::signal::{ExitNotice, MonitorKey, Signal, Watcher};
use super::state::State;
use super::table::{Pinned, Table};
use crate::scheduler::Context;

/// Told once of every failure, for the log; and, when the runtime asks, where the coroutines were.
pub type FailureLog = dyn Fn(&Process, &Exit, &dyn Fn() -> Vec<String>) + Send + Sync;

/// The processes of one run.
pub struct Runtime {
    table: Table<Process>,
    names: Names,
    hosts: Mutex<Vec<Arc<Host>>>,
    n_live: AtomicUsize,
    /// Signalled when the last process ends.
    empty: Condvar,
    /// Whether nobody is to wait for the last process any more.
    empty_lock: Mutex<bool>,
    failure_log: OnceLock<Box<FailureLog>>,
    /// Work that goes on outside of the workers and will be told to a process.
    n_outside: AtomicUsize,
    stopping: AtomicBool,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("n_live", &self.n_live).finish_non_exhaustive()
    }
}

/// What a spawn asks for.
pub struct SpawnRequest {
    /// The entry's id, for reports.
    pub entry: Arc<str>,
    /// The program.
    pub body: Box<dyn Body>,
    /// Its limits.
    pub limits: Limits,
    /// The option that it starts with.
    pub trap_links: bool,
    /// The name that it gets; when that is held, nothing is spawned.
    pub name: Option<Name>,
    /// Messages that are queued before its first step.
    pub messages: Vec<Message>,
    /// Whether the caller watches it.
    pub watch: Watch,
    /// Whether the caller is linked to it.
    pub link: bool,
}

impl std::fmt::Debug for SpawnRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpawnRequest").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// How the spawner watches a new process.
#[derive(Debug)]
pub enum Watch {
    /// Not at all.
    No,
    /// By an EXIT event.
    Event,
    /// On the program's account, as exec does: the end arrives as `Sink::watched_exit`.
    Operation,
    /// From outside of any process.
    Outside(Watcher),
}

/// A successful spawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spawned {
    /// The new process, or the holder of the wanted name.
    pub pid: Pid,
    /// False when the name was held and nothing was spawned.
    pub is_new: bool,
    /// The number of the monitor, for `Watch::Operation`.
    pub monitor: u64,
}

/// Why nothing was spawned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnError {
    /// The host or the runtime stops.
    Stopping,
    /// The host's limit of live processes.
    MaxProcesses,
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The receiver has ended, or never was.
    NotFound,
    /// The message alone is larger than the receiver's memory limit.
    TooLarge(usize),
    /// The mailbox is full and refuses.
    Full,
}

/// Why a name was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It is registered now, or was before.
    Done,
    /// Another live process holds it.
    Taken,
    /// The process that was to own it has ended.
    NotFound,
}

impl Runtime {
    /// A runtime without hosts and processes.
    pub fn new() -> Arc<Runtime> {
        Arc::new(Runtime {
            table: Table::new(),
            names: Names::new(),
            hosts: Mutex::new(Vec::new()),
            n_live: AtomicUsize::new(0),
            empty: Condvar::new(),
            empty_lock: Mutex::new(false),
            failure_log: OnceLock::new(),
            n_outside: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        })
    }

    /// Who is told of failures; set once, before the first process.
    pub fn set_failure_log(&self, log: Box<FailureLog>) {
        let _ = self.failure_log.set(log);
    }

    pub(super) fn log_failure(
        &self,
        process: &Process,
        exit: &Exit,
        places: impl Fn() -> Vec<String>,
    ) {
        if let Some(log) = self.failure_log.get() {
            log(process, exit, &places);
        }
    }

    pub(super) fn table(&self) -> &Table<Process> {
        &self.table
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Adds a started host.
    pub fn add_host(&self, host: Arc<Host>) {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).push(host);
    }

    /// The started hosts.
    pub fn hosts(&self) -> Vec<Arc<Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on every spawn fails.
    pub fn stop_spawning(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the runtime stops.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// How many processes live.
    pub fn n_live(&self) -> usize {
        self.n_live.load(Ordering::Acquire)
    }

    /// How many names are registered.
    pub fn n_names(&self) -> usize {
        self.names.len()
    }

    /// Waits until no process lives, or those that do were given up.
    pub fn wait_empty(&self) {
        let guard = self.empty_lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |given_up: &mut bool| !*given_up && self.n_live() > 0;
        drop(self.empty.wait_while(guard, waits));
    }

    /// Ends every [`Runtime::wait_empty`]: what still lives cannot be ended.
    pub fn give_up(&self) {
        *self.empty_lock.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.empty.notify_all();
    }

    pub(super) fn process_ended(&self) {
        if self.n_live.fetch_sub(1, Ordering::AcqRel) == 1 {
            // The lock orders this against a waiter that has looked but does not sleep yet.
            drop(self.empty_lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.empty.notify_all();
        }
    }

    /// Announces work outside of the workers whose result will be queued at a process. What is
    /// given back is dropped after that.
    pub fn begin_outside(self: &Arc<Self>) -> OutsideWork {
        self.n_outside.fetch_add(1, Ordering::Relaxed);
        OutsideWork(self.clone())
    }

    /// Whether results of work outside of the workers are still to come.
    pub fn has_work_outside(&self) -> bool {
        // Pairs with the drop of `OutsideWork`: who sees the end of the work sees its result
        // queued.
        self.n_outside.load(Ordering::Acquire) > 0
    }

    /// Every live process, in no order.
    pub fn processes(&self) -> Vec<Arc<Process>> {
        let mut all = Vec::new();
        self.table.for_each(|process| {
            if process.is_alive() {
                all.push(process.clone());
            }
        });
        all
    }

    fn live(&self, pid: Pid) -> Option<Pinned<'_, Process>> {
        self.table.get(pid.serial()).filter(|process| process.is_alive())
    }

    /// The live process, to be kept.
    pub fn find(&self, pid: Pid) -> Option<Arc<Process>> {
        self.live(pid).map(|process| process.arc().clone())
    }

    /// Whether the process lives.
    pub fn is_alive(&self, pid: Pid) -> bool {
        self.live(pid).is_some()
    }

    /// The live process that a text in PID form names.
    pub fn parse_pid(&self, text: &[u8]) -> Option<Pid> {
        let (host, serial) = pid::parse(text)?;
        let process = self.table.get(serial)?;
        let matches = process.pid().host().as_bytes() == host && process.is_alive();
        matches.then(|| process.pid())
    }

    /// Queues a signal; false when the process has ended. A signal for a dead process is dropped.
    pub fn signal(&self, to: Pid, signal: Signal, worker: &dyn Context<Process>) -> bool {
        self.table.get(to.serial()).is_some_and(|p| p.arc().signal(signal, worker).is_ok())
    }

    /// Sends a message (specification of processes, sections 5 and 18).
    pub fn send(
        &self,
        to: Pid,
        message: Message,
        worker: &dyn Context<Process>,
    ) -> Result<(), SendError> {
        let process = self.live(to).ok_or(SendError::NotFound)?;
        let bytes = message.size_bytes();
        match process.backlog.admit(bytes) {
            Admission::Queue | Admission::Full(OnFull::DropOld, _) => {}
            Admission::TooLarge => return Err(SendError::TooLarge(bytes)),
            Admission::Full(OnFull::Reject, _) => return Err(SendError::Full),
            Admission::Full(OnFull::DropNew, _) => return Ok(()),
            Admission::Full(OnFull::Kill, excess) => {
                let failure = Box::new(process.backlog.overflow(excess));
                let _ = process.arc().signal(Signal::Kill(failure), worker);
                return Ok(());
            }
        }
        let signal = Signal::Message(Box::new(message));
        process.arc().signal(signal, worker).map_err(|_| SendError::NotFound)
    }

    pub(super) fn tell_watcher(
        &self,
        watcher: &Watcher,
        from: Pid,
        exit: &Arc<Exit>,
        at_ns: i128,
        worker: &dyn Context<Process>,
    ) {
        match watcher {
            Watcher::Process(pid, key) => {
                let notice = ExitNotice { from, monitor: key.id, at_ns, exit: exit.clone() };
                self.signal(*pid, Signal::Exit(Box::new(notice)), worker);
            }
            Watcher::Outside(observer, _) => observer.tell(from, exit),
        }
    }

    /// Registers `name` for a live process.
    pub fn register(&self, name: &str, pid: Pid) -> Registration {
        let Some(process) = self.live(pid) else { return Registration::NotFound };
        let owner = Owner { pid, held: &process.held_names };
        match self.names.register(name, &owner, |holder| self.is_alive(holder)) {
            Ok(()) => Registration::Done,
            Err(Taken::By(_)) => Registration::Taken,
            Err(Taken::OwnerGone) => Registration::NotFound,
        }
    }

    /// The live holder of a name.
    pub fn lookup(&self, name: &str) -> Option<Pid> {
        self.names.lookup(name).filter(|pid| self.is_alive(*pid))
    }

    /// Frees a name, whoever holds it; false when nobody did.
    pub fn unregister(&self, name: &str) -> bool {
        self.names.unregister(name, |holder, forget| {
            if let Some(process) = self.table.get(holder.serial()) {
                forget(&process.held_names);
            }
        })
    }

    /// Spawns on `host`. `spawner` is the calling process's step, none from outside.
    pub fn spawn(
        self: &Arc<Self>,
        host: &Arc<Host>,
        request: SpawnRequest,
        mut spawner: Option<&mut Step<'_>>,
        worker: &dyn Context<Process>,
    ) -> Result<Spawned, SpawnError> {
        if self.is_stopping() || host.is_stopping() {
            return Err(SpawnError::Stopping);
        }
        if !host.admit() {
            return Err(SpawnError::MaxProcesses);
        }
        self.n_live.fetch_add(1, Ordering::AcqRel);
        let state = State::new(request.trap_links);
        let parts = Parts {
            entry: request.entry,
            host: host.clone(),
            runtime: self.clone(),
            limits: request.limits,
            born_ns: worker.now_ns(),
            body: request.body,
            state,
        };
        let inserted =
            self.table.insert(|serial| Arc::new(Process::new(Pid::new(serial, host.id()), parts)));
        let Some(process) = inserted else {
            host.leave();
            self.process_ended();
            return Err(SpawnError::MaxProcesses);
        };
        let pid = process.pid();
        if let Some(name) = &request.name {
            let owner = Owner { pid, held: &process.held_names };
            let taken = self.names.register(name, &owner, |holder| self.is_alive(holder));
            if let Err(Taken::By(holder)) = taken {
                self.discard(&process);
                for message in request.messages {
                    let _ = self.send(holder, message, worker);
                }
                return Ok(Spawned { pid: holder, is_new: false, monitor: 0 });
            }
        }
        let monitor = watch_new(&process, request.watch, spawner.as_deref_mut());
        if request.link
            && let Some(spawner) = spawner
        {
            let link = Link::new();
            spawner.state.links.add(pid, link.clone());
            process.prime(Signal::Link(spawner.process.pid(), link));
        }
        for message in request.messages {
            // Counted like any other, but never refused.
            process.backlog.count(message.size_bytes());
            process.prime(Signal::Message(Box::new(message)));
        }
        worker.spawn(host.pool(), process);
        Ok(Spawned { pid, is_new: true, monitor })
    }

    /// Takes back a process that never ran and that nobody has seen.
    fn discard(&self, process: &Arc<Process>) {
        process.host().leave();
        self.table.retire(process.pid().serial());
        self.process_ended();
    }
}

/// Work for a process that goes on outside of the workers.
#[derive(Debug)]
pub struct OutsideWork(Arc<Runtime>);

impl Drop for OutsideWork {
    fn drop(&mut self) {
        // Pairs with `has_work_outside`.
        self.0.n_outside.fetch_sub(1, Ordering::Release);
    }
}

/// Makes the spawner's monitor of a process that has not run yet; gives its number.
fn watch_new(process: &Process, watch: Watch, spawner: Option<&mut Step<'_>>) -> u64 {
    let (id, watcher) = match (watch, spawner) {
        (Watch::Outside(watcher), _) => (watcher.key().id, watcher),
        (Watch::Event, Some(step)) => {
            let id = step.state.next_monitor();
            step.state.add_monitor(process.pid(), id);
            (id, step.watcher(id))
        }
        (Watch::Operation, Some(step)) => {
            let id = step.state.next_monitor();
            step.state.add_watch(id, process.pid());
            (id, step.watcher(id))
        }
        _ => return 0,
    };
    process.prime(Signal::Monitor(watcher));
    id
}

/// Operations of a running process on another.
impl Step<'_> {
    fn watcher(&self, id: u64) -> Watcher {
        let pid = self.process.pid();
        Watcher::Process(pid, MonitorKey { watcher: pid.serial().get(), id })
    }

    /// Whether the program monitors `target` already.
    pub fn is_monitoring(&self, target: Pid) -> bool {
        self.state.is_monitoring(target.serial())
    }

    /// Monitors `target` by an EXIT event; false when it has ended. Oneself: no effect.
    pub fn monitor(&mut self, target: Pid) -> bool {
        if target == self.process.pid() {
            return true;
        }
        let id = self.state.next_monitor();
        let queued = self.push(target, Signal::Monitor(self.watcher(id)));
        if queued {
            self.state.add_monitor(target, id);
        }
        queued
    }

    /// Ends a monitor of the program. What already arrived stays.
    pub fn demonitor(&mut self, target: Pid) {
        if let Some(id) = self.state.remove_monitor(target.serial()) {
            let watcher = self.process.pid().serial().get();
            self.push(target, Signal::Demonitor(MonitorKey { watcher, id }));
        }
    }

    /// Watches `target` on the program's account; its end arrives as `Sink::watched_exit` with the
    /// number given back. `None` when it has ended.
    pub fn watch(&mut self, target: Pid) -> Option<u64> {
        let id = self.state.next_monitor();
        self.push(target, Signal::Monitor(self.watcher(id))).then(|| {
            self.state.add_watch(id, target);
            id
        })
    }

    /// Ends such a watch.
    pub fn unwatch(&mut self, id: u64) {
        if let Some(target) = self.state.remove_watch(id) {
            let watcher = self.process.pid().serial().get();
            self.push(target, Signal::Demonitor(MonitorKey { watcher, id }));
        }
    }

    /// Links to `target`; false when it has ended. Oneself or linked already: no effect.
    pub fn link(&mut self, target: Pid) -> bool {
        if target == self.process.pid() {
            return true;
        }
        if self.state.links.contains(target) {
            return self.runtime().is_alive(target);
        }
        let link = Link::new();
        let queued = self.push(target, Signal::Link(self.process.pid(), link.clone()));
        if queued {
            self.state.links.add(target, link);
        }
        queued
    }

    /// Removes the link to `target`, if there is one.
    pub fn unlink(&mut self, target: Pid) {
        for link in self.state.links.cut(target) {
            self.push(target, Signal::Unlink(self.process.pid(), link));
        }
    }

    /// Forgets the link to a process that has ended: its LINK_DOWN, if it is still to come, is not
    /// acted on.
    pub fn forget_link(&mut self, peer: Serial) {
        self.state.links.cut_serial(peer);
    }

    fn push(&self, to: Pid, signal: Signal) -> bool {
        self.runtime().signal(to, signal, self.worker)
    }
}

/// Ends a process from outside.
impl Runtime {
    /// Kills with `failure`; false when it has ended.
    pub fn kill(&self, pid: Pid, failure: Failure, worker: &dyn Context<Process>) -> bool {
        self.signal(pid, Signal::Kill(Box::new(failure)), worker)
    }
}
