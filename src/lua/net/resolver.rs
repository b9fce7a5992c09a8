//! Looks up names on threads of its own: the system's resolver blocks, and workers must not.
//!
//! # Concepts
//! * **Job**: one name, and who is told. Threads are started when jobs wait and none is free, up to
//!   [`THREADS_MAX`]; a thread that has had nothing to do for [`IDLE`] ends.
//!
//! # Invariants
//! * **N1** `n_idle` threads wait for work; each of them takes a job or ends. So a job that is
//!   queued while fewer jobs than idle threads wait needs no new thread.
//! * **N2** At most [`QUEUE_MAX`] jobs wait.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Names that are looked up at one time.
const THREADS_MAX: usize = 4;
/// Names that wait to be looked up.
const QUEUE_MAX: usize = 4096;
/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(10);

/// Told of the addresses of a name.
pub(super) type Tell = Box<dyn FnOnce(io::Result<Vec<SocketAddr>>) + Send>;

/// Too many names wait, or no thread could be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy;

struct Job {
    host: String,
    port: u16,
    tell: Tell,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    n_threads: usize,
    n_idle: usize,
}

struct Resolver {
    state: Mutex<State>,
    /// Signalled for each job that an idle thread should take.
    work: Condvar,
}

/// One for the whole OS process, as the system's resolver is: it knows nothing of runtimes.
static RESOLVER: Resolver = Resolver {
    state: Mutex::new(State { queue: VecDeque::new(), n_threads: 0, n_idle: 0 }),
    work: Condvar::new(),
};

/// Has `host` looked up; `tell` is called once, on another thread.
///
/// # Errors
/// At the limit of names that wait.
pub(super) fn look_up(host: String, port: u16, tell: Tell) -> Result<(), Busy> {
    RESOLVER.submit(Job { host, port, tell })
}

impl Resolver {
    /// The state is valid between any two statements, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&'static self, job: Job) -> Result<(), Busy> {
        let mut state = self.lock();
        if state.queue.len() >= QUEUE_MAX {
            return Err(Busy);
        }
        // N1.
        if state.queue.len() >= state.n_idle && state.n_threads < THREADS_MAX {
            let name = "resolver".to_owned();
            match thread::Builder::new().name(name).spawn(move || self.run()) {
                Ok(_) => state.n_threads += 1,
                Err(_) if state.n_threads == 0 => return Err(Busy),
                Err(_) => {}
            }
        }
        state.queue.push_back(job);
        self.work.notify_one();
        Ok(())
    }

    fn run(&self) {
        while let Some(Job { host, port, tell }) = self.next() {
            tell((host.as_str(), port).to_socket_addrs().map(Iterator::collect));
        }
    }

    /// The next job; `None` when the thread is to end.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        if state.queue.is_empty() {
            state.n_idle += 1;
            let waited = self.work.wait_timeout_while(state, IDLE, |state| state.queue.is_empty());
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.n_idle -= 1;
        }
        let job = state.queue.pop_front();
        if job.is_none() {
            state.n_threads -= 1;
        }
        job
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn every_name_is_answered_once_and_threads_are_few() {
        let (tell, told) = mpsc::channel();
        for port in 0..100 {
            let tell = tell.clone();
            let job = Box::new(move |result| tell.send((port, result)).unwrap());
            assert_eq!(look_up("localhost".to_owned(), port, job), Ok(()));
            assert!(RESOLVER.lock().n_threads <= THREADS_MAX);
        }
        drop(tell);
        let mut ports = Vec::new();
        for (port, result) in told {
            let addresses: Vec<SocketAddr> = result.unwrap();
            assert!(!addresses.is_empty());
            assert!(addresses.iter().all(|a| a.ip().is_loopback() && a.port() == port));
            ports.push(port);
        }
        ports.sort_unstable();
        assert_eq!(ports, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn jobs_beyond_the_limit_are_refused() {
        // A resolver of which no thread is free.
        let resolver: &'static Resolver = Box::leak(Box::new(Resolver {
            state: Mutex::new(State { n_threads: THREADS_MAX, ..State::default() }),
            work: Condvar::new(),
        }));
        let job = || Job { host: "localhost".to_owned(), port: 1, tell: Box::new(|_| ()) };
        for _ in 0..QUEUE_MAX {
            assert_eq!(resolver.submit(job()), Ok(()));
        }
        assert_eq!(resolver.submit(job()), Err(Busy));
    }
}
