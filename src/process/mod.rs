//! Processes: identity, signals, monitors, links, names, and the steps of an end. Knows no Lua:
//! what a process runs is a [`Body`].
//!
//! # Invariants
//! * **P1** A process's own state ([`State`], its body) is touched only by its owner. That is the
//!   worker that runs it: whoever turned its mailbox from parked to scheduled queued it once, and
//!   it is not queued again until it parks. Or it is a worker that has claimed it while it is
//!   parked, to put it to rest.
//! * **P2** Everything that others want of a process goes through its mailbox, in one order.
//! * **P3** Closing the mailbox is the one point at which a process becomes dead. What was queued
//!   before is answered by the dying process, what comes after is refused.
//! * **P4** The steps of an end run in this order: mailbox closed, names released, EXIT to
//!   watchers, LINK_DOWN to links, monitors dropped; each step is visible before the next.
//! * **P5** A parked process keeps the counted reference that it ran under. The push or claim that
//!   finds it parked takes that reference over.

mod account;
mod backlog;
mod body;
mod census;
mod ending;
pub(crate) mod exit;
mod host;
mod intake;
mod intern;
mod links;
mod live;
pub(crate) mod message;
#[cfg(any(test, fuzzing))]
#[cfg(not(loom))]
pub mod model;
mod names;
mod pid;
mod relations;
mod rest;
mod room;
mod runtime;
mod signal;
mod size;
mod spawn;
mod state;
mod table;
#[cfg(all(test, not(any(loom, miri))))]
mod tests;
mod together;
mod warm;

pub(crate) use account::Account;
pub(crate) use backlog::Excess;
pub use body::{Body, Event, Limits, MailboxLimit, OnFull, Sink, Span, Step, StepEnd, Vacated};
pub use exit::{Exit, Failure, SharedExit, kind};
pub use host::{Host, HostConfig};
pub use intake::TakenIn;
pub use intern::interned;
pub use links::Link;
pub use live::Process;
pub use message::{CallRef, Encoded, Message, Topic};
pub use names::{Name, name_fault};
pub(crate) use pid::parse as parse_pid_text;
pub use pid::{Pid, Serial, has_pid_form};
pub use runtime::{FailureLog, OutsideWork, Registration, Runtime, SendError};
pub use signal::{
    Cancel, ExitNotice, Grace, Letter, LinkNotice, MonitorKey, Observer, Signal, Watcher,
};
pub use size::{parse_size, size_text};
pub use spawn::{SpawnError, SpawnRequest, Spawned, Watch};
pub use state::State;
pub(crate) use table::Pinned;
pub use together::MemoryWatch;
