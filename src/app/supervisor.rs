//! The supervisor: one thread that starts the services, restarts those that fail, and in the end
//! shuts everything down. All state of supervision belongs to it; others send it events.
//!
//! # Invariants
//! * I1: a service has at most one live process that the supervisor started.
//! * I2: the end of a process is in the queue of events before the process stops counting as live.
//!   So who saw that nothing lives and then asks ([`Event::Settle`]) is answered with all ends
//!   known.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::board::Ended;
use super::ending::{Ending, Haste, Notices};
use super::engine::Engine;
use super::entry::{Lifecycle, Startup};
use super::graph::Start;
use super::id::EntryId;
use super::service::{Service, State};
use super::shutdown::{Target, waves};
use super::values::display_duration;
use crate::process::{Failure, Observer, Pid, SharedExit, interned, kind};
use crate::scheduler::monotonic_ns;

/// What the supervisor is told.
#[derive(Debug)]
pub(crate) enum Event {
    /// The process of a service ended.
    Exited(Pid, SharedExit),
    /// Answered as soon as no restart is pending.
    Settle(Sender<Settled>),
    /// Begin the shutdown.
    ShutDown,
    /// Begin it, and wait for nobody.
    KillAll,
}

/// The services when no restart is pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Some service runs.
    pub(crate) runs: bool,
    /// Every service that has ended did so normally.
    pub(crate) all_well: bool,
}

/// The supervising thread.
pub(crate) struct Supervisor {
    engine: Arc<Engine>,
    /// Hosts and services in the order of their start.
    order: Vec<Start>,
    services: Vec<Service>,
    by_pid: FxHashMap<Pid, usize>,
    events: Receiver<Event>,
    sender: Sender<Event>,
    /// Who waits for [`Settled`].
    askers: Vec<Sender<Settled>>,
    notices: Notices,
}

impl Supervisor {
    pub(crate) fn new(
        engine: Arc<Engine>,
        order: Vec<Start>,
        (sender, events): (Sender<Event>, Receiver<Event>),
        notices: Notices,
    ) -> Self {
        Self {
            engine,
            order,
            services: Vec::new(),
            by_pid: FxHashMap::default(),
            events,
            sender,
            askers: Vec::new(),
            notices,
        }
    }

    /// Starts hosts and services, tells `booted` how that went, supervises until the shutdown, and
    /// shuts down. After a failed boot that follows at once.
    pub(crate) fn run(mut self, booted: &Sender<Result<(), String>>) {
        let result = self.boot();
        let failed = result.is_err();
        // Nobody listens: then nobody wants the application either, and there will be a KillAll.
        let _ = booted.send(result);
        let haste = if failed { Haste::No } else { self.supervise() };
        self.shut_down(haste);
    }

    /// Starts everything in order (app.md, section 6.2).
    fn boot(&mut self) -> Result<(), String> {
        let mut missing: BTreeSet<EntryId> = BTreeSet::new();
        for Start { id, after } in self.order.clone() {
            let service = Service::new(&self.engine.app, &id);
            let own_host = service.as_ref().map(|service| service.host.clone());
            let needed =
                after.iter().find(|id| missing.contains(*id) && own_host.as_ref() != Some(id));
            if let Some(needed) = needed {
                tracing::warn!(entry = %id, "not started: `{needed}` does not run");
                self.services.extend(service);
                missing.insert(id);
                continue;
            }
            let startup = self.startup(&id);
            let started = match service {
                Some(service) => self.boot_service(service, startup),
                None => self.boot_host(&id),
            };
            match started {
                Ok(()) => {}
                Err(failure) if startup == Startup::Optional => {
                    tracing::warn!(entry = %id, "could not start: {}", failure.text());
                    missing.insert(id);
                }
                Err(failure) => {
                    return Err(format!("required `{id}` could not start: {}", failure.text()));
                }
            }
        }
        Ok(())
    }

    fn startup(&self, id: &EntryId) -> Startup {
        let entry = self.engine.app.entry(id.as_str());
        let lifecycle = entry.and_then(|entry| entry.kind.lifecycle());
        lifecycle.map_or(Startup::Required, |lifecycle| lifecycle.startup)
    }

    fn boot_host(&self, id: &EntryId) -> Result<(), Box<Failure>> {
        let Some(host) = self.engine.app.host(id.as_str()) else { return Ok(()) };
        let began_ns = monotonic_ns();
        let started =
            self.engine.hosts.start(id.as_str(), host, &self.engine.runtime).map_err(|error| {
                Failure::new(kind::UNAVAILABLE, format!("cannot start workers: {error}"))
            })?;
        in_time(began_ns, &host.lifecycle)?;
        self.engine.add_host(started);
        tracing::debug!(entry = %id, "host started");
        Ok(())
    }

    /// Starts a service for the first time. An optional one that cannot start, but might later, is
    /// tried again like one that failed.
    fn boot_service(&mut self, service: Service, startup: Startup) -> Result<(), Box<Failure>> {
        let idx = self.services.len();
        self.services.push(service);
        let started = self.start(idx);
        if let Err(failure) = &started
            && startup == Startup::Optional
            && failure.retryable == Some(true)
        {
            self.services[idx].failed_to_start(failure);
        }
        started
    }

    /// Spawns the process of a service.
    fn start(&mut self, idx: usize) -> Result<(), Box<Failure>> {
        let service = &mut self.services[idx];
        let sender = self.sender.clone();
        let observer = Observer::new(move |pid, exit| {
            // After the end of the supervisor nobody needs to know.
            let _ = sender.send(Event::Exited(pid, exit.clone()));
        });
        let since_ns = monotonic_ns();
        let (process, host) = (service.process.as_str(), service.host.as_str());
        let pid = self.engine.spawn(process, host, service.args.clone(), Some(observer))?;
        if let Err(failure) = in_time(since_ns, &service.lifecycle) {
            if let Some(process) = self.engine.runtime.find(pid) {
                self.engine.kill(&process, (*failure).clone());
            }
            return Err(failure);
        }
        service.started(pid, since_ns);
        self.by_pid.insert(pid, idx);
        Ok(())
    }

    /// Reacts to events until one of them begins the shutdown.
    fn supervise(&mut self) -> Haste {
        loop {
            self.answer_askers();
            let Some(event) = self.next_event() else {
                self.restart_due();
                continue;
            };
            match event {
                Event::Exited(pid, exit) => {
                    if let Some(idx) = self.by_pid.remove(&pid) {
                        self.services[idx].ended(&exit);
                    }
                }
                Event::Settle(asker) => self.askers.push(asker),
                Event::ShutDown => return Haste::No,
                Event::KillAll => return Haste::Yes,
            }
        }
    }

    /// The next event; none if a restart is due before.
    fn next_event(&self) -> Option<Event> {
        let restart_ns = |service: &Service| match service.state() {
            State::Restarting { at_ns } => Some(at_ns),
            _ => None,
        };
        match self.services.iter().filter_map(restart_ns).min() {
            Some(at_ns) => {
                let left = Duration::from_nanos(at_ns.saturating_sub(monotonic_ns()));
                self.events.recv_timeout(left).ok()
            }
            None => Some(self.events.recv().expect("the supervisor holds a sender itself")),
        }
    }

    fn restart_due(&mut self) {
        let now_ns = monotonic_ns();
        for idx in 0..self.services.len() {
            let is_due = |state| matches!(state, State::Restarting { at_ns } if at_ns <= now_ns);
            if is_due(self.services[idx].state())
                && let Err(failure) = self.start(idx)
            {
                self.services[idx].failed_to_start(&failure);
            }
        }
    }

    fn answer_askers(&mut self) {
        let is = |wanted: fn(State) -> bool| self.services.iter().any(|s| wanted(s.state()));
        if is(|state| matches!(state, State::Restarting { .. })) {
            return;
        }
        let runs = is(|state| matches!(state, State::Running { .. }));
        let all_well = !is(|state| state == State::EndedBadly);
        for asker in self.askers.drain(..) {
            // One that is gone needs no answer.
            let _ = asker.send(Settled { runs, all_well });
        }
    }

    /// Ends everything (app.md, section 7).
    fn shut_down(&mut self, haste: Haste) {
        // Askers learn from the end of their channel that there is nothing to settle any more.
        self.askers.clear();
        self.engine.runtime.stop_spawning();
        let target = |id: &EntryId| {
            let service = self.services.iter().find(|service| service.id == *id)?;
            let State::Running { pid, .. } = service.state() else { return None };
            let stop_timeout_ns = service.lifecycle.stop_timeout_ns;
            Some(Target { pid, entry: interned(id.as_str()), stop_timeout_ns })
        };
        let waves = waves(&self.order, target);
        let (engine, events, notices) = (&*self.engine, &self.events, &self.notices);
        let ended = Ending { engine, events, notices }.run(waves, haste);
        self.engine.runtime.give_up();
        self.engine.board.close(ended);
    }
}

/// If it breaks down nobody is left to wait for.
impl Drop for Supervisor {
    fn drop(&mut self) {
        self.engine.runtime.stop_spawning();
        self.engine.runtime.give_up();
        self.engine.board.close(Ended::default());
    }
}

/// A start that took longer than `start_timeout` is an error.
fn in_time(began_ns: u64, lifecycle: &Lifecycle) -> Result<(), Box<Failure>> {
    if monotonic_ns().saturating_sub(began_ns) <= lifecycle.start_timeout_ns {
        return Ok(());
    }
    let timeout = display_duration(lifecycle.start_timeout_ns);
    let failure = Failure::new(kind::TIMEOUT, format!("start timeout of {timeout} exceeded"));
    Err(Box::new(failure.with_retryable(false)))
}
