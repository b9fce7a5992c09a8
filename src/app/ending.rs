//! Carries out a shutdown on the processes of a running application.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::board::Ended;
use super::engine::Engine;
use super::shutdown::{Cause, Progress, Shutdown, Target, World};
use super::supervisor::Event;
use crate::process::{Failure, Pid};
use crate::scheduler::monotonic_ns;

/// Told what keeps a shutdown.
pub(crate) type Notices = Box<dyn Fn(&str) + Send>;

/// Whether a shutdown waits for anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Haste {
    No,
    Yes,
}

/// A shutdown, and what it acts on.
pub(crate) struct Ending<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) events: &'a Receiver<Event>,
    pub(crate) notices: &'a Notices,
}

impl Ending<'_> {
    /// Ends processes, output and threads.
    pub(crate) fn run(mut self, waves: Vec<Vec<Target>>, haste: Haste) -> Ended {
        let timeout_ns = self.engine.app.settings.shutdown_timeout_ns;
        let mut shutdown = Shutdown::begin(monotonic_ns(), timeout_ns, waves);
        let haste = self.wait_for_processes(&mut shutdown, haste);
        self.wait_for_output(shutdown.over_ns(), haste);
        self.engine.hosts.stop();
        let runtime = &self.engine.runtime;
        let (leftovers, n_killed) =
            self.engine.failures.take_leftovers(|pid| runtime.is_alive(pid));
        if n_killed > 0 {
            tracing::info!("processes killed by the shutdown: {n_killed}");
        }
        let left = Duration::from_nanos(shutdown.over_ns().saturating_sub(monotonic_ns()));
        Ended { leftovers, left }
    }

    fn wait_for_processes(&mut self, shutdown: &mut Shutdown, mut haste: Haste) -> Haste {
        let mut pause = Pause::default();
        loop {
            if haste == Haste::Yes {
                shutdown.hurry(monotonic_ns(), self);
            }
            match shutdown.poll(monotonic_ns(), self) {
                Progress::Waiting => haste = haste.max(self.pause(&mut pause)),
                Progress::Done | Progress::GivenUp => return haste,
            }
        }
    }

    /// What was printed gets out, if its reader is not too slow for the time that is left.
    fn wait_for_output(&self, until_ns: u64, mut haste: Haste) {
        let mut pause = Pause::default();
        while haste == Haste::No && !self.engine.env.output.is_idle() && monotonic_ns() < until_ns {
            haste = self.pause(&mut pause);
        }
    }

    /// Waits a little, or for an event; tells whether somebody is in a hurry.
    fn pause(&self, pause: &mut Pause) -> Haste {
        match self.events.recv_timeout(pause.next()) {
            Ok(Event::KillAll) => Haste::Yes,
            Ok(Event::Exited(..)) => {
                *pause = Pause::default();
                Haste::No
            }
            Ok(Event::ShutDown | Event::Settle(_))
            | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Haste::No,
        }
    }
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

impl World for Ending<'_> {
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
