//! What a started application consists of, and how threads outside of it act on its processes.

use std::cmp::Reverse;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use super::application::App;
use super::board::Board;
use super::compile;
use super::failures::Failures;
use super::hosts::Hosts;
use super::id::EntryId;
use super::shutdown::Target;
use crate::lua::{self, Catalog, Environment, LuaBody, NoProgram};
use crate::process::{
    Cancel, Encoded, Failure, Grace, Host, Message, MonitorKey, Observer, Pid, Process, Runtime,
    SendError, Signal, SpawnError, SpawnRequest, Watch, Watcher, kind,
};
use crate::scheduler::Context;
use crate::writer::Writer;

/// Bytes that may wait for a slow reader of stdout before printing processes wait.
const OUTPUT_ROOM: usize = 256 << 10;

/// The parts of a running application.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) app: Arc<App>,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) env: Arc<Environment>,
    pub(crate) hosts: Hosts,
    pub(crate) failures: Arc<Failures>,
    pub(crate) board: Arc<Board>,
}

impl Engine {
    /// Compiles every program. No host runs yet.
    ///
    /// # Errors
    /// A text for the user: a system without threads.
    pub(crate) fn new(app: App, stdout: impl Write + Send + 'static) -> Result<Arc<Self>, String> {
        let app = Arc::new(app);
        let output = Writer::new("stdout", OUTPUT_ROOM, stdout)
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        let env = Environment { catalog: Catalog::default(), output, started: Instant::now() };
        compile::fill(&env.catalog, &app);
        let failures = Arc::new(Failures::new(&app));
        let runtime = Runtime::new();
        let log = Arc::clone(&failures);
        runtime.set_failure_log(Box::new(move |process, exit, places| {
            log.record(process, exit, places);
        }));
        let (hosts, board) = (Hosts::default(), Arc::default());
        Ok(Arc::new(Self { app, runtime, env: Arc::new(env), hosts, failures, board }))
    }

    /// From now on processes can be spawned on the host.
    pub(crate) fn add_host(&self, host: Arc<Host>) {
        self.env.catalog.add_host(host.id(), lua::HostEntry::Running(host));
    }

    /// Spawns a process (specification of processes, section 4.1). `watcher` is told of its end.
    pub(crate) fn spawn(
        &self,
        entry: &str,
        host_id: &str,
        args: Encoded,
        watcher: Option<Observer>,
    ) -> Result<Pid, Box<Failure>> {
        let program = self.env.catalog.program(entry).map_err(|why| no_program(entry, why))?;
        let host = self.running_host(host_id)?;
        let limits = program.limits.or(&host.config().limits);
        let entry = program.id();
        let request = SpawnRequest {
            entry,
            body: Box::new(LuaBody::new(Arc::clone(&self.env), program, args, limits)),
            limits,
            trap_links: false,
            name: None,
            messages: Vec::new(),
            watch: watcher.map_or(Watch::No, |observer| {
                Watch::Outside(Watcher::Outside(observer, MonitorKey { watcher: 0, id: 0 }))
            }),
            link: false,
        };
        let spawned = self.runtime.spawn(&host, request, None, host.pool().outside());
        spawned.map(|spawned| spawned.pid).map_err(|error| match error {
            SpawnError::Stopping => {
                passing(kind::UNAVAILABLE, format!("host is shutting down: {host_id}"))
            }
            SpawnError::MaxProcesses => {
                passing(kind::LIMIT_EXCEEDED, format!("max processes limit exceeded: {host_id}"))
            }
        })
    }

    fn running_host(&self, id: &str) -> Result<Arc<Host>, Box<Failure>> {
        match (self.env.catalog.host(id), self.env.catalog.other_kind(id)) {
            (Some(lua::HostEntry::Running(host)), _) => Ok(host),
            (Some(lua::HostEntry::Stopped), _) => {
                Err(passing(kind::UNAVAILABLE, format!("host is not running: {id}")))
            }
            (None, Some(what)) => {
                let text = format!("entry is not a process host: {id} ({what})");
                Err(lasting(kind::INVALID, text))
            }
            (None, None) => Err(lasting(kind::NOT_FOUND, format!("host not found: {id}"))),
        }
    }

    /// Sends a message without sender to a PID or name.
    pub(crate) fn send(
        &self,
        dest: &str,
        topic: &[u8],
        payload: Encoded,
    ) -> Result<(), Box<Failure>> {
        let not_found = || lasting(kind::NOT_FOUND, format!("process not found: {dest}"));
        let pid = self.runtime.parse_pid(dest.as_bytes()).or_else(|| self.runtime.lookup(dest));
        let process = pid.and_then(|pid| self.runtime.find(pid)).ok_or_else(not_found)?;
        let message =
            Message { topic: topic.into(), from: None, payload, call: None, attachment: None };
        let sent = self.runtime.send(process.pid(), message, outside(&process));
        sent.map_err(|error| match error {
            SendError::NotFound => not_found(),
            SendError::TooLarge(bytes) => {
                lasting(kind::LIMIT_EXCEEDED, format!("message too large: {bytes} bytes"))
            }
            SendError::Full => passing(kind::RATE_LIMITED, "mailbox full".to_owned()),
        })
    }

    /// Asks a process to end. The deadline is told, but it is the caller who keeps it.
    pub(crate) fn cancel(&self, target: &Target, reason: &str) {
        let Some(process) = self.runtime.find(target.pid) else { return };
        let worker = outside(&process);
        let (now_ns, at_ns) = (worker.now_ns(), worker.wall_ns());
        let grace = Grace {
            at_ns: now_ns.saturating_add(target.stop_timeout_ns),
            wall_ns: at_ns + i128::from(target.stop_timeout_ns),
            failure: None,
        };
        let reason = reason.as_bytes().to_vec();
        let cancel = Cancel { from: None, reason, at_ns, grace: Some(grace) };
        // One that has ended meanwhile needs no asking.
        let _ = process.signal(Signal::Cancel(Box::new(cancel)), worker);
    }

    /// Ends a process.
    pub(crate) fn kill(&self, process: &Process, failure: Failure) {
        self.runtime.kill(process.pid(), failure, outside(process));
    }

    /// The live processes, younger first.
    pub(crate) fn processes(&self) -> Vec<Target> {
        let mut processes = self.runtime.processes();
        processes.sort_by_key(|process| Reverse((process.born_ns(), process.pid().serial())));
        let target = |process: &Arc<Process>| Target {
            pid: process.pid(),
            entry: process.entry(),
            stop_timeout_ns: process.host().config().stop_timeout_ns,
        };
        processes.iter().map(target).collect()
    }

    /// Whether nothing can move any more: no process, no work for one elsewhere, no line of output
    /// for whose way out one may wait.
    pub(crate) fn is_quiet(&self) -> bool {
        // The hosts last: what ends elsewhere wakes a process first.
        self.env.output.is_idle() && !self.runtime.has_work_outside() && self.hosts.is_quiet()
    }
}

/// What a thread that is no worker acts through.
fn outside(process: &Process) -> &dyn Context<Process> {
    process.host().pool().outside()
}

/// An error that trying again will not help.
fn lasting(kind: &'static str, text: String) -> Box<Failure> {
    Box::new(Failure::new(kind, text).with_retryable(false))
}

/// An error that may be gone later.
fn passing(kind: &'static str, text: String) -> Box<Failure> {
    Box::new(Failure::new(kind, text).with_retryable(true))
}

fn no_program(id: &str, why: NoProgram) -> Box<Failure> {
    match why {
        NoProgram::Missing if EntryId::parse(id).is_none() => {
            lasting(kind::INVALID, format!("invalid entry id: {id}"))
        }
        NoProgram::Missing => lasting(kind::NOT_FOUND, format!("entry not found: {id}")),
        NoProgram::OtherKind(what) => {
            lasting(kind::INVALID, format!("entry is not a process: {id} ({what})"))
        }
        NoProgram::Broken(text) => {
            lasting(kind::INTERNAL, format!("failed to load script: {text}"))
        }
    }
}
