//! The bytes of one connection: reading what was asked for and writing, as far as it goes without
//! blocking.
//!
//! # Invariants
//! * **W1** `Pending` means that the system said "would block" last, so the next change is reported
//!   by an edge; or that [`BURST`] bytes were moved, which [`Wire::take_paused`] tells: then
//!   whoever waits has to remind itself, and others have their turn in between.
//! * **W2** Bytes that came in stay in `received` until a read is complete: one that is given up
//!   loses nothing.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::task::{Poll, ready};

use mio::net::TcpStream;

use super::fault::{Fault, fault, system_fault};
use super::received::{Line, Received, without_end};
use crate::process::kind;

/// The most that one `read` gives, and the longest line without its end, in bytes.
pub(crate) const CHUNK: usize = 64 * 1024;

/// What one attempt moves at most, but for the last piece, in bytes. It takes a fraction of a
/// slice.
const BURST: usize = 16 * CHUNK;

/// What a read asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// One byte or more, up to so many.
    Some(usize),
    /// Exactly so many bytes.
    Exact(usize),
    /// A line.
    Line,
}

/// What a read gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Got<'a> {
    Bytes(&'a [u8]),
    /// The end of the stream.
    End,
}

/// A connected stream, with what it has received.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    received: Received,
    /// The program has ended its own direction.
    pub(super) is_shut: bool,
    /// See W1.
    is_paused: bool,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, peer: SocketAddr) -> Wire {
        // Requests and answers should not wait for each other's acknowledgement. A peer that is
        // gone already shows at the first read.
        let _ = stream.set_nodelay(true);
        Wire { stream, peer, received: Received::default(), is_shut: false, is_paused: false }
    }

    /// Reads what is wanted if it is there. `scratch` is where new bytes go first.
    pub(super) fn try_read<'a>(
        &'a mut self,
        want: Want,
        scratch: &'a mut [u8],
    ) -> Poll<Result<Got<'a>, Fault>> {
        self.received.settle();
        match want {
            Want::Some(n) => self.try_read_some(n, scratch),
            Want::Exact(n) => self.try_read_exact(n, scratch),
            Want::Line => self.try_read_line(scratch),
        }
    }

    fn try_read_some<'a>(
        &'a mut self,
        n: usize,
        scratch: &'a mut [u8],
    ) -> Poll<Result<Got<'a>, Fault>> {
        if !self.received.is_empty() {
            return Poll::Ready(Ok(Got::Bytes(self.received.take(n))));
        }
        let n = n.min(scratch.len());
        Poll::Ready(match ready!(self.pull(&mut scratch[..n]))? {
            0 => Ok(Got::End),
            n => Ok(Got::Bytes(&scratch[..n])),
        })
    }

    fn try_read_exact(&mut self, n: usize, scratch: &mut [u8]) -> Poll<Result<Got<'_>, Fault>> {
        let mut moved = 0;
        while self.received.len() < n {
            ready!(self.pause_after(moved));
            match ready!(self.pull(scratch))? {
                0 => return Poll::Ready(Err(fault(kind::UNAVAILABLE, "connection closed"))),
                n => {
                    self.received.append(&scratch[..n]);
                    moved += n;
                }
            }
        }
        Poll::Ready(Ok(Got::Bytes(self.received.take(n))))
    }

    fn try_read_line(&mut self, scratch: &mut [u8]) -> Poll<Result<Got<'_>, Fault>> {
        loop {
            match self.received.line() {
                Line::Whole(n) if without_end(self.received.front(n)).len() > CHUNK => {
                    return Poll::Ready(Err(long_line()));
                }
                Line::Whole(n) => {
                    return Poll::Ready(Ok(Got::Bytes(without_end(self.received.take(n)))));
                }
                // The byte above the limit may be the return before the newline.
                Line::Partial if self.received.len() > CHUNK + 1 => {
                    return Poll::Ready(Err(long_line()));
                }
                Line::Partial => {}
            }
            match ready!(self.pull(scratch))? {
                0 if self.received.is_empty() => return Poll::Ready(Ok(Got::End)),
                // The last line may lack its end.
                0 => return Poll::Ready(Ok(Got::Bytes(self.received.take(usize::MAX)))),
                n => self.received.append(&scratch[..n]),
            }
        }
    }

    /// Reads from the system; 0 at the end of the stream.
    fn pull(&mut self, into: &mut [u8]) -> Poll<Result<usize, Fault>> {
        until_blocked(|| self.stream.read(into))
            .map_err(|error| system_fault(&format!("read from {}", self.peer), &error))
    }

    fn pause_after(&mut self, moved: usize) -> Poll<()> {
        self.is_paused = moved >= BURST;
        if self.is_paused { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Whether the last attempt stopped before the system said "would block".
    pub(super) fn take_paused(&mut self) -> bool {
        std::mem::take(&mut self.is_paused)
    }

    /// Writes as much as the system takes; gives how much that was and, unless it would block, how
    /// it ended.
    pub(super) fn try_write(&mut self, bytes: &[u8]) -> (usize, Poll<Result<(), Fault>>) {
        if self.is_shut {
            return (0, Poll::Ready(Err(fault(kind::CANCELED, "closed for writing"))));
        }
        let mut written = 0;
        while written < bytes.len() {
            if self.pause_after(written).is_pending() {
                return (written, Poll::Pending);
            }
            match until_blocked(|| self.stream.write(&bytes[written..])) {
                Poll::Ready(Ok(n)) => written += n,
                Poll::Ready(Err(error)) => {
                    let fault = system_fault(&format!("write to {}", self.peer), &error);
                    return (written, Poll::Ready(Err(fault)));
                }
                Poll::Pending => return (written, Poll::Pending),
            }
        }
        (written, Poll::Ready(Ok(())))
    }
}

fn long_line() -> Fault {
    fault(kind::LIMIT_EXCEEDED, format!("line longer than {CHUNK} bytes"))
}

/// Repeats what was interrupted; `Pending` when it would block.
pub(super) fn until_blocked<R>(mut attempt: impl FnMut() -> io::Result<R>) -> Poll<io::Result<R>> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
            result => return Poll::Ready(result),
        }
    }
}

thread_local! {
    /// One for each worker, so that connections that wait hold no buffer.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into());
}

/// Lends a buffer of [`CHUNK`] bytes.
pub(super) fn with_scratch<R>(f: impl FnOnce(&mut [u8]) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| f(scratch))
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn pair() -> (Wire, std::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, address) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        (Wire::new(TcpStream::from_std(stream), address), peer)
    }

    #[test]
    fn one_attempt_moves_a_bounded_amount() {
        let (mut wire, mut peer) = pair();
        let n = 4 * BURST;
        let writer = thread::spawn(move || peer.write_all(&vec![7; n]).unwrap());
        let mut scratch = vec![0; CHUNK];
        loop {
            let before = wire.received.len();
            let tried = wire.try_read(Want::Exact(n), &mut scratch);
            if let Poll::Ready(got) = tried {
                assert_eq!(got, Ok(Got::Bytes(&vec![7; n][..])));
                break;
            }
            let moved = wire.received.len() - before;
            assert!(moved < BURST + CHUNK);
            assert_eq!(wire.take_paused(), moved >= BURST);
            thread::yield_now();
        }
        writer.join().unwrap();
    }
}
