//! The end of a process: what is released and who is told, in order.

use std::cell::OnceCell;
use std::sync::Arc;

use super::body::{Body, Step};
use super::exit::{Exit, SharedExit};
use super::live::Process;
use super::runtime::Runtime;
use super::signal::{LinkNotice, MonitorKey, Signal, Watcher};
use super::state::{Rare, State};
use crate::scheduler::Context;

/// A heap of so many bytes may take longer to free than a turn should last.
const LARGE_HEAP: u64 = 64 << 20;

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
    if task.backlog.heap_bytes() > LARGE_HEAP || worker.preemption().is_expired() {
        worker.hand_over();
    }
    drop(body);
    if state.grace().is_some()
        && let Some((_, timer)) = state.rare_mut().grace.take()
    {
        worker.cancel_timer(timer);
    }

    let queued = task.mailbox.close();
    runtime.names().release(task.pid(), &task.held_names);

    let exit = SharedExit::new(exit);
    let ending = Ending { task, runtime, exit: &exit, at_ns: OnceCell::new(), worker };
    let left = state.rare().is_some().then(|| std::mem::take(&mut state.rare_mut().left));
    for signal in left.into_iter().flatten().chain(queued) {
        ending.adopt(state, signal);
    }
    // Before anybody is told: who starts a successor finds room for it.
    task.host().leave();
    let outside = ending.tell_watchers(state);
    let rare = state.take_rare();
    let rare = rare.map(|mut rare| {
        ending.tell_links(&mut rare);
        rare
    });
    // Last, since it may begin the shutdown: no link is asked to end before it knows of the
    // failure.
    ending.tell(outside);
    if let Some(rare) = rare {
        ending.drop_monitors(*rare);
    }
    *state = State::default();
    runtime.table().retire(task.pid().serial());
    runtime.process_ended();
}

/// What the steps of an end share.
struct Ending<'a> {
    task: &'a Arc<Process>,
    runtime: &'a Arc<Runtime>,
    exit: &'a SharedExit,
    /// Unix nanoseconds, asked for when the first is told: most ends are told to nobody.
    at_ns: OnceCell<i128>,
    worker: &'a dyn Context<Process>,
}

impl Ending<'_> {
    fn at_ns(&self) -> i128 {
        *self.at_ns.get_or_init(|| self.worker.wall_ns())
    }

    /// A request that was queued before the end is treated as if it had been taken in.
    fn adopt(&self, state: &mut State, signal: Signal) {
        match signal {
            Signal::Monitor(watcher) => {
                state.watchers.insert(watcher.key(), watcher);
            }
            Signal::Demonitor(key) => {
                state.watchers.remove(&key);
            }
            Signal::Link(peer, link) => state.rare_mut().links.add(peer, link),
            Signal::Unlink(peer, link) => state.rare_mut().links.remove(peer, &link),
            _ => {}
        }
    }

    /// Tells the processes among the watchers; gives the others.
    fn tell_watchers(&self, state: &mut State) -> Vec<Watcher> {
        let mut outside = Vec::new();
        for (_, watcher) in state.watchers.take() {
            match watcher {
                Watcher::Process(..) => self.tell([watcher]),
                Watcher::Outside(..) => outside.push(watcher),
            }
        }
        outside
    }

    fn tell(&self, watchers: impl IntoIterator<Item = Watcher>) {
        for watcher in watchers {
            let pid = self.task.pid();
            self.runtime.tell_watcher(&watcher, pid, self.exit, self.at_ns(), self.worker);
        }
    }

    fn tell_links(&self, rare: &mut Rare) {
        for (peer, link) in rare.links.take() {
            let signal = if self.exit.is_failure() {
                let exit = self.exit.clone();
                let notice = LinkNotice { from: self.task.pid(), link, at_ns: self.at_ns(), exit };
                Signal::LinkDown(Box::new(notice))
            } else {
                Signal::Unlink(self.task.pid(), link)
            };
            self.runtime.signal(peer, signal, self.worker);
        }
    }

    fn drop_monitors(&self, rare: Rare) {
        let watcher = self.task.pid().serial().get();
        let watching = rare.watching.into_iter().map(|(id, target)| (target.serial(), id));
        for (target, id) in rare.monitoring.into_iter().chain(watching) {
            let key = MonitorKey { watcher, id };
            self.runtime.signal_serial(target, Signal::Demonitor(key), self.worker);
        }
    }
}
