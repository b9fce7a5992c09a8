//! What a process keeps about itself and others.

use rustc_hash::FxHashMap;

use super::exit::Failure;
use super::links::Links;
use super::pid::{Pid, Serial};
use super::signal::{Grace, MonitorKey, Signal, Watcher};
use crate::scheduler::TimerId;

/// The state of a process, its body aside; touched only by the worker that runs it (P1).
#[derive(Debug, Default)]
pub struct State {
    /// Whether LINK_DOWN is an event instead of a kill.
    pub trap_links: bool,
    pub(super) links: Links,
    pub(super) watchers: FxHashMap<MonitorKey, Watcher>,
    /// Monitors that the program made: target → number.
    pub(super) monitoring: FxHashMap<Serial, (Pid, u64)>,
    /// Monitors made for exec and call: number → target.
    pub(super) watching: FxHashMap<u64, Pid>,
    next_monitor: u64,
    pub(super) grace: Rare<(Grace, TimerId)>,
    /// Signals that were taken out behind a kill; the end answers them.
    pub(super) left: Vec<Signal>,
    /// Decided, but not yet carried out.
    kill: Option<Box<Failure>>,
}

/// An `Option` of something large that most processes never have.
#[derive(Debug)]
pub(super) struct Rare<T>(Option<Box<T>>);

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Rare(None)
    }
}

impl<T> Rare<T> {
    pub(super) fn as_ref(&self) -> Option<&T> {
        self.0.as_deref()
    }

    pub(super) fn take(&mut self) -> Option<T> {
        self.0.take().map(|value| *value)
    }

    pub(super) fn replace(&mut self, value: T) -> Option<T> {
        self.0.replace(Box::new(value)).map(|value| *value)
    }
}

/// What [`State::relations`] tells.
#[cfg(any(test, fuzzing))]
#[derive(Clone, Debug, Default)]
pub(super) struct Relations {
    pub(super) links: Vec<Serial>,
    pub(super) watchers: Vec<MonitorKey>,
    pub(super) monitors: Vec<(Serial, u64)>,
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
