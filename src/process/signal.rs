//! Everything that can happen to a process from outside, in one queue, in one order.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::exit::{Failure, SharedExit};
use super::links::Link;
use super::message::{Encoded, Message};
use super::pid::Pid;
use crate::mailbox::Parcel;
use crate::scheduler::Readiness;

/// One entry of a process's mailbox.
#[derive(Debug)]
pub enum Signal {
    /// A message.
    Message(Message),
    /// A monitored process ended.
    Exit(ExitNotice),
    /// A linked process failed.
    LinkDown(Box<LinkNotice>),
    /// `process.cancel` or shutdown.
    Cancel(Box<Cancel>),
    /// Ends the process with this failure.
    Kill(Box<Failure>),
    /// Somebody wants to be told of the end.
    Monitor(Watcher),
    /// A watcher lost interest.
    Demonitor(MonitorKey),
    /// The other end of a new link.
    Link(Pid, Arc<Link>),
    /// The other end ended normally, or removed the link.
    Unlink(Pid, Arc<Link>),
    /// A timer of this process is due.
    Timer {
        /// As given when it was made.
        token: u64,
        /// Its due time, monotonic nanoseconds.
        at_ns: u64,
    },
    /// A source of this process is ready.
    Io {
        /// As given when it was registered.
        token: u64,
        /// What it is ready for.
        ready: Readiness,
    },
    /// The answer to a call of this process, or the result of work done for it elsewhere.
    Reply {
        /// The caller's number for it.
        id: u64,
        /// The value or the error.
        result: Result<Encoded, Box<Failure>>,
    },
    /// Work that ran outside of the workers is done: what it made.
    Done {
        /// The process's number for it.
        id: u64,
        /// The result, known to who asked.
        result: Box<dyn std::any::Any + Send>,
    },
}

/// A message as it came out of the mailbox: it stays in the block of memory in which it came.
#[derive(Debug)]
pub struct Letter(Parcel<Signal>);

impl Letter {
    /// A letter to be sent.
    #[inline(always)]
    pub fn new(message: Message) -> Letter {
        Letter(Parcel::new(Signal::Message(message)))
    }

    pub(super) fn into_parcel(self) -> Parcel<Signal> {
        self.0
    }

    /// Wraps a message; gives any other signal back.
    #[inline]
    pub(super) fn of(parcel: Parcel<Signal>) -> Result<Letter, Parcel<Signal>> {
        if matches!(*parcel, Signal::Message(_)) { Ok(Letter(parcel)) } else { Err(parcel) }
    }

    /// The message, out of its block.
    pub fn into_message(self) -> Message {
        match self.0.into_inner() {
            Signal::Message(message) => message,
            other => unreachable!("a letter is a message, not {other:?}"),
        }
    }
}

impl Deref for Letter {
    type Target = Message;

    #[inline]
    fn deref(&self) -> &Message {
        match &*self.0 {
            Signal::Message(message) => message,
            other => unreachable!("a letter is a message, not {other:?}"),
        }
    }
}

impl DerefMut for Letter {
    #[inline]
    fn deref_mut(&mut self) -> &mut Message {
        match &mut *self.0 {
            Signal::Message(message) => message,
            other => unreachable!("a letter is a message, not {other:?}"),
        }
    }
}

/// Identifies a monitor at the target: watcher and the watcher's number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MonitorKey {
    /// The watching process's serial; 0 for the runtime itself.
    pub watcher: u64,
    /// Unique among the watcher's monitors.
    pub id: u64,
}

/// Who is told of an end.
#[derive(Debug, Clone)]
pub enum Watcher {
    /// A process, by an EXIT signal.
    Process(Pid, MonitorKey),
    /// A thread of the runtime or of an embedder.
    Outside(Observer, MonitorKey),
}

/// Called with the end of a process, by the worker that ends it: it must not block.
#[derive(Clone)]
pub struct Observer(Arc<ObserverFn>);

type ObserverFn = dyn Fn(Pid, &SharedExit) + Send + Sync;

impl Observer {
    /// An observer that calls `told`.
    pub fn new(told: impl Fn(Pid, &SharedExit) + Send + Sync + 'static) -> Observer {
        Observer(Arc::new(told))
    }

    pub(super) fn tell(&self, from: Pid, exit: &SharedExit) {
        (self.0)(from, exit);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}

impl Watcher {
    /// What the monitor is known by.
    pub fn key(&self) -> MonitorKey {
        match self {
            Watcher::Process(_, key) | Watcher::Outside(_, key) => *key,
        }
    }
}

/// The end of a monitored process.
#[derive(Debug)]
pub struct ExitNotice {
    /// Who ended.
    pub from: Pid,
    /// The watcher's number of the monitor.
    pub monitor: u64,
    /// When, in unix nanoseconds.
    pub at_ns: i128,
    /// How.
    pub exit: SharedExit,
}

/// The failure of a linked process.
#[derive(Debug)]
pub struct LinkNotice {
    /// Who failed.
    pub from: Pid,
    /// The link, so that one removed meanwhile is not acted on.
    pub link: Arc<Link>,
    /// When, in unix nanoseconds.
    pub at_ns: i128,
    /// How.
    pub exit: SharedExit,
}

/// A request to end, and the deadline that is put behind it.
#[derive(Debug)]
pub struct Cancel {
    /// Who asks; none for the runtime.
    pub from: Option<Pid>,
    /// Free text; empty without one.
    pub reason: Vec<u8>,
    /// When it was asked, in unix nanoseconds.
    pub at_ns: i128,
    /// Kill deadline, if one is set.
    pub grace: Option<Grace>,
}

/// A kill deadline.
#[derive(Clone, Debug, PartialEq)]
pub struct Grace {
    /// Monotonic nanoseconds of the kill.
    pub at_ns: u64,
    /// The same as unix nanoseconds, for `event.deadline`.
    pub wall_ns: i128,
    /// The failure that the kill ends the process with; none when the runtime itself keeps the
    /// deadline (shutdown), so that the event only tells it.
    pub failure: Option<Failure>,
}
