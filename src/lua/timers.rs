//! The timers of one process: what each does when it fires, and the ticket in a worker's wheel that
//! stands for all of them.
//!
//! # Concepts
//! * **Ticket**: the entry of a process in the wheel of the worker that ran it at that time. A
//!   process has one at most, for the time when its first timer is due, or for an earlier one.
//!
//! # Protocol
//! A timer that starts takes out a ticket only if it is due before the one there is. One that is
//! stopped leaves the ticket alone: its signal then comes for nothing, and the timer that is due
//! first by then gets the next one. So time-outs that do not happen, which is what most are, cost
//! no worker anything. A process that comes to wait without timers gives its ticket back.
//!
//! A process that moves between workers may have a signal on its way for a ticket that it has
//! replaced. So a signal only says that something may be due; the process fires whatever is, in
//! order.
//!
//! # Invariants
//! * **W1** `queue` holds each pending timer under the time when it is due. Entries whose token
//!   names no pending timer, or one that is due at another time, are left over, as are those that
//!   are there already; they are at most about half.
//! * **W2** A timer fires only when its time has come, however many signals come in.
//! * **W3** Between two calls from outside, `ticket` is there while a timer is pending, and not
//!   later than any; or its signal has been taken in and is about to be handled.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use slab::Slab;

use super::cx::Cx;
use super::fiber::Resumption;
use super::net::SocketId;
use super::value::{Moment, Value};
use crate::channel::{ChannelId, FiberId, Kind};
use crate::process::{Encoded, Pid, Topic};
use crate::scheduler::TimerId;

/// Ticks that wait while nobody reads.
pub(crate) const TICKS_MAX: u32 = 16;

/// Names a timer of this process: its place, and above that its generation, which repeats after
/// 2³² timers. A stale one names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token(pub(crate) u64);

/// What happens when a timer fires.
#[derive(Debug)]
pub(crate) enum Fires {
    /// A sleeping fiber goes on.
    Wake(FiberId),
    /// The channel yields the time, once.
    Channel(ChannelId),
    /// As `Channel`, but nobody has asked the Timer for its channel yet.
    Timer,
    /// Such a timer has fired: this time waits for the channel. Boxed because it is rare and large.
    Fired(Box<i128>),
    /// The channel yields the time, again and again.
    Ticker { channel: ChannelId, period_ns: u64 },
    /// A message is sent.
    Send(Box<Later>),
    /// An operation has taken too long.
    GiveUp { operation: u64 },
    /// A fiber has waited long enough for a socket.
    SocketTimeout { socket: SocketId, fiber: FiberId },
}

impl Fires {
    /// Bytes of the message that it sends.
    fn message_bytes(&self) -> usize {
        match self {
            Fires::Send(later) => later.topic.len() + later.payload.size_bytes(),
            _ => 0,
        }
    }
}

/// A message that `send_after` sends.
#[derive(Debug)]
pub(crate) struct Later {
    pub(crate) to: Destination,
    pub(crate) topic: Topic,
    pub(crate) payload: Encoded,
}

/// Where a delayed message goes: a name is looked up when it is sent.
#[derive(Debug)]
pub(crate) enum Destination {
    Pid(Pid),
    Name(Box<str>),
}

#[derive(Debug)]
struct Timer {
    generation: u32,
    at_ns: u64,
    fires: Fires,
}

impl Timer {
    fn has_fired(&self) -> bool {
        matches!(self.fires, Fires::Fired(_))
    }
}

/// See the module.
#[derive(Debug)]
struct Ticket {
    at_ns: u64,
    id: TimerId,
}

/// See the module.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// First, since each turn looks at it.
    ticket: Option<Ticket>,
    all: Slab<Timer>,
    generation: u32,
    queue: BinaryHeap<Reverse<(u64, Token)>>,
    /// How many of `all` are no longer pending (`Fires::Fired`).
    n_fired: u32,
    /// Tickets taken out so far, which is what the signal of the latest brings.
    n_tickets: u32,
    /// Bytes of the messages that are sent by those of `all`.
    message_bytes: usize,
}

impl Timers {
    /// Whether none is pending.
    pub(crate) fn is_empty(&self) -> bool {
        self.n_pending() == 0
    }

    fn n_pending(&self) -> usize {
        self.all.len() - self.n_fired as usize
    }

    /// How many take memory.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Bytes of the messages that wait to be sent.
    pub(crate) fn message_bytes(&self) -> usize {
        self.message_bytes
    }

    /// Where the pending timer is that the token names.
    fn index(&self, token: Token) -> Option<usize> {
        let index = token.0 as u32 as usize;
        let timer = self.all.get(index)?;
        let is_pending = u64::from(timer.generation) == token.0 >> 32 && !timer.has_fired();
        is_pending.then_some(index)
    }

    /// Forgets a timer that has fired; gives the time that waits for its channel.
    fn take_fired(&mut self, token: Token) -> Option<i128> {
        let index = token.0 as u32 as usize;
        let timer = self.all.get(index)?;
        if u64::from(timer.generation) != token.0 >> 32 || !timer.has_fired() {
            return None;
        }
        self.n_fired -= 1;
        match self.remove(index) {
            Fires::Fired(at_ns) => Some(*at_ns),
            _ => None,
        }
    }

    /// Notes that the signal of a ticket came in.
    pub(crate) fn signalled(&mut self, number: u64) {
        if number == u64::from(self.n_tickets) {
            self.ticket = None;
        }
    }

    fn add(&mut self, at_ns: u64, fires: Fires) -> Token {
        self.generation = self.generation.wrapping_add(1);
        self.message_bytes += fires.message_bytes();
        let timer = Timer { generation: self.generation, at_ns, fires };
        let index = self.all.insert(timer);
        let token = Token(u64::from(self.generation) << 32 | index as u64);
        self.enqueue(at_ns, token);
        token
    }

    fn remove(&mut self, index: usize) -> Fires {
        let fires = self.all.remove(index).fires;
        self.message_bytes -= fires.message_bytes();
        fires
    }

    /// Queues a timer that is pending already; throws away what is left over when that is more than
    /// half (W1).
    fn enqueue(&mut self, at_ns: u64, token: Token) {
        const LEFT_OVER_MAX: usize = 16;
        if self.n_pending() == 1 {
            self.queue.clear();
        } else if self.queue.len() > 2 * self.n_pending() + LEFT_OVER_MAX {
            self.drop_left_over();
        }
        self.queue.push(Reverse((at_ns, token)));
    }

    #[cold]
    fn drop_left_over(&mut self) {
        let mut entries = std::mem::take(&mut self.queue).into_vec();
        entries.retain(|Reverse((at_ns, token))| self.is_pending(*at_ns, *token));
        // A timer that was set to another time and back is in it twice.
        entries.sort_unstable();
        entries.dedup();
        self.queue = entries.into();
    }

    fn is_pending(&self, at_ns: u64, token: Token) -> bool {
        self.index(token).is_some_and(|index| self.all[index].at_ns == at_ns)
    }

    /// When the next timer is due, if that can be told at once.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        let Reverse((at_ns, token)) = *self.queue.peek()?;
        self.is_pending(at_ns, token).then_some(at_ns)
    }

    /// The pending timer that is due first, and when.
    fn first(&mut self) -> Option<(u64, Token)> {
        while let Some(Reverse((at_ns, token))) = self.queue.peek().copied() {
            if self.is_pending(at_ns, token) {
                return Some((at_ns, token));
            }
            self.queue.pop();
        }
        None
    }

    /// Takes the pending timer that is due first out of the queue, if it is due.
    fn pop_due(&mut self, now_ns: u64) -> Option<Token> {
        let (at_ns, token) = self.first()?;
        (at_ns <= now_ns).then(|| {
            self.queue.pop();
            token
        })
    }
}

impl Cx {
    /// Starts a timer that is due at `at_ns`, monotonic.
    pub(crate) fn start_timer(&mut self, at_ns: u64, fires: Fires) -> Token {
        let token = self.timers.add(at_ns, fires);
        self.want_signal(at_ns);
        token
    }

    /// Stops a timer; false when it has fired or was stopped. Its memory is free at once.
    pub(crate) fn stop_timer(&mut self, token: Token) -> bool {
        let Some(index) = self.timers.index(token) else { return false };
        self.timers.remove(index);
        true
    }

    /// Sets a pending timer to another time; false when it has fired or was stopped.
    pub(crate) fn move_timer(&mut self, token: Token, at_ns: u64) -> bool {
        let Some(index) = self.timers.index(token) else { return false };
        self.timers.all[index].at_ns = at_ns;
        self.timers.enqueue(at_ns, token);
        self.want_signal(at_ns);
        true
    }

    /// Makes the channel of a Timer, when somebody asks for it.
    pub(crate) fn open_channel_of(&mut self, token: Token) -> ChannelId {
        let channel = self.channels.open(Kind::Fed);
        if let Some(index) = self.timers.index(token) {
            self.timers.all[index].fires = Fires::Channel(channel);
            self.timer_of.insert(channel, token);
            return channel;
        }
        if let Some(fired_at) = self.timers.take_fired(token) {
            // It is open and has room.
            let _ = self.channels.feed(channel, Value::Fired(Moment(fired_at)));
        }
        self.channels.shut(channel);
        channel
    }

    /// Nobody can reach a Timer any more whose channel was never asked for.
    pub(crate) fn release_timer(&mut self, token: Token) {
        if !self.stop_timer(token) {
            self.timers.take_fired(token);
        }
    }

    /// Sees to a ticket for `at_ns` or earlier (W3).
    fn want_signal(&mut self, at_ns: u64) {
        if self.timers.ticket.as_ref().is_some_and(|ticket| ticket.at_ns <= at_ns) {
            return;
        }
        self.give_ticket_back();
        self.timers.n_tickets = self.timers.n_tickets.wrapping_add(1);
        let number = self.timers.n_tickets.into();
        let step = self.step.get();
        let id = step.worker.insert_timer(step.process, number, at_ns);
        self.timers.ticket = Some(Ticket { at_ns, id });
    }

    fn give_ticket_back(&mut self) {
        if let Some(ticket) = self.timers.ticket.take() {
            self.step.get().worker.cancel_timer(ticket.id);
        }
    }

    /// Before the process may come to wait: one without timers is not to be woken by any.
    #[inline]
    pub(crate) fn check_ticket(&mut self) {
        if self.timers.ticket.is_some() && self.timers.is_empty() {
            self.give_ticket_back();
        }
    }

    /// Fires all timers that are due, in order of their times (W2).
    pub(crate) fn fire_due_timers(&mut self) {
        let now_ns = self.now_ns();
        while let Some(token) = self.timers.pop_due(now_ns) {
            // Whom the one before woke through a channel comes before whom this one wakes.
            self.queue_woken();
            self.fire(token, now_ns);
        }
        if let Some((at_ns, _)) = self.timers.first() {
            self.want_signal(at_ns);
        }
    }

    fn fire(&mut self, token: Token, now_ns: u64) {
        let Some(index) = self.timers.index(token) else { return };
        match self.timers.all[index].fires {
            Fires::Ticker { .. } => return self.tick(index, token, now_ns),
            Fires::Timer => {
                self.timers.all[index].fires = Fires::Fired(Box::new(self.fired_at()));
                self.timers.n_fired += 1;
                return;
            }
            _ => {}
        }
        match self.timers.remove(index) {
            Fires::Wake(fiber) => self.fibers.wake(fiber, Resumption::Continue { n_args: 0 }),
            Fires::Channel(channel) => {
                self.timer_of.remove(&channel);
                let fired = Value::Fired(Moment(self.fired_at()));
                // A closed channel lost interest.
                let _ = self.channels.feed_and_shut(channel, fired);
            }
            Fires::Send(later) => self.send_later(*later),
            Fires::GiveUp { operation } => self.give_up(operation),
            Fires::SocketTimeout { socket, fiber } => self.socket_timed_out(socket, fiber),
            Fires::Ticker { .. } | Fires::Timer | Fires::Fired(_) => {}
        }
    }

    /// The next tick is due a period after this one was, so a ticker does not drift. Of the ticks
    /// that a late process has missed, no more are made up for than its channel holds.
    fn tick(&mut self, index: usize, token: Token, now_ns: u64) {
        let timer = &mut self.timers.all[index];
        let Fires::Ticker { channel, period_ns } = timer.fires else { return };
        let n_missed = now_ns.saturating_sub(timer.at_ns) / period_ns;
        let n_left_out = n_missed.saturating_sub(TICKS_MAX.into());
        timer.at_ns = timer.at_ns.saturating_add(period_ns.saturating_mul(n_left_out + 1));
        let at_ns = timer.at_ns;
        self.timers.enqueue(at_ns, token);
        let fired = Value::Fired(Moment(self.fired_at()));
        // A full channel drops the tick.
        let _ = self.channels.feed(channel, fired);
    }

    /// The wall-clock time of firing: now, when the process takes it in.
    fn fired_at(&self) -> i128 {
        self.step.get().worker.wall_ns()
    }

    /// Stops every timer, at the end of the process or program.
    pub(crate) fn stop_all_timers(&mut self) {
        self.timers.queue.clear();
        self.timers.all.clear();
        self.timers.n_fired = 0;
        self.timers.message_bytes = 0;
        self.give_ticket_back();
    }
}
