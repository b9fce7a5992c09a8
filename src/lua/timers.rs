//! The timers of one process: what each does when it fires, and the ticket in a worker's wheel.
//!
//! # Protocol
//! A process that moves between workers has tickets in several wheels, which signal in no common
//! order. So a signal only says that something is due; the process fires whatever is, in order.
//!
//! # Invariants
//! * **W1** `queue` holds each pending timer under the time when it is due. Entries whose token
//!   names no pending timer, or one that is due at another time, are left over; they are at most
//!   about half.
//! * **W2** A timer fires only when its time has come, however many signals come in for it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use slab::Slab;

use super::cx::Cx;
use super::fiber::Resumption;
use super::net::SocketId;
use super::value::Value;
use crate::channel::{ChannelId, FiberId};
use crate::process::{Encoded, Pid, Topic};
use crate::scheduler::TimerId;

/// Ticks that wait while nobody reads.
pub(crate) const TICKS_MAX: u32 = 16;

/// Names a timer of this process; a stale one names nothing.
///
/// Later ones compare greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token(pub(crate) u64);

/// What happens when a timer fires.
#[derive(Debug)]
pub(crate) enum Fires {
    /// A sleeping fiber goes on.
    Wake(FiberId),
    /// The channel yields the time, once.
    Channel(ChannelId),
    /// The channel yields the time, again and again.
    Ticker { channel: ChannelId, period_ns: u64 },
    /// A message is sent.
    Send(Box<Later>),
    /// An operation has taken too long.
    GiveUp { operation: u64 },
    /// A fiber has waited long enough for a socket.
    SocketTimeout { socket: SocketId, fiber: FiberId },
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
    ticket: TimerId,
    /// The signal of the ticket came in.
    is_signalled: bool,
    fires: Fires,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    all: Slab<Timer>,
    generation: u32,
    queue: BinaryHeap<Reverse<(u64, Token)>>,
}

impl Timers {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    fn index(&self, token: Token) -> Option<usize> {
        let index = (token.0 & u64::from(u32::MAX)) as usize;
        let timer = self.all.get(index)?;
        (u64::from(timer.generation) == token.0 >> 32).then_some(index)
    }

    /// Notes that a signal came in for a timer.
    pub(crate) fn signalled(&mut self, token: Token) {
        if let Some(index) = self.index(token) {
            self.all[index].is_signalled = true;
        }
    }

    /// Queues a timer; throws away what is left over when that is more than half (W1).
    fn enqueue(&mut self, at_ns: u64, token: Token) {
        const LEFT_OVER_MAX: usize = 16;
        if self.queue.len() > 2 * self.all.len() + LEFT_OVER_MAX {
            let mut queue = std::mem::take(&mut self.queue);
            queue.retain(|Reverse((at_ns, token))| self.is_pending(*at_ns, *token));
            self.queue = queue;
        }
        self.queue.push(Reverse((at_ns, token)));
    }

    fn is_pending(&self, at_ns: u64, token: Token) -> bool {
        self.index(token).is_some_and(|index| self.all[index].at_ns == at_ns)
    }

    /// When the next timer is due, if that can be told at once.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        let Reverse((at_ns, token)) = *self.queue.peek()?;
        self.is_pending(at_ns, token).then_some(at_ns)
    }

    /// Takes the pending timer that is due first out of the queue, if it is due.
    fn pop_due(&mut self, now_ns: u64) -> Option<Token> {
        while let Some(Reverse((at_ns, token))) = self.queue.peek().copied()
            && at_ns <= now_ns
        {
            self.queue.pop();
            if self.is_pending(at_ns, token) {
                return Some(token);
            }
        }
        None
    }
}

impl Cx {
    /// Starts a timer that is due at `at_ns`, monotonic.
    pub(crate) fn start_timer(&mut self, at_ns: u64, fires: Fires) -> Token {
        let timers = &mut self.timers;
        // 31 bits, so that no token is the one of the process's own deadline.
        timers.generation = timers.generation.wrapping_add(1) & (u32::MAX >> 1);
        let generation = timers.generation;
        let slot = timers.all.vacant_entry();
        let token = Token(u64::from(generation) << 32 | slot.key() as u64);
        let step = self.step.get();
        let ticket = step.worker.insert_timer(step.process, token.0, at_ns);
        slot.insert(Timer { generation, at_ns, ticket, is_signalled: false, fires });
        timers.enqueue(at_ns, token);
        token
    }

    /// Stops a timer; false when it has fired or was stopped. Its memory is free at once.
    pub(crate) fn stop_timer(&mut self, token: Token) -> bool {
        let Some(index) = self.timers.index(token) else { return false };
        let timer = self.timers.all.remove(index);
        self.step.get().worker.cancel_timer(timer.ticket);
        true
    }

    /// Sets a pending timer to another time; `None` when it has fired or was stopped.
    pub(crate) fn move_timer(&mut self, token: Token, at_ns: u64) -> Option<Token> {
        let index = self.timers.index(token)?;
        let timer = self.timers.all.remove(index);
        self.step.get().worker.cancel_timer(timer.ticket);
        Some(self.start_timer(at_ns, timer.fires))
    }

    /// Fires all timers that are due, in order of their times (W2).
    pub(crate) fn fire_due_timers(&mut self) {
        let now_ns = self.now_ns();
        while let Some(token) = self.timers.pop_due(now_ns) {
            // Whom the one before woke through a channel comes before whom this one wakes.
            self.queue_woken();
            self.fire(token, now_ns);
        }
    }

    fn fire(&mut self, token: Token, now_ns: u64) {
        let Some(index) = self.timers.index(token) else { return };
        let timer = &self.timers.all[index];
        if !timer.is_signalled {
            self.step.get().worker.cancel_timer(timer.ticket);
        }
        if let Fires::Ticker { .. } = timer.fires {
            self.tick(index, token, now_ns);
            return;
        }
        let timer = self.timers.all.remove(index);
        match timer.fires {
            Fires::Wake(fiber) => self.fibers.wake(fiber, Resumption::Continue { n_args: 0 }),
            Fires::Channel(channel) => {
                self.timer_of.remove(&channel);
                let fired = Value::Fired(self.fired_at());
                // A closed channel lost interest.
                let _ = self.channels.feed_and_shut(channel, fired);
            }
            Fires::Send(later) => self.send_later(*later),
            Fires::GiveUp { operation } => self.give_up(operation),
            Fires::SocketTimeout { socket, fiber } => self.socket_timed_out(socket, fiber),
            Fires::Ticker { .. } => {}
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
        let step = self.step.get();
        timer.ticket = step.worker.insert_timer(step.process, token.0, timer.at_ns);
        timer.is_signalled = false;
        let at_ns = timer.at_ns;
        self.timers.enqueue(at_ns, token);
        let fired = Value::Fired(self.fired_at());
        // A full channel drops the tick.
        let _ = self.channels.feed(channel, fired);
    }

    /// The wall-clock time of firing: now, when the process takes it in.
    fn fired_at(&self) -> i128 {
        self.step.get().worker.wall_ns()
    }

    /// Gives every ticket back, at the end of the process or program.
    pub(crate) fn stop_all_timers(&mut self) {
        self.timers.queue.clear();
        for timer in self.timers.all.drain() {
            self.step.get().worker.cancel_timer(timer.ticket);
        }
    }
}
