//! Starting an application from Rust, and acting on the one that runs.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::application::App;
use super::board::{Awaited, Board, Ended};
use super::compile::check_source;
use super::ending::Notices;
use super::engine::Engine;
use super::entry::Kind;
use super::hosts::HostStats;
use super::id::EntryId;
use super::load::{LoadError, LoadOptions, load};
use super::single;
use super::supervisor::{Event, Settled, Supervisor};
use crate::lua::{self, Value};
use crate::process::{Failure, Pid};

/// Why an application was not started.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// It could not be loaded.
    Load(LoadError),
    /// It was loaded, but cannot run as it is, or not on this system.
    Unusable(String),
    /// A required host or service could not start; whatever ran was shut down.
    Start(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(LoadError::NotFound(text)) | Self::Unusable(text) | Self::Start(text) => {
                f.write_str(text)
            }
            Self::Load(LoadError::Faulty(report)) => {
                f.write_str(report.render(super::Colour::Never).trim_end())
            }
        }
    }
}

impl std::error::Error for Error {}

/// A loaded application that is about to be started.
pub struct Builder {
    app: App,
    hosts: Vec<EntryId>,
    stdout: Box<dyn Write + Send>,
    notices: Notices,
    events: (Sender<Event>, Receiver<Event>),
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("root", &self.app.root).finish_non_exhaustive()
    }
}

impl Builder {
    /// Loads the application at `path`: a folder with entry files, or one `.lua` file, which
    /// becomes the entry `app:<stem>`.
    ///
    /// # Errors
    /// [`Error::Load`] with everything that is wrong.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::load_with(path, &LoadOptions::default())
    }

    /// As [`Builder::load`], with fields replaced.
    ///
    /// # Errors
    /// [`Error::Load`] with everything that is wrong.
    pub fn load_with(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Self, Error> {
        load(path.as_ref(), options, &check_source).map(Self::new).map_err(Error::Load)
    }

    /// An application of one program, the entry `app:main`, with the modules that reach nothing
    /// outside of it.
    ///
    /// # Errors
    /// [`Error::Unusable`] with what Lua says about the source.
    pub fn from_source(source: impl AsRef<[u8]>) -> Result<Self, Error> {
        let app = single::from_source(source.as_ref());
        for entry in app.entries() {
            if let Some(source) = entry.kind.source() {
                check_source(&entry.id, source).map_err(|error| {
                    Error::Unusable(format!("{}:{}: {}", entry.id, error.line, error.message))
                })?;
            }
        }
        Ok(Self::new(app))
    }

    fn new(app: App) -> Self {
        Self {
            app,
            hosts: Vec::new(),
            stdout: Box::new(io::stdout()),
            notices: Box::new(|text| tracing::warn!("{text}")),
            events: mpsc::channel(),
        }
    }

    /// The application.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Also starts this host. Without it, those run that the auto-started entries need, and the
    /// default host if no entry declares it.
    #[must_use]
    pub fn host(mut self, id: EntryId) -> Self {
        self.hosts.push(id);
        self
    }

    /// Where `print` writes to, instead of standard output. It may block.
    #[must_use]
    pub fn stdout(mut self, stdout: impl Write + Send + 'static) -> Self {
        self.stdout = Box::new(stdout);
        self
    }

    /// Who is told what a shutdown waits for, when it takes long, instead of the log.
    #[must_use]
    pub fn notices(mut self, told: impl Fn(&str) + Send + 'static) -> Self {
        self.notices = Box::new(told);
        self
    }

    /// A handle that ends what [`Builder::start`] will have started, also while it starts.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.events.0.clone())
    }

    /// Starts hosts and services, in the order of what they require.
    ///
    /// # Errors
    /// [`Error::Start`] if a required one does not start; [`Error::Unusable`] if the system
    /// refuses.
    pub fn start(self) -> Result<Running, Error> {
        let Self { app, hosts, stdout, notices, events } = self;
        let engine = Engine::new(app, stdout).map_err(Error::Unusable)?;
        let order = engine.app.start_order(&needed_hosts(&engine.app, hosts));
        let (booted, result) = mpsc::channel();
        let sender = events.0.clone();
        let supervisor = Supervisor::new(Arc::clone(&engine), order, events, notices);
        thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || supervisor.run(&booted))
            .map_err(|error| Error::Unusable(format!("cannot start a thread: {error}")))?;
        let running = Running { engine, events: sender };
        match result.recv() {
            Ok(Ok(())) => Ok(running),
            Ok(Err(text)) => {
                running.engine.board.wait_closed();
                Err(Error::Start(text))
            }
            Err(_) => Err(Error::Unusable("the supervisor broke down".to_owned())),
        }
    }
}

/// The hosts to be started whatever the entries say.
fn needed_hosts(app: &App, mut hosts: Vec<EntryId>) -> Vec<EntryId> {
    let implicit = app.implicit_host.as_ref().map(|_| app.default_host().clone());
    hosts.extend(implicit);
    hosts
}

/// Ends a running application, from any thread.
#[derive(Debug, Clone)]
pub struct Stopper(Sender<Event>);

impl Stopper {
    /// Begins the shutdown, and does not wait for it. The second time it has no effect.
    pub fn shut_down(&self) {
        // One that has ended needs no stopping.
        let _ = self.0.send(Event::ShutDown);
    }

    /// Kills everything at once.
    pub fn kill_all(&self) {
        // As above.
        let _ = self.0.send(Event::KillAll);
    }
}

/// A running application. Dropping it kills all its processes; [`Running::shut_down`] lets them
/// end.
#[derive(Debug)]
pub struct Running {
    engine: Arc<Engine>,
    events: Sender<Event>,
}

impl Running {
    /// The application.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.engine.app
    }

    /// Spawns a process of an entry, on the host that its `host` field names or on the default
    /// host.
    ///
    /// # Errors
    /// As those of `process.spawn`.
    pub fn spawn(&self, entry: &str, args: &[Value]) -> Result<Process, Box<Failure>> {
        let app = self.app();
        let found = app.entry(entry);
        let host = found.and_then(|entry| match &entry.kind {
            Kind::Process(_) => app.host_of(&entry.kind),
            _ => None,
        });
        self.spawn_on(host.unwrap_or(app.default_host()).as_str(), entry, args)
    }

    /// Spawns a process of an entry on a host.
    ///
    /// # Errors
    /// As those of `process.spawn`.
    pub fn spawn_on(
        &self,
        host: &str,
        entry: &str,
        args: &[Value],
    ) -> Result<Process, Box<Failure>> {
        let (awaited, observer) = self.engine.board.await_exit();
        let args = lua::encode_values(args);
        let pid = self.engine.spawn(entry, host, args, Some(observer))?;
        Ok(Process { pid, awaited, board: Arc::clone(&self.engine.board) })
    }

    /// Sends a message without sender. `dest` is the text of a PID, or a registered name.
    ///
    /// # Errors
    /// As those of `process.send`.
    pub fn send(&self, dest: &str, topic: &str, payload: &[Value]) -> Result<(), Box<Failure>> {
        self.engine.send(dest, topic.as_bytes(), lua::encode_values(payload))
    }

    /// What each host has done so far, in the order of their start. The numbers are of slightly
    /// different moments.
    #[must_use]
    pub fn stats(&self) -> Vec<HostStats> {
        self.engine.hosts.stats()
    }

    /// Writes a line where processes print to, behind what they printed so far.
    pub fn print(&self, line: &[u8]) {
        self.engine.env.output.print(&[line, b"\n"].concat());
    }

    /// The text that the stack of a failure has in the log: with file names.
    #[must_use]
    pub fn traceback(&self, failure: &Failure) -> String {
        self.engine.failures.traceback(failure)
    }

    /// Waits until nothing is left to do: no process lives, and no restart is pending. Tells
    /// whether the last end of every service was normal. Also returns when the application is shut
    /// down.
    #[must_use]
    pub fn wait_idle(&self) -> bool {
        loop {
            self.engine.runtime.wait_empty();
            let (asker, answer) = mpsc::channel();
            let asked = self.events.send(Event::Settle(asker)).is_ok();
            match answer.recv() {
                Ok(Settled { runs: false, all_well }) if self.engine.runtime.n_live() == 0 => {
                    return all_well;
                }
                Ok(_) if asked => {}
                _ => return false,
            }
        }
    }

    /// A handle that ends the application.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.events.clone())
    }

    /// Ends the application: services in reverse order of their start, then everything else. Waits
    /// for that, at most `shutdown.timeout` and one second.
    pub fn shut_down(self) -> Ended {
        self.stopper().shut_down();
        self.engine.board.wait_closed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper().kill_all();
        self.engine.board.wait_closed();
    }
}

/// A process that was spawned from outside.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    awaited: Arc<Awaited>,
    board: Arc<Board>,
}

impl Process {
    /// Its PID.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for its end, and gives its first result.
    ///
    /// # Errors
    /// The failure that ended it.
    pub fn wait(&self) -> Result<Value, Box<Failure>> {
        let exit = self.board.wait(&self.awaited).ok_or_else(Failure::shutdown)?;
        match &exit.error {
            Some(failure) => Err(Box::new(failure.clone())),
            None => Ok(exit.value.as_ref().map(lua::decode_value).unwrap_or_default()),
        }
    }
}
