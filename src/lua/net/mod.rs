//! The sockets of one process, and the coroutines that wait for them.
//!
//! # Concepts
//! * **Socket**: a listener, a connection, or an attempt to make one of them. Lua objects hold its
//!   number; the socket itself lives here and closes with the process, with `close`, or when its object
//!   is collected.
//! * **Waiter**: a fiber whose call on a socket could not end at once.
//! * **Watched**: registered with the reactor of the worker's pool. A socket is watched from the first
//!   call that has to wait on, so one that is handed on at once costs no registration.
//!
//! # Invariants
//! * **S1** A call waits only after the system has said "would block" and while the socket is watched
//!   for that direction. Readiness is reported by edges: one that comes after is a signal of this
//!   process, and so is taken in after the waiter is noted; an edge before the registration is
//!   reported by the registration. A call that has moved much gives way before that, with a signal to
//!   itself in place of the edge.
//! * **S2** A waiter is in exactly one place: the reader or writer of a connection, the queue of a
//!   listener, or its attempt; and `n_waiting` counts them.
//! * **S3** A number names one socket of a program: a stale number, also in a signal under way, names
//!   none. (A program that replaces another may get a signal for the other's sockets: an attempt to
//!   go on that finds nothing, for which S1 is no less true.)
//! * **S4** A watched socket is taken out of the reactor before it is dropped or moves elsewhere.
//!
//! # Protocol
//! Every call tries first, and waits when it would block. When readiness is taken in, the call is tried
//! again on the waiter's behalf, and the fiber is woken with its results only when it is done.

mod address;
mod answer;
mod conn;
mod connect;
mod fault;
mod listener;
mod received;
mod resolver;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;
mod wire;

use std::io;

use mio::Interest;
use mio::event::Source;
use slab::Slab;

pub(crate) use self::address::{Address, BadAddress};
pub(crate) use self::answer::Answer;
pub(crate) use self::conn::adopt;
pub(crate) use self::connect::Resolved;
pub(crate) use self::fault::{Fault, fault};
pub(crate) use self::listener::ListenOptions;
pub(crate) use self::wire::{CHUNK, Want};

use self::conn::Conn;
use self::connect::Attempt;
use self::fault::{closed, system_fault};
use self::listener::Listener;
use super::api::channel::check_wait;
use super::api::time::duration_text;
use super::cx::Cx;
use super::raw::{Raise, Stack};
use super::timers::{Fires, Token};
use crate::channel::FiberId;
use crate::process::{Process, Step, kind};
use crate::scheduler::{Context, IoId, Readiness};

/// Names a socket of this process: index and generation; also its token in the reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketId(u64);

impl SocketId {
    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    all: Slab<Slot>,
    generation: u32,
    n_waiting: usize,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    socket: Socket,
    watched: Option<Watched>,
}

#[derive(Debug)]
enum Socket {
    Listener(Listener),
    Conn(Box<Conn>),
    Attempt(Box<Attempt>),
    /// A connection that is being given away.
    Leaving,
}

#[derive(Debug)]
struct Watched {
    io: IoId,
    interest: Interest,
}

/// Until when a call may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimit {
    pub(crate) at_ns: u64,
    /// As the program gave it.
    pub(crate) timeout_ns: i64,
}

/// A fiber that waits for a socket.
#[derive(Debug)]
struct Waiter {
    fiber: FiberId,
    /// The call, for the message of a time-out.
    call: &'static str,
    limit: Option<(TimeLimit, Token)>,
}

impl Sockets {
    /// Whether a fiber waits for a socket.
    pub(crate) fn has_waiters(&self) -> bool {
        self.n_waiting > 0
    }

    fn insert(&mut self, socket: Socket) -> SocketId {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let index = self.all.insert(Slot { generation, socket, watched: None });
        SocketId(u64::from(generation) << 32 | index as u64)
    }

    fn index(&self, id: SocketId) -> Option<usize> {
        let index = (id.0 & u64::from(u32::MAX)) as usize;
        let slot = self.all.get(index)?;
        (u64::from(slot.generation) == id.0 >> 32).then_some(index)
    }

    fn slot(&mut self, id: SocketId) -> Option<&mut Slot> {
        let index = self.index(id)?;
        self.all.get_mut(index)
    }

    fn remove(&mut self, id: SocketId) -> Option<Slot> {
        let index = self.index(id)?;
        Some(self.all.remove(index))
    }

    fn conn(&mut self, id: SocketId) -> Option<&mut Conn> {
        match &mut self.slot(id)?.socket {
            Socket::Conn(conn) => Some(conn),
            _ => None,
        }
    }

    fn listener(&mut self, id: SocketId) -> Option<&mut Listener> {
        match &mut self.slot(id)?.socket {
            Socket::Listener(listener) => Some(listener),
            _ => None,
        }
    }

    fn attempt(&mut self, id: SocketId) -> Option<&mut Attempt> {
        match &mut self.slot(id)?.socket {
            Socket::Attempt(attempt) => Some(attempt),
            _ => None,
        }
    }
}

impl Slot {
    /// Has readiness for `interest` reported, beside what is reported already. When that fails, the
    /// socket is not watched any more.
    fn watch(&mut self, id: SocketId, interest: Interest, step: &Step<'_>) -> io::Result<()> {
        let old = self.watched.as_ref().map(|watched| watched.interest);
        let wanted = old.map_or(interest, |old| old | interest);
        if old == Some(wanted) {
            return Ok(());
        }
        self.unwatch(step.worker);
        if let Some(source) = self.socket.source() {
            let io = step.worker.register_io(source, wanted, step.process, id.0)?;
            self.watched = Some(Watched { io, interest: wanted });
        }
        Ok(())
    }

    fn unwatch(&mut self, worker: &dyn Context<Process>) {
        if let Some(watched) = self.watched.take()
            && let Some(source) = self.socket.source()
        {
            let ended = worker.deregister_io(source, watched.io);
            debug_assert!(ended.is_ok(), "S4: a watched socket is in its reactor: {ended:?}");
        }
    }
}

impl Socket {
    /// What the reactor watches; nothing while a name is looked up.
    fn source(&mut self) -> Option<&mut dyn Source> {
        match self {
            Socket::Listener(listener) => Some(&mut listener.socket),
            Socket::Conn(conn) => Some(&mut conn.wire.stream),
            Socket::Attempt(attempt) => attempt.source(),
            Socket::Leaving => None,
        }
    }

    /// Takes out the waiters of `fiber`, or all.
    fn take_waiters(&mut self, fiber: Option<FiberId>) -> Vec<Stopped> {
        match self {
            Socket::Listener(listener) => listener.take_waiters(fiber),
            Socket::Conn(conn) => conn.take_waiters(fiber),
            Socket::Attempt(attempt) => attempt.take_waiter().into_iter().collect(),
            Socket::Leaving => Vec::new(),
        }
    }
}

/// A waiter whose call does not go on.
#[derive(Debug)]
struct Stopped {
    waiter: Waiter,
    /// How much is with the system, if it writes.
    written: Option<usize>,
}

impl Stopped {
    fn new(waiter: Waiter) -> Stopped {
        Stopped { waiter, written: None }
    }
}

impl Waiter {
    fn is_of(&self, fiber: Option<FiberId>) -> bool {
        fiber.is_none_or(|fiber| fiber == self.fiber)
    }
}

fn timed_out(call: &str, limit: TimeLimit) -> Fault {
    let text = format!("{call} timed out after {}", duration_text(limit.timeout_ns));
    fault(kind::TIMEOUT, text)
}

impl Cx {
    /// The time limit of a call that begins now.
    pub(crate) fn time_limit(&self, timeout_ns: i64) -> TimeLimit {
        let at_ns = self.now_ns().saturating_add(timeout_ns.max(0).unsigned_abs());
        TimeLimit { at_ns, timeout_ns }
    }

    /// The running fiber is going to wait for a socket that would block: checks that it may, has the
    /// socket watched and starts the clock. The caller notes the waiter (S2).
    fn begin_wait(
        &mut self,
        stack: &Stack,
        id: SocketId,
        interest: Interest,
        call: &'static str,
        limit: Option<TimeLimit>,
    ) -> Result<Result<Waiter, Fault>, Raise> {
        if let Some(limit) = limit
            && limit.timeout_ns <= 0
        {
            return Ok(Err(timed_out(call, limit)));
        }
        check_wait(stack, call)?;
        if let Err(error) = self.watch(id, interest) {
            let fault = system_fault(call, &error);
            // Nobody else would be told of readiness either.
            self.fail_waiters(id, &fault);
            return Ok(Err(fault));
        }
        let fiber = self.fibers.running();
        let limit = limit.map(|limit| {
            let token = self.start_timer(limit.at_ns, Fires::SocketTimeout { socket: id, fiber });
            (limit, token)
        });
        self.sockets.n_waiting += 1;
        Ok(Ok(Waiter { fiber, call, limit }))
    }

    fn watch(&mut self, id: SocketId, interest: Interest) -> io::Result<()> {
        let step = self.step.get();
        self.sockets.slot(id).map_or(Ok(()), |slot| slot.watch(id, interest, step))
    }

    /// The call of a waiter that was taken out of its socket is done.
    fn end_wait(&mut self, waiter: Waiter, answer: Answer) {
        self.sockets.n_waiting -= 1;
        if let Some((_, timer)) = waiter.limit {
            self.stop_timer(timer);
        }
        self.fibers.wake(waiter.fiber, answer.resumption());
    }

    /// The calls that wait for a socket end with `fault`.
    fn fail_waiters(&mut self, id: SocketId, fault: &Fault) {
        let stopped = self.sockets.slot(id).map(|slot| slot.socket.take_waiters(None));
        self.fail_stopped(stopped.unwrap_or_default(), fault);
    }

    fn fail_stopped(&mut self, stopped: impl IntoIterator<Item = Stopped>, fault: &Fault) {
        for Stopped { waiter, written } in stopped {
            self.end_wait(waiter, Answer::failed(fault.clone(), written));
        }
    }

    /// A socket is ready, or was: the signal may be stale (S3).
    pub(crate) fn socket_ready(&mut self, token: u64, ready: Readiness) {
        let id = SocketId(token);
        let Some(slot) = self.sockets.slot(id) else { return };
        match &slot.socket {
            Socket::Listener(_) => self.go_on_accepting(id),
            Socket::Conn(_) => {
                if ready.readable || ready.error {
                    self.go_on_reading(id);
                }
                if ready.writable || ready.error {
                    self.go_on_writing(id);
                }
            }
            Socket::Attempt(_) => self.go_on_connecting(id),
            Socket::Leaving => {}
        }
    }

    /// The time limit of the call in which `fiber` waits for a socket has passed.
    pub(crate) fn socket_timed_out(&mut self, id: SocketId, fiber: FiberId) {
        let Some(slot) = self.sockets.slot(id) else { return };
        for Stopped { waiter, written } in slot.socket.take_waiters(Some(fiber)) {
            let Some((limit, _)) = waiter.limit else { continue };
            let fault = timed_out(waiter.call, limit);
            self.end_wait(waiter, Answer::failed(fault, written));
        }
        // Other sockets stay usable, but nobody waits for the outcome of an attempt any more.
        if self.sockets.attempt(id).is_some() {
            self.close_socket(id);
        }
    }

    /// Closes a socket: calls that wait for it end. Nothing when it is closed already.
    pub(crate) fn close_socket(&mut self, id: SocketId) {
        self.fail_waiters(id, &closed());
        if let Some(mut slot) = self.sockets.remove(id) {
            slot.unwatch(self.step.get().worker);
        }
    }

    /// The Lua object of a socket was collected.
    pub(crate) fn free_socket(&mut self, id: u64) {
        self.close_socket(SocketId(id));
    }

    /// The program ends: closes all its sockets and wakes nobody.
    pub(crate) fn close_sockets(&mut self) {
        let worker = self.step.get().worker;
        for mut slot in self.sockets.all.drain() {
            slot.unwatch(worker);
        }
        self.sockets.n_waiting = 0;
    }
}
