//! Processes that have been parked for long, and do with less memory until they run again.
//!
//! # Protocol
//! A process that parks says so to its worker, once. The worker asks some time later: it claims the
//! process, which makes it the owner for a moment (M1 of `mailbox`), and looks whether it has run
//! since. What comes for the process meanwhile is queued; then it cannot be parked again, and the
//! worker schedules it.

use std::sync::Arc;

use super::body::Vacated;
use super::live::Process;
use super::pid::Serial;
use super::runtime::Runtime;
use crate::scheduler::Context;

/// What the worker knows of a process that parks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Quiet {
    /// Nothing: it has not parked yet, or is at rest.
    #[default]
    Unknown,
    /// That it may rest. It has not run since it said so, or since it was asked.
    Known,
    /// The same, but it has run.
    HasRun,
}

impl Quiet {
    /// The process is about to park.
    #[inline]
    pub(super) fn waits(&mut self, task: &Process, cx: &dyn Context<Process>) {
        match self {
            Quiet::HasRun => {}
            Quiet::Known => *self = Quiet::HasRun,
            Quiet::Unknown => {
                *self = Quiet::Known;
                cx.may_rest(task);
            }
        }
    }

    /// The worker asks: whether the process has stayed parked, so that it goes to rest.
    pub(super) fn is_asked(&mut self) -> bool {
        let before = *self;
        *self = if before == Quiet::Known { Quiet::Unknown } else { Quiet::Known };
        before == Quiet::Known
    }
}

/// See [`Task::rest`](crate::scheduler::Task::rest).
pub(super) fn rest(runtime: &Runtime, keys: &mut Vec<u64>, cx: &dyn Context<Process>) {
    let mut vacated = Vacated::default();
    let mut claimed: Vec<Arc<Process>> = Vec::with_capacity(keys.len());
    keys.retain(|key| {
        let Some(process) = runtime.table().get(Serial::from_raw(*key)) else { return false };
        if !process.mailbox.claim() {
            return true; // it runs, or is about to
        }
        claimed.push(process.arc().clone());
        process.rest(&mut vacated)
    });
    // They are not called before this is done.
    drop(vacated);
    for process in claimed {
        if !process.mailbox.park() {
            cx.wake(process.host().pool(), process.clone());
        }
    }
}
