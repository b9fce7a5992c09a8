//! Connections: one reader and one writer at a time, and the way to another process.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use mio::Interest;
use mio::net::TcpStream;

use super::fault::{closed, system_fault};
use super::wire::{Got, Want, Wire, with_scratch};
use super::{Answer, Fault, Socket, SocketId, Stopped, TimeLimit, Waiter, fault};
use crate::channel::FiberId;
use crate::lua::api::net::push_conn;
use crate::lua::cx::Cx;
use crate::lua::raw::{Outcome, Raise, Stack};
use crate::process::{Encoded, Message, Pid, SendError, Signal, Topic, kind};
use crate::scheduler::Readiness;

/// An open connection, and who waits for it.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) wire: Wire,
    reader: Option<(Waiter, Want)>,
    writer: Option<(Waiter, Outgoing)>,
}

/// What a write that waits has yet to do.
#[derive(Debug)]
struct Outgoing {
    bytes: Vec<u8>,
    /// How many of `bytes` the system has.
    n_sent: usize,
    /// How many bytes of the call the system had before them.
    n_before: usize,
}

impl Conn {
    fn new(wire: Wire) -> Conn {
        Conn { wire, reader: None, writer: None }
    }

    pub(super) fn take_waiters(&mut self, fiber: Option<FiberId>) -> Vec<Stopped> {
        let reader = self.reader.take_if(|(waiter, _)| waiter.is_of(fiber));
        let reader = reader.map(|(waiter, _)| Stopped::new(waiter));
        let writer = self.writer.take_if(|(waiter, _)| waiter.is_of(fiber));
        reader.into_iter().chain(writer.map(Outgoing::stopped)).collect()
    }
}

impl Outgoing {
    fn n_written(&self) -> usize {
        self.n_before + self.n_sent
    }

    fn stopped((waiter, outgoing): (Waiter, Outgoing)) -> Stopped {
        Stopped { waiter, written: Some(outgoing.n_written()) }
    }
}

impl Cx {
    pub(super) fn add_conn(&mut self, stream: TcpStream, peer: SocketAddr) -> SocketId {
        let conn = Conn::new(Wire::new(stream, peer));
        self.sockets.insert(Socket::Conn(Box::new(conn)))
    }

    /// `conn:read`, `conn:read_exact`, `conn:read_line`.
    pub(crate) fn read(
        &mut self,
        stack: &Stack,
        id: SocketId,
        want: Want,
        call: &'static str,
        limit: Option<TimeLimit>,
    ) -> Result<Outcome, Raise> {
        let Some(conn) = self.sockets.conn(id) else {
            return Answer::Failed(closed()).give(stack);
        };
        if conn.reader.is_some() {
            let fault = fault(kind::CONFLICT, "connection is being read");
            return Answer::Failed(fault).give(stack);
        }
        let tried = with_scratch(|scratch| {
            let tried = conn.wire.try_read(want, scratch);
            tried.map(|got| push_got(stack, got))
        });
        if let Poll::Ready(n) = tried {
            return Ok(Outcome::Return(n));
        }
        let waiter = match self.begin_wait(stack, id, Interest::READABLE, call, limit)? {
            Ok(waiter) => waiter,
            Err(fault) => return Answer::Failed(fault).give(stack),
        };
        self.sockets.conn(id).expect("found above").reader = Some((waiter, want));
        self.remind(id);
        stack.set_top(1);
        Ok(self.wait(call))
    }

    /// There may be more to read.
    pub(super) fn go_on_reading(&mut self, id: SocketId) {
        let Some(conn) = self.sockets.conn(id) else { return };
        let Some((waiter, want)) = conn.reader.take() else { return };
        let tried = with_scratch(|scratch| conn.wire.try_read(want, scratch).map(Answer::from));
        match tried {
            Poll::Ready(answer) => self.end_wait(waiter, answer),
            Poll::Pending => {
                conn.reader = Some((waiter, want));
                self.remind(id);
            }
        }
    }

    /// `conn:write`.
    pub(crate) fn write(
        &mut self,
        stack: &Stack,
        id: SocketId,
        bytes: &[u8],
        limit: Option<TimeLimit>,
    ) -> Result<Outcome, Raise> {
        let Some(conn) = self.sockets.conn(id) else {
            return Answer::WriteFailed(closed(), 0).give(stack);
        };
        if conn.writer.is_some() {
            let fault = fault(kind::CONFLICT, "connection is being written");
            return Answer::WriteFailed(fault, 0).give(stack);
        }
        let written = match conn.wire.try_write(bytes) {
            (_, Poll::Ready(Ok(()))) => return Answer::Done.give(stack),
            (n, Poll::Ready(Err(fault))) => return Answer::WriteFailed(fault, n).give(stack),
            (n, Poll::Pending) => n,
        };
        let waiter = match self.begin_wait(stack, id, Interest::WRITABLE, "write", limit)? {
            Ok(waiter) => waiter,
            Err(fault) => return Answer::WriteFailed(fault, written).give(stack),
        };
        let outgoing = Outgoing { bytes: bytes[written..].to_vec(), n_sent: 0, n_before: written };
        self.sockets.conn(id).expect("found above").writer = Some((waiter, outgoing));
        self.remind(id);
        stack.set_top(1);
        Ok(self.wait("write"))
    }

    /// There may be room to write.
    pub(super) fn go_on_writing(&mut self, id: SocketId) {
        let Some(conn) = self.sockets.conn(id) else { return };
        let Some((waiter, mut outgoing)) = conn.writer.take() else { return };
        let (n, tried) = conn.wire.try_write(&outgoing.bytes[outgoing.n_sent..]);
        outgoing.n_sent += n;
        match tried {
            Poll::Ready(Ok(())) => self.end_wait(waiter, Answer::Done),
            Poll::Ready(Err(fault)) => {
                self.end_wait(waiter, Answer::WriteFailed(fault, outgoing.n_written()));
            }
            Poll::Pending => {
                conn.writer = Some((waiter, outgoing));
                self.remind(id);
            }
        }
    }

    /// No edge will come for an attempt that paused (W1): the process tells itself to go on, behind
    /// everything that is due before.
    fn remind(&mut self, id: SocketId) {
        if !self.sockets.conn(id).is_some_and(|conn| conn.wire.take_paused()) {
            return;
        }
        let ready = Readiness { readable: true, writable: true, error: false };
        let step = self.step.get();
        let signal = Signal::Io { token: id.to_bits(), ready };
        let sent = step.process.signal(signal, step.worker);
        debug_assert!(sent.is_ok(), "the mailbox of a running process is open");
    }

    /// `conn:shutdown`.
    pub(crate) fn shut_down(&mut self, id: SocketId) -> Result<(), Fault> {
        let conn = self.sockets.conn(id).ok_or_else(closed)?;
        if conn.writer.is_some() {
            return Err(fault(kind::CONFLICT, "connection is being written"));
        }
        conn.wire.is_shut = true;
        match conn.wire.stream.shutdown(std::net::Shutdown::Write) {
            // The peer has broken the connection: no more writes either way.
            Err(error) if error.kind() != std::io::ErrorKind::NotConnected => {
                Err(system_fault(&format!("shut down {}", conn.wire.peer), &error))
            }
            _ => Ok(()),
        }
    }

    /// The address of this end of an open connection.
    pub(crate) fn local_addr(&mut self, id: SocketId) -> Result<SocketAddr, Fault> {
        let conn = self.sockets.conn(id).ok_or_else(closed)?;
        conn.wire.stream.local_addr().map_err(|error| system_fault("local address", &error))
    }

    /// The address of the other end of an open connection.
    pub(crate) fn peer_addr(&mut self, id: SocketId) -> Result<SocketAddr, Fault> {
        self.sockets.conn(id).map(|conn| conn.wire.peer).ok_or_else(closed)
    }
}

/// Pushes what a read gave without a copy of its own; gives how many results.
fn push_got(stack: &Stack, got: Result<Got<'_>, Fault>) -> i32 {
    match got {
        Ok(Got::Bytes(bytes)) => {
            stack.push_bytes(bytes);
            1
        }
        end => Answer::from(end).push(stack),
    }
}

// ---- giving away

/// The topic that connections arrive under.
const TOPIC: &[u8] = b"net.conn";

/// A connection in a message, with what it has received. Whoever takes it out has it; one that
/// nobody takes out closes with the message.
#[derive(Clone, Debug)]
struct Gift(Arc<Mutex<Option<Wire>>>);

impl Gift {
    fn take(&self) -> Option<Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Cx {
    /// Sends a connection to `to`: it is closed here, so calls that wait for it end. When the
    /// message is refused, nothing has happened.
    pub(crate) fn give(&mut self, id: SocketId, to: Pid) -> Result<Result<(), SendError>, Fault> {
        let step = self.step.get();
        self.sockets.conn(id).ok_or_else(closed)?;
        let slot = self.sockets.slot(id).expect("found above");
        // S4: before anybody else can have it watched.
        slot.unwatch(step.worker);
        let leaving = std::mem::replace(&mut slot.socket, Socket::Leaving);
        let Socket::Conn(conn) = leaving else { unreachable!("found above") };
        let Conn { wire, reader, writer } = *conn;
        let gift = Gift(Arc::new(Mutex::new(Some(wire))));
        let message = Message {
            topic: Topic::from_slice(TOPIC),
            from: Some(step.process.pid()),
            payload: Encoded::default(),
            call: None,
            attachment: Some(Box::new(gift.clone())),
        };
        let sent = step.runtime().send(to, message, step.worker);
        match sent {
            Ok(()) => {
                self.sockets.remove(id);
                let reader = reader.map(|(waiter, _)| Stopped::new(waiter));
                let writer = writer.map(Outgoing::stopped);
                self.fail_stopped(reader.into_iter().chain(writer), &closed());
            }
            Err(_) => {
                let wire = gift.take().expect("only the receiver of a queued message takes it");
                let conn = Conn { wire, reader, writer };
                self.return_conn(id, conn);
            }
        }
        Ok(sent)
    }

    /// A connection was not given away after all.
    fn return_conn(&mut self, id: SocketId, conn: Conn) {
        let reads = conn.reader.is_some().then_some(Interest::READABLE);
        let writes = conn.writer.is_some().then_some(Interest::WRITABLE);
        self.sockets.slot(id).expect("a leaving connection keeps its place").socket =
            Socket::Conn(Box::new(conn));
        for interest in reads.into_iter().chain(writes) {
            if let Err(error) = self.watch(id, interest) {
                self.fail_waiters(id, &system_fault("give", &error));
            }
        }
    }
}

/// Pushes the connection that came with a message, or nil.
pub(crate) fn adopt(stack: &Stack, cx: &mut Cx, attachment: Box<dyn Any + Send>) {
    match attachment.downcast::<Gift>().ok().and_then(|gift| gift.take()) {
        Some(wire) => {
            let conn = Socket::Conn(Box::new(Conn::new(wire)));
            push_conn(stack, cx.sockets.insert(conn));
        }
        None => stack.push_nil(),
    }
}
