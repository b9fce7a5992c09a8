//! What processes share: the table and the names; and how they reach each other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::backlog::Admission;
use super::body::OnFull;
use super::census::Census;
use super::exit::{Exit, Failure, SharedExit};
use super::live::Process;
use super::message::Message;
use super::names::{Names, Owner, Taken};
use super::pid::{self, Pid, Serial};
use super::signal::{ExitNotice, Letter, Signal, Watcher};
use super::table::{Pinned, Table};
use crate::scheduler::Context;

/// Told once of every failure, for the log; and, when the runtime asks, where the coroutines were.
pub type FailureLog = dyn Fn(&Process, &Exit, &dyn Fn() -> Vec<String>) + Send + Sync;

/// The processes of one run.
pub struct Runtime {
    table: Table<Process>,
    names: Names,
    census: Census,
    failure_log: OnceLock<Box<FailureLog>>,
    /// Work that goes on outside of the workers and will be told to a process.
    n_outside: AtomicUsize,
    stopping: AtomicBool,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("n_live", &self.n_live()).finish_non_exhaustive()
    }
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
    /// A runtime without processes.
    pub fn new() -> Arc<Runtime> {
        Arc::new(Runtime {
            table: Table::new(),
            names: Names::new(),
            census: Census::new(),
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
        self.census.n_live()
    }

    /// How many names are registered.
    pub fn n_names(&self) -> usize {
        self.names.len()
    }

    /// Waits until no process lives, or those that do were given up.
    pub fn wait_empty(&self) {
        self.census.wait_empty();
    }

    /// Ends every [`Runtime::wait_empty`]: what still lives cannot be ended.
    pub fn give_up(&self) {
        self.census.give_up();
    }

    pub(super) fn process_begins(&self) {
        self.census.begin();
    }

    pub(super) fn process_ended(&self) {
        self.census.end();
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

    pub(crate) fn live(&self, pid: Pid) -> Option<Pinned<'_, Process>> {
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
        self.find_text(text).map(|process| process.pid())
    }

    /// As [`Runtime::parse_pid`], with a claim on the process, which is not to be held for long.
    pub(crate) fn find_text(&self, text: &[u8]) -> Option<Pinned<'_, Process>> {
        let (host, serial) = pid::parse(text)?;
        let process = self.table.get(serial)?;
        let matches = process.pid().host().as_bytes() == host && process.is_alive();
        matches.then_some(process)
    }

    /// Queues a signal; false when the process has ended. A signal for a dead process is dropped.
    pub fn signal(&self, to: Pid, signal: Signal, worker: &dyn Context<Process>) -> bool {
        self.signal_serial(to.serial(), signal, worker)
    }

    pub(super) fn signal_serial(
        &self,
        to: Serial,
        signal: Signal,
        worker: &dyn Context<Process>,
    ) -> bool {
        self.table.get(to).is_some_and(|process| process.arc().signal(signal, worker).is_ok())
    }

    /// Sends a message (specification of processes, sections 5 and 18).
    pub fn send(
        &self,
        to: Pid,
        message: Message,
        worker: &dyn Context<Process>,
    ) -> Result<(), SendError> {
        let process = self.live(to).ok_or(SendError::NotFound)?;
        Runtime::post(&process, Letter::new(message), worker)
    }

    /// As [`Runtime::send`], to a process that was found before.
    pub(crate) fn post(
        process: &Pinned<'_, Process>,
        letter: Letter,
        worker: &dyn Context<Process>,
    ) -> Result<(), SendError> {
        let bytes = letter.size_bytes();
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
        process.arc().post(letter.into_parcel(), worker).map_err(|_| SendError::NotFound)
    }

    pub(super) fn tell_watcher(
        &self,
        watcher: &Watcher,
        from: Pid,
        exit: &SharedExit,
        at_ns: i128,
        worker: &dyn Context<Process>,
    ) {
        match watcher {
            Watcher::Process(pid, key) => {
                let notice = ExitNotice { from, monitor: key.id, at_ns, exit: exit.clone() };
                self.signal(*pid, Signal::Exit(notice), worker);
            }
            Watcher::Outside(observer, _) => observer.tell(from, exit),
        }
    }

    /// Kills with `failure`; false when it has ended.
    pub fn kill(&self, pid: Pid, failure: Failure, worker: &dyn Context<Process>) -> bool {
        self.signal(pid, Signal::Kill(Box::new(failure)), worker)
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
