//! The supervisor: one thread that starts the services, restarts those that fail, and in the end shuts
//! everything down. All state of supervision belongs to it; others send it events.
//!
//! # Invariants
//! * I1: a service has at most one live process that the supervisor started.
//! * I2: the end of a process is in the queue of events before the process stops counting as live. So
//!   who saw that nothing lives and then asks ([`Event::Settle`]) is answered with all ends known.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::backoff::{Backoff, End, Next};
use super::board::Ended;
use super::engine::Engine;
use super::entry::{Kind, Lifecycle, Startup, Value};
use super::graph::Start;
use super::id::EntryId;
use super::shutdown::{self, Cause, Progress, Shutdown, Target, World};
use super::values::display_duration;
use crate::lua;
use crate::process::{Encoded, Exit, Failure, Observer, Pid, kind};
use crate::scheduler::monotonic_ns;

/// What the supervisor is told.
#[derive(Debug)]
pub(crate) enum Event {
    /// The process of a service ended.
    Exited(Pid, Arc<Exit>),
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

/// Told what keeps a shutdown.
pub(crate) type Notices = Box<dyn Fn(&str) + Send>;

/// A service, and how it is doing.
#[derive(Debug)]
struct Service {
    id: EntryId,
    process: EntryId,
    host: EntryId,
    args: Encoded,
    lifecycle: Lifecycle,
    backoff: Backoff,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It was not started: something that it requires is missing.
    NotStarted,
    Running {
        pid: Pid,
        since_ns: u64,
    },
    /// It failed, and starts again then.
    Restarting {
        at_ns: u64,
    },
    Exited,
    /// It exited badly, or was given up.
    EndedBadly,
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
            let service = self.service(&id);
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

    fn service(&self, id: &EntryId) -> Option<Service> {
        let entry = self.engine.app.entry(id.as_str())?;
        let (process, input): (_, &[Value]) = match &entry.kind {
            Kind::Process(_) => (id, &[]),
            Kind::Service(service) => (&service.process, &service.input),
            Kind::Host(_) | Kind::Library(_) => return None,
        };
        let host = self.engine.app.host_of(&entry.kind)?.clone();
        let lifecycle = entry.kind.lifecycle()?.clone();
        let args: Vec<lua::Value> = input.iter().map(lua_value).collect();
        Some(Service {
            id: id.clone(),
            process: process.clone(),
            host,
            args: lua::encode_values(&args),
            backoff: Backoff::new(&lifecycle),
            lifecycle,
            state: State::NotStarted,
        })
    }

    fn boot_host(&self, id: &EntryId) -> Result<(), Box<Failure>> {
        let Some(host) = self.engine.app.host(id.as_str()) else { return Ok(()) };
        let began_ns = monotonic_ns();
        let started = self.engine.hosts.start(id.as_str(), host).map_err(|error| {
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
            self.failed_to_start(idx, failure);
        }
        started
    }

    /// Spawns the process of a service.
    fn start(&mut self, idx: usize) -> Result<(), Box<Failure>> {
        let service = &mut self.services[idx];
        let sender = self.sender.clone();
        let observer = Observer::new(move |pid, exit| {
            // After the end of the supervisor nobody needs to know.
            let _ = sender.send(Event::Exited(pid, Arc::clone(exit)));
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
        service.state = State::Running { pid, since_ns };
        self.by_pid.insert(pid, idx);
        tracing::info!(%pid, entry = %service.id, "service started");
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
                Event::Exited(pid, exit) => self.exited(pid, &exit),
                Event::Settle(asker) => self.askers.push(asker),
                Event::ShutDown => return Haste::No,
                Event::KillAll => return Haste::Yes,
            }
        }
    }

    /// The next event; none if a restart is due before.
    fn next_event(&self) -> Option<Event> {
        let restart_ns = |service: &Service| match service.state {
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
            if is_due(self.services[idx].state)
                && let Err(failure) = self.start(idx)
            {
                self.failed_to_start(idx, &failure);
            }
        }
    }

    fn failed_to_start(&mut self, idx: usize, failure: &Failure) {
        let next = self.services[idx].backoff.after(End::of_failure(failure), None, random());
        self.services[idx].follow(next, Some(failure));
    }

    fn exited(&mut self, pid: Pid, exit: &Exit) {
        let Some(idx) = self.by_pid.remove(&pid) else { return };
        let service = &mut self.services[idx];
        let State::Running { since_ns, .. } = service.state else { return };
        let ran_ns = monotonic_ns().saturating_sub(since_ns);
        let next = service.backoff.after(End::of(exit), Some(ran_ns), random());
        service.follow(next, exit.error.as_ref());
    }

    fn answer_askers(&mut self) {
        let is = |wanted: fn(&State) -> bool| self.services.iter().any(|s| wanted(&s.state));
        if is(|state| matches!(state, State::Restarting { .. })) {
            return;
        }
        let runs = is(|state| matches!(state, State::Running { .. }));
        let all_well = !is(|state| *state == State::EndedBadly);
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
        let running = |id: &EntryId| {
            let service = self.services.iter().find(|service| service.id == *id)?;
            let State::Running { pid, .. } = service.state else { return None };
            let stop_timeout_ns = service.lifecycle.stop_timeout_ns;
            Some(Target { pid, entry: id.as_str().into(), stop_timeout_ns })
        };
        let waves = shutdown::waves(&self.order, running);
        let timeout_ns = self.engine.app.settings.shutdown_timeout_ns;
        let mut shutdown = Shutdown::begin(monotonic_ns(), timeout_ns, waves);
        let haste = self.wait_for_processes(&mut shutdown, haste);
        self.wait_for_output(&shutdown, haste);
        self.engine.hosts.stop();
        self.engine.runtime.give_up();
        self.engine.board.close(self.ended());
    }

    fn wait_for_processes(&self, shutdown: &mut Shutdown, mut haste: Haste) -> Haste {
        let (engine, notices) = (&*self.engine, &self.notices);
        let mut world = Processes { engine, notices };
        let mut pause = Pause::default();
        loop {
            if haste == Haste::Yes {
                shutdown.hurry(monotonic_ns(), &mut world);
            }
            match shutdown.poll(monotonic_ns(), &mut world) {
                Progress::Waiting => haste = haste.max(self.pause(&mut pause)),
                Progress::Done | Progress::GivenUp => return haste,
            }
        }
    }

    /// What was printed gets out, if its reader is not too slow for the time that is left.
    fn wait_for_output(&self, shutdown: &Shutdown, mut haste: Haste) {
        let mut pause = Pause::default();
        while haste == Haste::No
            && !self.engine.env.output.is_idle()
            && monotonic_ns() < shutdown.over_ns()
        {
            haste = self.pause(&mut pause);
        }
    }

    /// Waits a little, or for an event; tells whether somebody is in a hurry.
    fn pause(&self, pause: &mut Pause) -> Haste {
        match self.events.recv_timeout(pause.next()) {
            Ok(Event::KillAll) => Haste::Yes,
            Ok(Event::Exited(pid, _)) => {
                *pause = Pause::default();
                if let Some(idx) = self.by_pid.get(&pid) {
                    tracing::info!(%pid, entry = %self.services[*idx].id, "service stopped");
                }
                Haste::No
            }
            Ok(Event::ShutDown | Event::Settle(_))
            | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Haste::No,
        }
    }

    /// The summary of what was killed.
    fn ended(&self) -> Ended {
        let runtime = &self.engine.runtime;
        let (leftovers, n_killed) =
            self.engine.failures.take_leftovers(|pid| runtime.is_alive(pid));
        if n_killed > 0 {
            tracing::info!("shutdown killed {n_killed} processes");
        }
        Ended { leftovers }
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

impl Service {
    /// Enters the state that follows an end, and logs it.
    fn follow(&mut self, next: Next, failure: Option<&Failure>) {
        let (entry, why) = (&self.id, failure.map(|failure| failure.text()).unwrap_or_default());
        self.state = match next {
            Next::Exited => {
                tracing::info!(%entry, "service exited");
                State::Exited
            }
            Next::ExitedBadly => {
                tracing::error!(%entry, "service exited with an error: {why}");
                State::EndedBadly
            }
            Next::RestartIn(delay_ns) => {
                let delay = display_duration(delay_ns / 1_000_000 * 1_000_000);
                tracing::warn!(%entry, "service failed, restarts in {delay}: {why}");
                State::Restarting { at_ns: monotonic_ns().saturating_add(delay_ns) }
            }
            Next::GaveUp => {
                let n_restarts = self.backoff.n_restarts();
                tracing::error!(%entry, "service failed, gave up after {n_restarts} restarts: {why}");
                State::EndedBadly
            }
        };
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

/// Whether a shutdown waits for anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Haste {
    No,
    Yes,
}

/// How long to sleep between two looks: short at first, since most shutdowns are.
#[derive(Debug)]
struct Pause(Duration);

impl Pause {
    const MAX: Duration = Duration::from_millis(5);

    fn next(&mut self) -> Duration {
        self.0 = (self.0 * 2).min(Self::MAX);
        self.0
    }
}

impl Default for Pause {
    fn default() -> Self {
        Self(Duration::from_micros(100))
    }
}

/// The processes of an engine, as a shutdown sees them.
struct Processes<'a> {
    engine: &'a Engine,
    notices: &'a Notices,
}

impl World for Processes<'_> {
    fn n_live(&self) -> usize {
        self.engine.runtime.n_live()
    }

    fn is_alive(&self, pid: Pid) -> bool {
        self.engine.runtime.is_alive(pid)
    }

    fn processes(&self) -> Vec<Target> {
        self.engine.processes()
    }

    fn is_quiet(&self) -> bool {
        self.engine.is_quiet()
    }

    fn cancel(&mut self, target: &Target, reason: &'static str) {
        self.engine.cancel(target, reason);
    }

    fn kill(&mut self, pid: Pid, cause: Cause) {
        let Some(process) = self.engine.runtime.find(pid) else { return };
        if cause == Cause::Overdue {
            self.engine.failures.expect_leftover(&process);
        }
        self.engine.kill(&process, Failure::shutdown());
    }

    fn notice(&mut self, text: &str) {
        (self.notices)(text);
    }
}

/// A number from 0 to 1.
fn random() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    // The keys of every `RandomState` differ.
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

/// A value of an entry file, as Lua sees it. A map key is a string there, whatever it looks like.
fn lua_value(value: &Value) -> lua::Value {
    match value {
        Value::Null => lua::Value::Nil,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Str(value) => value.as_str().into(),
        Value::List(list) => lua::Value::Table(lua::Table {
            list: list.iter().map(lua_value).collect(),
            fields: Vec::new(),
        }),
        Value::Map(pairs) => {
            let field = |(key, value): &(String, Value)| (key.as_str().into(), lua_value(value));
            lua::Value::Table(lua::Table {
                list: Vec::new(),
                fields: pairs.iter().map(field).collect(),
            })
        }
    }
}
