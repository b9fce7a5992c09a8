//! The birth of a process: its name, its watchers and links, its first messages.

use std::sync::Arc;

use super::body::{Body, Limits, Step};
use super::host::Host;
use super::links::Link;
use super::live::{Parts, Process};
use super::message::Message;
use super::names::{Name, Owner, Taken};
use super::pid::Pid;
use super::runtime::Runtime;
use super::signal::{Signal, Watcher};
use super::state::State;
use crate::scheduler::Context;
use crate::stash::Shared;

/// What a spawn asks for.
pub struct SpawnRequest {
    /// The entry's id, for reports.
    pub entry: &'static str,
    /// The program.
    pub body: Box<dyn Body>,
    /// Its limits.
    pub limits: Limits,
    /// The option that it starts with.
    pub trap_links: bool,
    /// The name that it gets; when that is held, nothing is spawned.
    pub name: Option<Name>,
    /// Messages that are queued before its first step.
    pub messages: Vec<Message>,
    /// Whether the caller watches it.
    pub watch: Watch,
    /// Whether the caller is linked to it.
    pub link: bool,
}

impl std::fmt::Debug for SpawnRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpawnRequest").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// How the spawner watches a new process.
#[derive(Debug)]
pub enum Watch {
    /// Not at all.
    No,
    /// By an EXIT event.
    Event,
    /// On the program's account, as exec does: the end arrives as `Sink::watched_exit`.
    Operation,
    /// From outside of any process.
    Outside(Watcher),
}

/// A successful spawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spawned {
    /// The new process, or the holder of the wanted name.
    pub pid: Pid,
    /// False when the name was held and nothing was spawned.
    pub is_new: bool,
    /// The number of the monitor, for `Watch::Operation`.
    pub monitor: u64,
}

/// Why nothing was spawned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnError {
    /// The host or the runtime stops.
    Stopping,
    /// The host's limit of live processes.
    MaxProcesses,
}

impl Runtime {
    /// Spawns on `host`. `spawner` is the calling process's step, none from outside.
    pub fn spawn(
        self: &Arc<Self>,
        host: &Arc<Host>,
        request: SpawnRequest,
        mut spawner: Option<&mut Step<'_>>,
        worker: &dyn Context<Process>,
    ) -> Result<Spawned, SpawnError> {
        if self.is_stopping() || host.is_stopping() {
            return Err(SpawnError::Stopping);
        }
        if !host.admit() {
            return Err(SpawnError::MaxProcesses);
        }
        self.process_begins();
        let mut state = State::new(request.trap_links);
        let monitor = watch_new(&mut state, &request.watch, spawner.as_deref_mut());
        let link = (request.link && spawner.is_some()).then(Link::new);
        if let (Some(link), Some(spawner)) = (&link, &spawner) {
            state.rare_mut().links.add(spawner.process.pid(), link.clone());
        }
        let parts = Parts {
            entry: request.entry,
            host: Shared::new(host),
            limits: request.limits,
            born_ns: worker.now_ns(),
            body: request.body,
            state,
        };
        let inserted = self
            .table()
            .insert(|serial| Arc::new(Process::new(Pid::new(serial, host.id()), parts)));
        let Some(process) = inserted else {
            host.leave();
            self.process_ended();
            return Err(SpawnError::MaxProcesses);
        };
        let pid = process.pid();
        if let Some(name) = &request.name {
            let owner = Owner { pid, held: &process.held_names };
            let taken = self.names().register(name, &owner, |holder| self.is_alive(holder));
            if let Err(Taken::By(holder)) = taken {
                self.discard(&process);
                for message in request.messages {
                    let _ = self.send(holder, message, worker);
                }
                return Ok(Spawned { pid: holder, is_new: false, monitor: 0 });
            }
        }
        if let Some(spawner) = spawner {
            match request.watch {
                Watch::Event => spawner.state.add_monitor(pid, monitor),
                Watch::Operation => spawner.state.add_watch(monitor, pid),
                Watch::No | Watch::Outside(_) => {}
            }
            if let Some(link) = link {
                spawner.state.rare_mut().links.add(pid, link);
            }
        }
        for message in request.messages {
            // Counted like any other, but never refused.
            process.backlog.count(message.size_bytes());
            process.prime(Signal::Message(message));
        }
        worker.spawn(host.pool(), process);
        Ok(Spawned { pid, is_new: true, monitor })
    }

    /// Takes back a process that never ran and that nobody has seen.
    fn discard(&self, process: &Arc<Process>) {
        process.host().leave();
        self.table().retire(process.pid().serial());
        self.process_ended();
    }
}

/// Puts the watcher into the state of a new process, which only the caller knows yet; gives the
/// number of the monitor.
fn watch_new(state: &mut State, watch: &Watch, spawner: Option<&mut Step<'_>>) -> u64 {
    let watcher = match (watch, spawner) {
        (Watch::Outside(watcher), _) => watcher.clone(),
        (Watch::Event | Watch::Operation, Some(step)) => {
            let id = step.state.next_monitor();
            step.watcher(id)
        }
        _ => return 0,
    };
    let key = watcher.key();
    state.watchers.insert(key, watcher);
    key.id
}
