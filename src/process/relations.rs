//! What a running process begins and ends with others: monitors, watches, links.

use super::body::Step;
use super::links::Link;
use super::pid::{Pid, Serial};
use super::signal::{MonitorKey, Signal, Watcher};

impl Step<'_> {
    /// This process as the watcher with monitor `id`.
    pub(super) fn watcher(&self, id: u64) -> Watcher {
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
        if self.state.is_linked_to(target) {
            return self.runtime().is_alive(target);
        }
        let link = Link::new();
        let queued = self.push(target, Signal::Link(self.process.pid(), link.clone()));
        if queued {
            self.state.rare_mut().links.add(target, link);
        }
        queued
    }

    /// Removes the link to `target`, if there is one.
    pub fn unlink(&mut self, target: Pid) {
        for link in self.state.rare_mut().links.cut(target) {
            self.push(target, Signal::Unlink(self.process.pid(), link));
        }
    }

    /// Forgets the link to a process that has ended: its LINK_DOWN, if it is still to come, is not
    /// acted on.
    pub fn forget_link(&mut self, peer: Serial) {
        self.state.rare_mut().links.cut_serial(peer);
    }

    fn push(&self, to: Pid, signal: Signal) -> bool {
        self.runtime().signal(to, signal, self.worker)
    }
}
