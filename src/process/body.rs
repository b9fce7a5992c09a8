//! What a process runs: the interface between processes and the language above them.

use std::fmt::Debug;
use std::sync::Arc;

use super::exit::{Exit, Failure, SharedExit};
use super::live::Process;
use super::message::Encoded;
use super::pid::Pid;
use super::runtime::Runtime;
use super::signal::{Cancel, Letter};
use super::state::State;
use crate::scheduler::{Context, Preemption, Readiness};

/// The program of a process: it runs in steps and takes in what happens to the process.
pub trait Body: Send {
    /// Runs until the program waits, its slice is over, or it ends. Signals that wait when a step
    /// begins have not been taken in yet: the body does that, through [`Step::take_in`].
    fn step(&mut self, step: &mut Step<'_>) -> StepEnd;

    /// The process ends: timers and other things that it registered with the worker are given back.
    /// Undelivered messages and all program state go when the body is dropped, right after.
    fn end(&mut self, step: &mut Step<'_>);

    /// When the program will run again by itself, in monotonic nanoseconds, as far as it is known
    /// at once. Not called while a step runs.
    fn wakes_ns(&self) -> Option<u64> {
        None
    }

    /// The process has been parked for long: memory that can be restored is given up until the next
    /// call. Part of it is handed back when `vacated` is dropped; before that the body is neither
    /// called nor dropped. A worker calls this between turns, on behalf of nobody. Gives how many
    /// bytes the program still holds.
    fn rest(&mut self, vacated: &mut Vacated) -> usize {
        let _ = vacated;
        0
    }

    /// How many bytes the program holds before its first step.
    fn start_bytes(&self) -> usize {
        0
    }

    /// Where each coroutine is, for the report of what a shutdown had to kill. Called after the
    /// end.
    fn places(&self) -> Vec<String>;
}

/// Memory that bodies at rest do without: collected, so that neighbours are handed back together.
#[derive(Debug, Default)]
pub struct Vacated {
    spans: Vec<Span>,
    hand_back: Option<fn(Vec<Span>)>,
}

/// A piece of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Its address.
    pub start: usize,
    /// Its length.
    pub bytes: usize,
}

impl Vacated {
    /// Adds a piece; `hand_back` is the same for all pieces, and called once for all of them.
    pub fn add(&mut self, span: Span, hand_back: fn(Vec<Span>)) {
        self.spans.push(span);
        self.hand_back = Some(hand_back);
    }
}

impl Drop for Vacated {
    fn drop(&mut self) {
        if let Some(hand_back) = self.hand_back {
            hand_back(std::mem::take(&mut self.spans));
        }
    }
}

/// How a step ended.
#[derive(Debug)]
pub enum StepEnd {
    /// The slice is over.
    Preempted,
    /// Nothing to do until a signal comes.
    Waiting,
    /// The process is over.
    Finished(Box<Exit>),
}

/// Takes what comes out of the mailbox, in order.
pub trait Sink {
    /// A message.
    fn message(&mut self, letter: Letter);
    /// A lifecycle event for the program.
    fn event(&mut self, event: Event);
    /// A timer is due.
    fn timer(&mut self, token: u64, at_ns: u64);
    /// A source is ready.
    fn io(&mut self, token: u64, ready: Readiness);
    /// A call was answered, or its target ended.
    fn reply(&mut self, id: u64, result: Result<Encoded, Box<Failure>>);
    /// A process that this one watches on its own account (exec, call) ended.
    fn watched_exit(&mut self, id: u64, from: Pid, exit: &Exit);
    /// Work outside of the workers is done.
    fn done(&mut self, id: u64, result: Box<dyn std::any::Any + Send>);
}

/// What `process.events()` yields.
#[derive(Debug)]
pub enum Event {
    /// A monitored process ended.
    Exit {
        /// Who.
        from: Pid,
        /// Unix nanoseconds.
        at_ns: i128,
        /// How.
        exit: SharedExit,
    },
    /// A linked process failed, and `trap_links` is on.
    LinkDown {
        /// Who.
        from: Pid,
        /// Unix nanoseconds.
        at_ns: i128,
        /// How.
        exit: SharedExit,
    },
    /// Somebody asks the process to end.
    Cancel {
        /// The request; its grace is the one in force after it.
        cancel: Box<Cancel>,
    },
}

/// What a running step can reach: its process, the process's own state, and the worker.
pub struct Step<'a> {
    /// The running process.
    pub process: &'a Arc<Process>,
    /// Its links, monitors and options.
    pub state: &'a mut State,
    /// The worker that runs it.
    pub worker: &'a dyn Context<Process>,
    /// Where that worker is told that the slice is over.
    pub preemption: &'a Preemption,
}

impl Debug for Step<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Step").field("pid", &self.process.pid()).finish_non_exhaustive()
    }
}

impl Step<'_> {
    /// The runtime that the process belongs to.
    pub fn runtime(&self) -> &Arc<Runtime> {
        self.process.runtime()
    }
}

/// Limits of one process (specification of processes, section 18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Bytes of Lua heap plus undelivered messages; none for no limit.
    pub memory_bytes: Option<u64>,
    /// Undelivered messages, and what happens to one too many.
    pub mailbox: Option<MailboxLimit>,
}

impl Limits {
    /// These limits, and for what they leave open those of `fallback`.
    #[must_use]
    pub fn or(&self, fallback: &Limits) -> Limits {
        Limits {
            memory_bytes: self.memory_bytes.or(fallback.memory_bytes),
            mailbox: self.mailbox.or(fallback.mailbox),
        }
    }
}

/// A limit of undelivered messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailboxLimit {
    /// How many may wait.
    pub max_messages: u64,
    /// What happens to one too many.
    pub on_full: OnFull,
}

/// What happens to a message that comes to a full mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFull {
    /// The sender gets an error.
    #[default]
    Reject,
    /// It is dropped.
    DropNew,
    /// The oldest undelivered message is dropped instead.
    DropOld,
    /// The receiver is killed.
    Kill,
}
