//! Opening sockets where that takes time: names that have to be looked up, peers that have to
//! answer.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::vec;

use mio::Interest;
use mio::event::Source;
use mio::net::TcpStream;

use super::fault::system_fault;
use super::resolver::{self, Busy};
use super::{Address, Answer, ListenOptions, Socket, SocketId, Stopped, TimeLimit, Waiter, fault};
use crate::lua::api::channel::check_wait;
use crate::lua::cx::Cx;
use crate::lua::raw::{Outcome, Raise, Stack};
use crate::process::{Signal, kind};

/// A connection that is being made, or a name that is being looked up for one or for a listener.
#[derive(Debug)]
pub(super) struct Attempt {
    /// What is tried, for messages: `connect localhost:80`.
    what: String,
    stage: Stage,
    /// None only while the attempt is begun or ends.
    waiter: Option<Waiter>,
}

#[derive(Debug)]
enum Stage {
    /// The answer comes with this ticket.
    Resolving {
        ticket: u64,
        then: Then,
    },
    Connecting(Candidates),
}

/// What follows when a name is known.
#[derive(Clone, Copy, Debug)]
enum Then {
    Connect,
    Listen(ListenOptions),
}

/// What the lookup of a name gave; comes as the result of a `Signal::Done`.
#[derive(Debug)]
pub(crate) struct Resolved {
    ticket: u64,
    result: io::Result<Vec<SocketAddr>>,
}

/// Never used twice, so that the answer to a program that was replaced finds nothing.
static NEXT_TICKET: AtomicU64 = AtomicU64::new(0);

/// The addresses of a peer, tried in turn.
#[derive(Debug)]
struct Candidates {
    current: Option<(TcpStream, SocketAddr)>,
    rest: vec::IntoIter<SocketAddr>,
    /// Of the last one that was tried.
    refused: Option<io::Error>,
}

impl Candidates {
    fn new(addresses: Vec<SocketAddr>) -> Candidates {
        Candidates { current: None, rest: addresses.into_iter(), refused: None }
    }

    /// Goes on until there is a connection, no address is left, or a peer has yet to answer. The
    /// stream must not be watched: it may be dropped.
    fn go_on(&mut self) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        loop {
            if let Some((stream, peer)) = self.current.take() {
                match is_connected(&stream) {
                    Ok(true) => return Poll::Ready(Ok((stream, peer))),
                    Ok(false) => {
                        self.current = Some((stream, peer));
                        return Poll::Pending;
                    }
                    Err(error) => self.refused = Some(error),
                }
            }
            let Some(peer) = self.rest.next() else {
                let none = || io::Error::from_raw_os_error(libc::EADDRNOTAVAIL);
                return Poll::Ready(Err(self.refused.take().unwrap_or_else(none)));
            };
            match TcpStream::connect(peer) {
                Ok(stream) => self.current = Some((stream, peer)),
                Err(error) => self.refused = Some(error),
            }
        }
    }
}

fn is_connected(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

impl Attempt {
    pub(super) fn source(&mut self) -> Option<&mut dyn Source> {
        match &mut self.stage {
            Stage::Connecting(Candidates { current: Some((stream, _)), .. }) => Some(stream),
            _ => None,
        }
    }

    pub(super) fn take_waiter(&mut self) -> Option<Stopped> {
        self.waiter.take().map(Stopped::new)
    }
}

impl Cx {
    /// `net.connect`.
    pub(crate) fn connect(
        &mut self,
        stack: &Stack,
        what: String,
        address: Address,
        limit: TimeLimit,
    ) -> Result<Outcome, Raise> {
        check_wait(stack, "connect")?;
        let stage = match address {
            Address::Numeric(peer) => {
                let mut candidates = Candidates::new(vec![peer]);
                if let Poll::Ready(connected) = candidates.go_on() {
                    return self.connected(&what, connected).give(stack);
                }
                Stage::Connecting(candidates)
            }
            Address::Named { host, port } => {
                return self.resolve(stack, what, (host, port), Then::Connect, Some(limit));
            }
        };
        let id = self.add_attempt(what, stage);
        self.wait_attempt(stack, id, "connect", Some(limit))
    }

    /// `net.listen`.
    pub(crate) fn listen(
        &mut self,
        stack: &Stack,
        what: String,
        address: Address,
        options: ListenOptions,
    ) -> Result<Outcome, Raise> {
        match address {
            Address::Numeric(local) => self.open_listener(&what, &[local], options).give(stack),
            Address::Named { host, port } => {
                check_wait(stack, "listen")?;
                self.resolve(stack, what, (host, port), Then::Listen(options), None)
            }
        }
    }

    fn resolve(
        &mut self,
        stack: &Stack,
        what: String,
        (host, port): (String, u16),
        then: Then,
        limit: Option<TimeLimit>,
    ) -> Result<Outcome, Raise> {
        let ticket = NEXT_TICKET.fetch_add(1, Ordering::Relaxed);
        let busy = format!("{what}: too many names wait to be looked up");
        let id = self.add_attempt(what, Stage::Resolving { ticket, then });
        let process = self.process().clone();
        let working = process.runtime().begin_outside();
        let tell = move |result| {
            let done =
                Signal::Done { id: id.to_bits(), result: Box::new(Resolved { ticket, result }) };
            // A process that has ended needs no address any more.
            let _ = process.signal(done, process.host().pool().outside());
            drop(working);
        };
        if let Err(Busy) = resolver::look_up(host, port, Box::new(tell)) {
            self.close_socket(id);
            return Answer::Failed(fault(kind::UNAVAILABLE, busy)).give(stack);
        }
        let call = match then {
            Then::Connect => "connect",
            Then::Listen(_) => "listen",
        };
        self.wait_attempt(stack, id, call, limit)
    }

    fn add_attempt(&mut self, what: String, stage: Stage) -> SocketId {
        let attempt = Attempt { what, stage, waiter: None };
        self.sockets.insert(Socket::Attempt(Box::new(attempt)))
    }

    fn wait_attempt(
        &mut self,
        stack: &Stack,
        id: SocketId,
        call: &'static str,
        limit: Option<TimeLimit>,
    ) -> Result<Outcome, Raise> {
        let waiter = match self.begin_wait(stack, id, Interest::WRITABLE, call, limit)? {
            Ok(waiter) => waiter,
            Err(fault) => {
                self.close_socket(id);
                return Answer::Failed(fault).give(stack);
            }
        };
        self.sockets.attempt(id).expect("inserted by the caller").waiter = Some(waiter);
        stack.set_top(0);
        Ok(self.wait(call))
    }

    /// The lookup of a name is done; the attempt may be given up meanwhile.
    pub(crate) fn name_resolved(&mut self, id: u64, resolved: Resolved) {
        let id = SocketId(id);
        let Some(attempt) = self.sockets.attempt(id) else { return };
        let Stage::Resolving { ticket, then } = attempt.stage else { return };
        if ticket != resolved.ticket {
            return;
        }
        let what = std::mem::take(&mut attempt.what);
        match (resolved.result, then) {
            (Ok(addresses), Then::Connect) => {
                attempt.what = what;
                attempt.stage = Stage::Connecting(Candidates::new(addresses));
                self.go_on_connecting(id);
            }
            (Ok(addresses), Then::Listen(options)) => {
                let answer = self.open_listener(&what, &addresses, options);
                self.end_attempt(id, answer);
            }
            (Err(_), _) => {
                let text = format!("{what}: name not found");
                self.end_attempt(id, Answer::Failed(fault(kind::UNAVAILABLE, text)));
            }
        }
    }

    /// A peer may have answered.
    pub(super) fn go_on_connecting(&mut self, id: SocketId) {
        let step = self.step.get();
        let Some(slot) = self.sockets.slot(id) else { return };
        slot.unwatch(step.worker);
        let Socket::Attempt(attempt) = &mut slot.socket else { return };
        let Stage::Connecting(candidates) = &mut attempt.stage else { return };
        let outcome = match candidates.go_on() {
            Poll::Pending => match slot.watch(id, Interest::WRITABLE, step) {
                Ok(()) => return,
                Err(error) => Err(error),
            },
            Poll::Ready(outcome) => outcome,
        };
        let what = self.sockets.attempt(id).map(|attempt| attempt.what.clone());
        let answer = self.connected(&what.unwrap_or_default(), outcome);
        self.end_attempt(id, answer);
    }

    fn connected(&mut self, what: &str, outcome: io::Result<(TcpStream, SocketAddr)>) -> Answer {
        match outcome {
            Ok((stream, peer)) => Answer::Conn(self.add_conn(stream, peer)),
            Err(error) => Answer::Failed(system_fault(what, &error)),
        }
    }

    fn end_attempt(&mut self, id: SocketId, answer: Answer) {
        let waiter = self.sockets.attempt(id).and_then(Attempt::take_waiter);
        if let Some(Stopped { waiter, .. }) = waiter {
            self.end_wait(waiter, answer);
        }
        self.close_socket(id);
    }
}
