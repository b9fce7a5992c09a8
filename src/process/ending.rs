//! The end of a process: what is released and who is told, in order.

use std::sync::Arc;

use super::body::{Body, Step};
use super::exit::Exit;
use super::live::Process;
use super::runtime::Runtime;
use super::signal::{LinkNotice, MonitorKey, Signal, Watcher};
use super::state::State;
use crate::scheduler::Context;

/// The end of a process (P4; specification of processes, section 12.2).
pub(super) fn finish(
    task: &Arc<Process>,
    mut body: Box<dyn Body>,
    state: &mut State,
    exit: Exit,
    worker: &dyn Context<Process>,
) {
    let runtime = task.runtime();
    body.end(&mut Step { process: task, state, worker, preemption: worker.preemption() });
    if exit.is_failure() {
        runtime.log_failure(task, &exit, || body.places());
    }
    drop(body);
    if let Some((_, timer)) = state.grace.take() {
        worker.cancel_timer(timer);
    }

    let queued = task.mailbox.close();
    runtime.names().release(task.pid(), &task.held_names);

    let exit = Arc::new(exit);
    let at_ns = worker.wall_ns();
    let ending = Ending { task, runtime, exit: &exit, at_ns, worker };
    let left = std::mem::take(&mut state.left);
    for signal in left.into_iter().chain(queued) {
        ending.adopt(state, signal);
    }
    // Before anybody is told: who starts a successor finds room for it.
    task.host().leave();
    let outside = ending.tell_watchers(state);
    ending.tell_links(state);
    // Last, since it may begin the shutdown: no link is asked to end before it knows of the
    // failure.
    ending.tell(&outside);
    ending.drop_monitors(state);
    *state = State::default();
    runtime.table().retire(task.pid().serial());
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
            self.runtime.tell_watcher(watcher, self.task.pid(), self.exit, self.at_ns, self.worker);
        }
    }

    fn tell_links(&self, state: &mut State) {
        for (peer, link) in state.links.take() {
            let signal = if self.exit.is_failure() {
                let exit = self.exit.clone();
                let notice = LinkNotice { from: self.task.pid(), link, at_ns: self.at_ns, exit };
                Signal::LinkDown(Box::new(notice))
            } else {
                Signal::Unlink(self.task.pid(), link)
            };
            self.runtime.signal(peer, signal, self.worker);
        }
    }

    fn drop_monitors(&self, state: &mut State) {
        let watcher = self.task.pid().serial().get();
        let monitoring = std::mem::take(&mut state.monitoring).into_values();
        let watching = std::mem::take(&mut state.watching).into_iter().map(|(id, pid)| (pid, id));
        for (target, id) in monitoring.chain(watching) {
            let key = MonitorKey { watcher, id };
            self.runtime.signal(target, Signal::Demonitor(key), self.worker);
        }
    }
}
