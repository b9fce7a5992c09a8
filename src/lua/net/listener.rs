//! Listeners: where connections come in, and the fibers that wait for the next one.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;

use mio::Interest;
use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, Type};

use super::fault::{closed, concerns_one_connection, system_fault};
use super::wire::until_blocked;
use super::{Answer, Fault, Socket, SocketId, Stopped, TimeLimit, Waiter};
use crate::channel::FiberId;
use crate::lua::cx::Cx;
use crate::lua::raw::{Outcome, Raise, Stack};

/// How a listener is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListenOptions {
    /// Connections that the system completes before they are accepted.
    pub(crate) backlog: i32,
    /// Several listeners may share the address; the system spreads connections over them.
    pub(crate) reuse_port: bool,
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions { backlog: 1024, reuse_port: false }
    }
}

/// An open listener.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    local: SocketAddr,
    /// In order of their calls. While there are any, the system has no connection for us (S1).
    waiting: VecDeque<Waiter>,
}

impl Listener {
    fn open(address: SocketAddr, options: ListenOptions) -> io::Result<Listener> {
        let domain = Domain::for_address(address);
        let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        // Connections of an earlier run that linger in the system do not hold the address.
        socket.set_reuse_address(true)?;
        if options.reuse_port {
            socket.set_reuse_port(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(options.backlog)?;
        let socket = TcpListener::from_std(socket.into());
        let local = socket.local_addr()?;
        Ok(Listener { socket, local, waiting: VecDeque::new() })
    }

    fn try_accept(&self) -> Poll<Result<(TcpStream, SocketAddr), Fault>> {
        loop {
            match until_blocked(|| self.socket.accept()) {
                Poll::Ready(Err(error)) if concerns_one_connection(&error) => {}
                accepted => {
                    let fault = |error| system_fault(&format!("accept on {}", self.local), &error);
                    return accepted.map_err(fault);
                }
            }
        }
    }

    pub(super) fn take_waiters(&mut self, fiber: Option<FiberId>) -> Vec<Stopped> {
        let all = std::mem::take(&mut self.waiting);
        let (taken, kept): (VecDeque<_>, _) = all.into_iter().partition(|w| w.is_of(fiber));
        self.waiting = kept;
        taken.into_iter().map(Stopped::new).collect()
    }
}

impl Cx {
    /// Listens on the first of `addresses` that can be had.
    pub(super) fn open_listener(
        &mut self,
        what: &str,
        addresses: &[SocketAddr],
        options: ListenOptions,
    ) -> Answer {
        let mut refused = io::Error::from_raw_os_error(libc::EADDRNOTAVAIL);
        for address in addresses {
            match Listener::open(*address, options) {
                Ok(listener) => {
                    return Answer::Listener(self.sockets.insert(Socket::Listener(listener)));
                }
                Err(error) => refused = error,
            }
        }
        Answer::Failed(system_fault(what, &refused))
    }

    /// `listener:accept`.
    pub(crate) fn accept(
        &mut self,
        stack: &Stack,
        id: SocketId,
        limit: Option<TimeLimit>,
    ) -> Result<Outcome, Raise> {
        let Some(listener) = self.sockets.listener(id) else {
            return Answer::Failed(closed()).give(stack);
        };
        // Those who came before get the next connections.
        if listener.waiting.is_empty()
            && let Poll::Ready(accepted) = listener.try_accept()
        {
            return self.accepted(accepted).give(stack);
        }
        let waiter = match self.begin_wait(stack, id, Interest::READABLE, "accept", limit)? {
            Ok(waiter) => waiter,
            Err(fault) => return Answer::Failed(fault).give(stack),
        };
        self.sockets.listener(id).expect("found above").waiting.push_back(waiter);
        stack.set_top(1);
        Ok(self.wait("accept"))
    }

    /// Connections may have come in: those who wait get them in turn. A failure that has to do with
    /// none of them, as being out of descriptors, is everybody's: no edge would tell of its end.
    pub(super) fn go_on_accepting(&mut self, id: SocketId) {
        while let Some(listener) = self.sockets.listener(id)
            && !listener.waiting.is_empty()
            && let Poll::Ready(accepted) = listener.try_accept()
            && let Some(waiter) = listener.waiting.pop_front()
        {
            let answer = self.accepted(accepted);
            self.end_wait(waiter, answer);
        }
    }

    fn accepted(&mut self, accepted: Result<(TcpStream, SocketAddr), Fault>) -> Answer {
        match accepted {
            Ok((stream, peer)) => Answer::Conn(self.add_conn(stream, peer)),
            Err(fault) => Answer::Failed(fault),
        }
    }

    /// The address of an open listener.
    pub(crate) fn listener_addr(&mut self, id: SocketId) -> Result<SocketAddr, Fault> {
        self.sockets.listener(id).map(|listener| listener.local).ok_or_else(closed)
    }
}
