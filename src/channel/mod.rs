//! Channels pass values between the fibers (Lua coroutines) of one process: buffers, waiters, close
//! and select, as plain data that runs nothing.
//!
//! # Concepts
//! * **Fiber**: whoever operates on channels, named by its caller. At most one runs at a time.
//! * **Waiter**: one case that a suspended fiber waits on. Waiters of one side of a channel are
//!   served first come, first served.
//! * **Hand-over**: the value of a sender goes straight to a receiver, and both go to the end of
//!   the run queue, the one that acted first.
//! * **Wake**: the result of an operation whose fiber was suspended. Wakes queue up in the order in
//!   which their fibers became runnable; the caller drains them into its run queue.
//! * **Fed channel**: one that the runtime fills (messages, events, timers). Fibers only receive.
//! * **Noted wait**: the wait that has begun last, if it is a plain receive, and the only one on a
//!   fed channel. It is remembered in one place, and enrolled as a waiter when something else
//!   happens first than what nearly always does: that a value is fed.
//! * **Batch**: feeds and shuts with no other call between them. What they bring is looked at as a
//!   whole, see [`Channels::next_wake`]. Only the first value of a batch goes straight to a fiber
//!   that waits for nothing else, as it would anyway ([`Channels::take_receiver`]).
//! * **Discarded value**: one that was passed in and will never be received, because its channel
//!   was closed or its select took another case. The caller gets it back to release it.
//!
//! # Invariants
//! * **I1** A receiver waits only on an open channel with an empty buffer, a sender only on an open
//!   channel with a full one. Between a feed or shut and the settling of its batch, a channel for
//!   which this does not hold is listed in `touched`.
//! * **I2** Receivers and senders wait on the same channel only if they are cases of one and the
//!   same select, which does not pair with itself. So a partner for a fiber that acts is always the
//!   first waiter of the other side.
//! * **I3** On a fed channel no sender waits.
//! * **I4** The channel of the noted wait is fed, without limit, open, empty, not in `touched`, and
//!   has no waiters. No other fiber operates before that wait is enrolled.
//! * **I5** Every value that comes in goes out exactly once: by an outcome, a wake, or
//!   [`Channels::next_discarded`].
//!
//! # Protocol
//! 1. The runtime feeds what has arrived and shuts what has ended.
//! 2. The caller drains [`Channels::next_wake`] to the end of its run queue, and runs a fiber.
//! 3. The fiber operates. `HandedOver`, `MustWait` and `WokeWaiters` suspend it: a wake will say
//!    that it goes on, and with what. Any other outcome is the result, and it goes on at once.
//! 4. The caller drains the wakes before anybody else enters its run queue.
//!
//! An id whose channel was freed behaves like a closed and drained channel.

mod exchange;
mod feed;
mod fifo;
mod query;
mod select;
mod settle;
mod slab;
mod state;
mod waiters;

#[cfg(any(test, fuzzing))]
pub mod model;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

pub(crate) use fifo::Fifo;
use slab::Slab;
use state::{Channel, ReceiveState, SendState};
use waiters::{List, Waiters};

pub use select::{Case, SelectOutcome};
pub use waiters::Side;

/// Names a fiber. The ids in use should be small: a table is indexed by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FiberId(pub u32);

/// Names a channel of one [`Channels`]. It is not taken over by a later channel when its own is
/// freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelId {
    index: u32,
    /// Which of the channels that lived at `index`. It repeats after 2³² channels.
    serial: u32,
}

/// Who puts values into a channel, and how many it holds for later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fibers send, and wait while so many values are buffered; 0 means hand-over.
    Bounded(u32),
    /// The runtime feeds it, without limit.
    Fed,
    /// The runtime feeds it; what comes while so many values are buffered is refused.
    Lossy(u32),
}

/// Result of [`Channels::send`].
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum SendOutcome<V> {
    /// The value is in the buffer; the fiber goes on.
    Sent,
    /// A waiting receiver got the value. The fiber is suspended, its wake is queued already.
    HandedOver,
    /// The fiber is suspended until somebody takes the value or closes the channel.
    MustWait,
    /// The channel is closed; here is the value back.
    Closed(V),
    /// Only the runtime feeds this channel; here is the value back.
    ReceiveOnly(V),
}

/// Result of [`Channels::receive`].
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum ReceiveOutcome<V> {
    /// The oldest buffered value; the fiber goes on.
    Value(V),
    /// The channel is closed and drained; the fiber goes on.
    Closed,
    /// A waiting sender gave its value. The fiber is suspended, its wake is queued already.
    HandedOver,
    /// The fiber is suspended until a value comes or the channel is closed.
    MustWait,
}

/// Result of [`Channels::close`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum CloseOutcome {
    /// Nobody waited, or it was closed before; the fiber goes on.
    Closed,
    /// The fiber is suspended behind those that waited, its wake is queued already.
    WokeWaiters,
    /// Only the runtime closes this channel.
    ReceiveOnly,
}

/// What a fiber got from an operation. `case` is the position among the cases of its select, 0 for
/// a plain operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion<V> {
    /// It received.
    Received {
        /// The case that was taken.
        case: u32,
        /// The channel of that case.
        channel: ChannelId,
        /// The value, or `None` when the channel is closed and drained.
        value: Option<V>,
    },
    /// It sent. The value is with the receiver or in the buffer.
    Sent {
        /// The case that was taken.
        case: u32,
        /// The channel of that case.
        channel: ChannelId,
    },
    /// The channel was closed while it waited to send.
    SendClosed {
        /// The case whose channel was closed.
        case: u32,
        /// The channel of that case.
        channel: ChannelId,
    },
    /// It closed a channel, and those that waited have been queued before it.
    Closed,
}

/// A fiber that has become runnable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wake<V> {
    /// Who.
    pub fiber: FiberId,
    /// The result of the operation in which it was suspended.
    pub completion: Completion<V>,
}

/// All channels of a process. `V` is what they carry; it is moved, never copied.
#[repr(C)]
#[derive(Debug)]
pub struct Channels<V> {
    /// The noted wait (I4).
    noted: Option<(FiberId, ChannelId)>,
    /// Of the channel that was opened last.
    serial: u32,
    n_channels: usize,
    /// Channels of this batch on which somebody waits (I1), in the order in which they were
    /// touched.
    touched: SmallVec<[ChannelId; 2]>,
    /// Most processes have one, their inbox.
    channels: Slab<Channel<V>, 1>,
    wakes: Fifo<Wake<V>>,
    discarded: Fifo<V>,
    waiters: Waiters<V>,
}

impl<V> Default for Channels<V> {
    fn default() -> Self {
        Self::new()
    }
}

/// What fibers do. Each of these calls ends the batch before it.
impl<V> Channels<V> {
    /// No channels; allocates nothing.
    pub fn new() -> Self {
        Self {
            channels: Slab::new(),
            n_channels: 0,
            waiters: Waiters::new(),
            noted: None,
            wakes: Fifo::new(),
            discarded: Fifo::new(),
            touched: SmallVec::new(),
            serial: 0,
        }
    }

    /// Makes a channel. Its buffer takes memory only for what it holds.
    pub fn open(&mut self, kind: Kind) -> ChannelId {
        self.serial = self.serial.wrapping_add(1);
        self.n_channels += 1;
        let index = self.channels.insert(Channel {
            serial: self.serial,
            kind,
            closed: false,
            touched: 0,
            buffer: Fifo::new(),
            receivers: List::new(),
            senders: List::new(),
        });
        ChannelId { index, serial: self.serial }
    }

    /// Removes a channel that can no longer be named by anybody. Buffered values are discarded. If
    /// fibers wait on it all the same, they are woken as by [`Channels::close`]. Without effect if
    /// it was freed before.
    pub fn free(&mut self, id: ChannelId) {
        self.end_batch();
        if self.get(id).is_none() {
            return;
        }
        self.wake_all(id);
        self.n_channels -= 1;
        let mut channel = self.channels.remove(id.index);
        while let Some(value) = channel.buffer.pop() {
            self.discarded.push(value);
        }
    }

    /// Sends `value` for the running fiber.
    pub fn send(&mut self, id: ChannelId, fiber: FiberId, value: V) -> SendOutcome<V> {
        self.begin_operation(fiber);
        match self.send_state(id) {
            SendState::Receiver(receiver) => {
                self.hand_to(receiver, (fiber, 0), value);
                SendOutcome::HandedOver
            }
            SendState::Room => {
                self.channels[id.index].buffer.push(value);
                SendOutcome::Sent
            }
            SendState::Full => {
                self.waiters.begin(fiber);
                self.enrol((fiber, 0), id, Some(value));
                SendOutcome::MustWait
            }
            SendState::Closed => SendOutcome::Closed(value),
            SendState::ReceiveOnly => SendOutcome::ReceiveOnly(value),
        }
    }

    /// Receives for the running fiber.
    pub fn receive(&mut self, id: ChannelId, fiber: FiberId) -> ReceiveOutcome<V> {
        self.begin_operation(fiber);
        match self.receive_state(id) {
            ReceiveState::Buffered => ReceiveOutcome::Value(self.pop_buffered(id)),
            ReceiveState::Sender(sender) => {
                self.take_from(sender, (fiber, 0));
                ReceiveOutcome::HandedOver
            }
            ReceiveState::Closed => ReceiveOutcome::Closed,
            ReceiveState::Empty => {
                self.wait_to_receive(fiber, id);
                ReceiveOutcome::MustWait
            }
        }
    }

    /// Closes a channel for the running fiber: the values of waiting senders are discarded, those
    /// in the buffer stay. Waiting senders are woken, then waiting receivers, then the fiber. A
    /// select that waits on both sides is woken as a sender.
    pub fn close(&mut self, id: ChannelId, fiber: FiberId) -> CloseOutcome {
        self.begin_operation(fiber);
        let Some(channel) = self.get_mut(id) else { return CloseOutcome::Closed };
        if channel.is_fed() {
            return CloseOutcome::ReceiveOnly;
        }
        channel.closed = true;
        if !self.wake_all(id) {
            return CloseOutcome::Closed;
        }
        self.wake(fiber, Completion::Closed);
        CloseOutcome::WokeWaiters
    }

    /// Withdraws what the fiber waits for, because it was killed. Values it wanted to send are
    /// discarded. A wake that is queued for it stays queued.
    pub fn forget(&mut self, fiber: FiberId) {
        self.end_batch();
        if self.is_waiting(fiber) {
            self.withdraw(fiber);
        }
    }
}

/// What the caller looks at.
impl<V> Channels<V> {
    /// The next fiber that has become runnable, in the order in which they did.
    ///
    /// Before that it settles the batch of feeds and shuts: fibers that wait on a touched channel
    /// are served, in the order in which they began to wait. Each gets the case that comes first in
    /// **its own** priority order among all that the batch has brought. They become runnable in the
    /// order in which the channels they received from were touched.
    pub fn next_wake(&mut self) -> Option<Wake<V>> {
        self.settle();
        self.wakes.pop()
    }

    /// Whether [`Channels::next_wake`] and [`Channels::next_discarded`] have nothing to give.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.touched.is_empty() && self.wakes.is_empty() && self.discarded.is_empty()
    }

    /// The next value that was passed in and will not be received by anybody.
    pub fn next_discarded(&mut self) -> Option<V> {
        self.discarded.pop()
    }

    /// Whether the fiber is suspended and has no wake queued.
    pub fn is_waiting(&self, fiber: FiberId) -> bool {
        self.noted.is_some_and(|(noted, _)| noted == fiber) || self.waiters.is_waiting(fiber)
    }

    /// What the fiber waits for, in priority order. Nothing if it does not wait, or if no case of
    /// its select can ever complete.
    pub fn waits_for(&self, fiber: FiberId) -> impl Iterator<Item = (ChannelId, Side)> {
        let noted = self.noted.filter(|(noted, _)| *noted == fiber);
        let cases = self.waiters.cases(fiber).map(|waiter| (waiter.channel, waiter.side));
        noted.map(|(_, channel)| (channel, Side::Receive)).into_iter().chain(cases)
    }
}

/// So many elements keep their memory when a collection shrinks.
const KEPT: usize = 32;

/// The capacity to which a collection of `len` elements should give up memory, if it has far too
/// much. It may then double, or halve, before its capacity changes again.
fn reduced_capacity(len: usize, capacity: usize) -> Option<usize> {
    (capacity > KEPT && len < capacity / 4).then_some((2 * len).max(KEPT))
}

#[cfg(any(test, fuzzing))]
impl<V> Channels<V> {
    /// Asserts the invariants of this module and of its parts.
    pub(crate) fn check(&self) {
        self.channels.check();
        let mut enrolled = 0;
        for (index, channel) in self.channels.iter() {
            let id = ChannelId { index, serial: channel.serial };
            enrolled += self.waiters.check_list(&channel.receivers, id, Side::Receive);
            enrolled += self.waiters.check_list(&channel.senders, id, Side::Send);
            if channel.touched != 0 {
                assert_eq!(self.touched[channel.touched as usize - 1], id);
                continue;
            }
            let senders = || self.waiters.in_list(&channel.senders);
            let receivers = || self.waiters.in_list(&channel.receivers);
            assert!(channel.receivers.is_empty() || !channel.has_something(), "I1");
            assert!(channel.senders.is_empty() || !channel.closed && !channel.has_room(), "I1");
            let of_one = receivers().all(|r| senders().all(|s| r.fiber == s.fiber));
            assert!(of_one, "I2");
            assert!(channel.senders.is_empty() || !channel.is_fed(), "I3");
        }
        self.waiters.check(enrolled);
        if let Some((fiber, id)) = self.noted {
            assert!(!self.waiters.is_waiting(fiber), "I4");
            let channel = self.get(id).expect("I4");
            assert!(channel.kind == Kind::Fed && !channel.has_something(), "I4");
            assert!(channel.touched == 0 && !channel.has_waiters(), "I4");
        }
    }
}
