//! What a process keeps about itself and others.

use rustc_hash::FxHashMap;

use super::exit::Failure;
use super::links::Links;
use super::pid::{Pid, Serial};
use super::signal::{Grace, MonitorKey, Signal, Watcher};
use crate::scheduler::TimerId;
use crate::small_map::SmallMap;

/// The state of a process, its body aside; touched only by the worker that runs it (P1).
#[derive(Debug, Default)]
pub struct State {
    /// Whether LINK_DOWN is an event instead of a kill.
    pub trap_links: bool,
    /// Who is told of the end: most often nobody, or the spawner.
    pub(super) watchers: SmallMap<MonitorKey, Watcher, 1>,
    /// What many processes never have, made when it is first needed.
    rare: Option<Box<Rare>>,
    next_monitor: u64,
    /// Decided, but not yet carried out.
    kill: Option<Box<Failure>>,
}

/// See [`State::rare`].
#[derive(Debug, Default)]
pub(super) struct Rare {
    pub(super) links: Links,
    /// Monitors that the program made: target → number.
    pub(super) monitoring: FxHashMap<Serial, u64>,
    /// Monitors made for exec and call: number → target.
    pub(super) watching: FxHashMap<u64, Pid>,
    pub(super) grace: Option<(Grace, TimerId)>,
    /// Signals that were taken out behind a kill; the end answers them.
    pub(super) left: Vec<Signal>,
}

/// What [`State::relations`] tells.
#[cfg(any(test, fuzzing))]
#[cfg(not(loom))]
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

    pub(super) fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Takes the rare part out, at the end.
    pub(super) fn take_rare(&mut self) -> Option<Box<Rare>> {
        self.rare.take()
    }

    pub(super) fn is_linked_to(&self, peer: Pid) -> bool {
        self.rare().is_some_and(|rare| rare.links.contains(peer))
    }

    /// The kill deadline in force.
    pub(super) fn grace(&self) -> Option<&Grace> {
        self.rare()?.grace.as_ref().map(|(grace, _)| grace)
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
        let rare = |rare: &Rare| rare.links.len() + rare.monitoring.len() + rare.watching.len();
        self.watchers.len() + self.rare().map_or(0, rare)
    }

    /// All that this process keeps about others.
    #[cfg(any(test, fuzzing))]
    #[cfg(not(loom))]
    pub(super) fn relations(&self) -> Relations {
        let watchers = self.watchers.iter().map(|(key, _)| *key).collect();
        let Some(rare) = self.rare() else {
            return Relations { watchers, ..Relations::default() };
        };
        let monitors = rare.monitoring.iter().map(|(target, id)| (*target, *id));
        let watches = rare.watching.iter().map(|(id, target)| (target.serial(), *id));
        Relations {
            links: rare.links.peers().collect(),
            watchers,
            monitors: monitors.chain(watches).collect(),
        }
    }

    pub(super) fn next_monitor(&mut self) -> u64 {
        self.next_monitor += 1;
        self.next_monitor
    }

    /// The number of the program's monitor of `target`.
    pub(super) fn monitor_of(&self, target: Serial) -> Option<u64> {
        self.rare()?.monitoring.get(&target).copied()
    }

    pub(super) fn is_monitoring(&self, target: Serial) -> bool {
        self.monitor_of(target).is_some()
    }

    pub(super) fn add_monitor(&mut self, target: Pid, id: u64) {
        self.rare_mut().monitoring.insert(target.serial(), id);
    }

    pub(super) fn remove_monitor(&mut self, target: Serial) -> Option<u64> {
        self.rare.as_mut()?.monitoring.remove(&target)
    }

    pub(super) fn add_watch(&mut self, id: u64, target: Pid) {
        self.rare_mut().watching.insert(id, target);
    }

    pub(super) fn remove_watch(&mut self, id: u64) -> Option<Pid> {
        self.rare.as_mut()?.watching.remove(&id)
    }
}
