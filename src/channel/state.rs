//! One channel: what it holds, who waits on it, and what follows for whoever comes next.

use super::fifo::Fifo;
use super::waiters::List;
use super::{Kind, Side};

/// See the module.
#[derive(Debug)]
pub(super) struct Channel<V> {
    pub(super) serial: u32,
    pub(super) kind: Kind,
    pub(super) closed: bool,
    /// Position in `touched`, counted from 1; 0 when not in it.
    pub(super) touched: u32,
    pub(super) buffer: Fifo<V>,
    pub(super) receivers: List,
    pub(super) senders: List,
}

/// How a channel would answer a sender.
pub(super) enum SendState {
    /// This receiver waits.
    Receiver(u32),
    Room,
    Full,
    Closed,
    ReceiveOnly,
}

/// How a channel would answer a receiver.
pub(super) enum ReceiveState {
    Buffered,
    /// This sender waits, and nothing is buffered.
    Sender(u32),
    Closed,
    Empty,
}

impl<V> Channel<V> {
    /// Whether the buffer takes one more value.
    pub(super) fn has_room(&self) -> bool {
        match self.kind {
            Kind::Bounded(limit) | Kind::Lossy(limit) => self.buffer.len() < limit as usize,
            Kind::Fed => true,
        }
    }

    /// Whether it has a value or its end for those who wait to receive.
    pub(super) fn has_something(&self) -> bool {
        !self.buffer.is_empty() || self.closed
    }

    /// Whether fibers may only receive.
    pub(super) fn is_fed(&self) -> bool {
        !matches!(self.kind, Kind::Bounded(_))
    }

    pub(super) fn send_state(&self) -> SendState {
        if self.is_fed() {
            SendState::ReceiveOnly
        } else if self.closed {
            SendState::Closed
        } else if let Some(receiver) = self.receivers.first() {
            SendState::Receiver(receiver)
        } else if self.has_room() {
            SendState::Room
        } else {
            SendState::Full
        }
    }

    pub(super) fn receive_state(&self) -> ReceiveState {
        if !self.buffer.is_empty() {
            ReceiveState::Buffered
        } else if let Some(sender) = self.senders.first() {
            ReceiveState::Sender(sender)
        } else if self.closed {
            ReceiveState::Closed
        } else {
            ReceiveState::Empty
        }
    }

    /// Whether any fiber waits on it.
    pub(super) fn has_waiters(&self) -> bool {
        self.receivers.first().is_some() || self.senders.first().is_some()
    }

    pub(super) fn waiters(&mut self, side: Side) -> &mut List {
        match side {
            Side::Send => &mut self.senders,
            Side::Receive => &mut self.receivers,
        }
    }
}
