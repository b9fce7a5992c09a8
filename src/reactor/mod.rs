//! Where a worker with nothing to run waits: for readiness of its sources, a wake-up from another
//! thread, or a deadline, in one system call. Linux only (epoll, eventfd, timerfd).
//!
//! # Concepts
//! * **Source**: a socket or the like, registered with a value that comes back on readiness.
//! * **Token**: the number under which epoll knows a source. No token is used twice.
//! * **Wake-up**: makes the present or else the next wait return; many may come as one.
//! * **Timer**: one timerfd, set to an absolute time. A deadline is exact to what the kernel
//!   manages (a time-out of epoll would be rounded up to whole milliseconds).
//!
//! # Invariants
//! * R1: a token names one registration for ever. An event whose token has no value is of a source
//!   that was deregistered after the kernel had queued the event, and is dropped.
//! * R2: a value is in place before its source is known to epoll, so the first edge finds it.
//! * R3: `armed` is the time the timer is set to, or `None` once it has expired. Setting the timer
//!   takes back an expiry not reported yet, so in a wait until `t` the timer speaks of `t` only.
//! * R4: a wait that blocks takes the pending wake-up each time it comes out of the kernel.
//!
//! # Protocol
//! A deadline is set when a wait asks for another one than before, and never taken back: when an
//! old one expires in a wait that has none, that wait goes on. Wake-ups: see `pending.rs`.
//! Interrupted system calls are repeated; the timer is absolute, so nothing is lost by that.
//!
//! # Rejected
//! A slab of values with generations in the token: generations come round some day, and beside the
//! system call of a registration a hash map costs nothing.

mod pending;
mod sources;
#[cfg(test)]
mod tests;
mod timerfd;

use std::cell::Cell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::AsRawFd;
use std::sync::PoisonError;
use std::time::Duration;

use mio::event::{Event, Source};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token, Waker};

use self::pending::Pending;
use self::sources::Sources;
use self::timerfd::TimerFd;
use crate::sync::{Arc, Mutex, MutexGuard};

/// The tokens of the reactor itself; those of sources follow.
const WAKER: Token = Token(0);
const TIMER: Token = Token(1);
const SOURCES_FROM: usize = 2;

/// Events taken from the kernel at a time. What exceeds it comes with the next wait.
const EVENTS_PER_WAIT: usize = 256;

/// The side of the thread that waits. Everything else goes through a [`Handle`].
pub struct Reactor<T> {
    poll: Poll,
    events: Events,
    timer: TimerFd,
    /// See R3.
    armed: Option<u64>,
    shared: Arc<Shared<T>>,
    _not_sync: PhantomData<Cell<()>>,
}

/// The side of all threads: wakes the reactor, registers sources.
pub struct Handle<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    registry: Registry,
    waker: Waker,
    pending: Pending,
    sources: Mutex<Sources<T>>,
}

/// How long to wait when nothing is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    Poll,
    /// Until this time in nanoseconds of `CLOCK_MONOTONIC`, not less.
    Until(u64),
    /// Until something happens.
    Forever,
}

/// A source that is ready, by the value it was registered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready<T> {
    /// The value of the registration.
    pub value: T,
    /// Reading will not block; it may yield data, a connection or the end of the stream.
    pub readable: bool,
    /// Writing will not block; it may fail.
    pub writable: bool,
    /// An error, or both directions are shut.
    pub error: bool,
}

/// A source's place in a reactor, needed to deregister it.
#[derive(Debug, PartialEq, Eq, Hash)]
#[must_use = "a source stays registered until it is deregistered with this"]
pub struct Registration {
    token: Token,
}

impl<T> Reactor<T> {
    /// A reactor without sources.
    ///
    /// # Errors
    /// When the process or the system is out of file descriptors.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let timer = TimerFd::new()?;
        poll.registry().register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        let shared = Shared {
            registry: poll.registry().try_clone()?,
            waker: Waker::new(poll.registry(), WAKER)?,
            pending: Pending::new(),
            sources: Mutex::new(Sources::new(SOURCES_FROM)),
        };
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS_PER_WAIT),
            timer,
            armed: None,
            shared: Arc::new(shared),
            _not_sync: PhantomData,
        })
    }

    /// Another handle to this reactor.
    pub fn handle(&self) -> Handle<T> {
        Handle { shared: Arc::clone(&self.shared) }
    }

    /// Sets the timer if it is not set to this time already.
    fn arm(&mut self, at_ns: u64) -> io::Result<()> {
        if self.armed != Some(at_ns) {
            self.timer.set(at_ns)?;
            self.armed = Some(at_ns);
        }
        Ok(())
    }
}

impl<T: Clone> Reactor<T> {
    /// Waits for a wake-up, readiness of a source, or the end of `wait`, and appends what is ready.
    /// All that a thread did before it called [`Handle::wake`] is visible after the wait that this
    /// wake-up ended. Now and then a wait ends with nothing ready and nobody having called.
    ///
    /// # Errors
    /// What the kernel reports; none is expected of a reactor in use.
    pub fn wait(&mut self, wait: Wait, ready: &mut Vec<Ready<T>>) -> io::Result<()> {
        let mut timeout = None;
        match wait {
            Wait::Poll => timeout = Some(Duration::ZERO),
            Wait::Until(at_ns) => self.arm(at_ns)?,
            Wait::Forever => {}
        }
        loop {
            match self.poll.poll(&mut self.events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            let is_woken = self.shared.pending.take();
            if self.collect(wait, ready) || is_woken || wait == Wait::Poll {
                return Ok(());
            }
        }
    }

    /// Turns events into what is ready. Tells whether any of them is a reason for `wait` to end.
    fn collect(&mut self, wait: Wait, ready: &mut Vec<Ready<T>>) -> bool {
        let mut ends = false;
        let sources = self.shared.sources();
        for event in &self.events {
            match event.token() {
                WAKER => ends = true,
                TIMER => {
                    self.armed = None;
                    ends |= matches!(wait, Wait::Until(_));
                }
                token => {
                    // A token without a value: R1.
                    if let Some(value) = sources.get(token) {
                        ready.push(Ready::new(value.clone(), event));
                        ends = true;
                    }
                }
            }
        }
        ends
    }
}

impl<T> Handle<T> {
    /// Makes the reactor's present wait return, or the next one if there is none. Costs a system
    /// call unless a wake-up is pending already.
    pub fn wake(&self) {
        if self.shared.pending.raise() {
            self.shared.waker.wake().expect("an open eventfd that is never full takes a write");
        }
    }

    /// Has readiness of `source` reported, with `value`. Reports are edge-triggered: there is one
    /// when the source becomes ready, and no other before it has been used until it would block.
    ///
    /// # Errors
    /// When the source is registered already, or is of a kind that cannot be waited for.
    pub fn register<S>(
        &self,
        source: &mut S,
        interest: Interest,
        value: T,
    ) -> io::Result<Registration>
    where
        S: Source + ?Sized,
    {
        let token = self.shared.sources().insert(value); // before the source is known: R2
        if let Err(error) = self.shared.registry.register(source, token, interest) {
            self.shared.remove(token);
            return Err(error);
        }
        Ok(Registration { token })
    }

    /// Ends a registration. A wait under way may still report the source, no later one does.
    ///
    /// # Errors
    /// When the source is not registered here. The value is dropped in any case.
    pub fn deregister<S>(&self, source: &mut S, registration: Registration) -> io::Result<()>
    where
        S: Source + ?Sized,
    {
        self.shared.remove(registration.token);
        self.shared.registry.deregister(source)
    }

    /// Drops the values of all sources, so that none is reported any more. The kernel forgets a
    /// source when it is deregistered or closed.
    pub fn clear(&self) {
        let values = self.shared.sources().take_all();
        drop(values); // foreign code: not under the lock
    }

    /// How many sources are registered.
    pub fn registrations(&self) -> usize {
        self.shared.sources().len()
    }
}

impl<T> Shared<T> {
    fn sources(&self) -> MutexGuard<'_, Sources<T>> {
        // The only foreign code under this lock is a clone of a value, which leaves the map whole.
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove(&self, token: Token) {
        let removed = self.sources().remove(token);
        drop(removed); // foreign code: not under the lock
    }
}

impl<T> Ready<T> {
    fn new(value: T, event: &Event) -> Self {
        let is_hang_up = event.is_read_closed() && event.is_write_closed();
        Self {
            value,
            readable: event.is_readable() || event.is_read_closed(),
            writable: event.is_writable() || event.is_write_closed(),
            error: event.is_error() || is_hang_up,
        }
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for Reactor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor").field("armed", &self.armed).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
