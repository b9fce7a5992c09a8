//! The timers of one process: what each does when it fires, and the ticket in the worker's wheel.

use slab::Slab;

use super::cx::Cx;
use super::fiber::Resumption;
use super::net::SocketId;
use super::value::Value;
use crate::channel::{ChannelId, FiberId};
use crate::process::{Encoded, Pid, Topic};
use crate::scheduler::TimerId;

/// Names a timer of this process; a stale one names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    fires: Fires,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    all: Slab<Timer>,
    generation: u32,
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
        slot.insert(Timer { generation, at_ns, ticket, fires });
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

    /// A timer signal came in.
    pub(crate) fn timer_fired(&mut self, token: Token) {
        let Some(index) = self.timers.index(token) else { return };
        if let Fires::Ticker { .. } = self.timers.all[index].fires {
            self.tick(index, token);
            return;
        }
        let timer = self.timers.all.remove(index);
        match timer.fires {
            Fires::Wake(fiber) => self.fibers.wake(fiber, Resumption::Continue { n_args: 0 }),
            Fires::Channel(channel) => {
                self.timer_of.remove(&channel);
                let fired = Value::Fired(self.fired_at(timer.at_ns));
                // A closed channel lost interest.
                let _ = self.channels.feed_and_shut(channel, fired);
            }
            Fires::Send(later) => self.send_later(*later),
            Fires::GiveUp { operation } => self.give_up(operation),
            Fires::SocketTimeout { socket, fiber } => self.socket_timed_out(socket, fiber),
            Fires::Ticker { .. } => {}
        }
    }

    /// The next tick is due a period after this one was, so a ticker does not drift; periods that
    /// passed meanwhile are left out.
    fn tick(&mut self, index: usize, token: Token) {
        let step = self.step.get();
        let now = step.worker.now_ns();
        let timer = &mut self.timers.all[index];
        let Fires::Ticker { channel, period_ns } = timer.fires else { return };
        let due = timer.at_ns;
        let missed = now.saturating_sub(due) / period_ns;
        timer.at_ns = due.saturating_add(period_ns.saturating_mul(missed + 1));
        timer.ticket = step.worker.insert_timer(step.process, token.0, timer.at_ns);
        let fired = Value::Fired(self.fired_at(due));
        // A full channel drops the tick.
        let _ = self.channels.feed(channel, fired);
    }

    /// The wall-clock time of firing: now, for a signal that is taken in now.
    fn fired_at(&self, _at_ns: u64) -> i128 {
        self.step.get().worker.wall_ns()
    }

    /// Gives every ticket back, at the end of the process or program.
    pub(crate) fn stop_all_timers(&mut self) {
        for timer in self.timers.all.drain() {
            self.step.get().worker.cancel_timer(timer.ticket);
        }
    }
}
