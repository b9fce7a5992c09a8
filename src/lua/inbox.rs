//! Undelivered messages and events of a process, and the channels that yield them.
//!
//! A message belongs to the listen channel of its topic if one is open when it is received, else to
//! the inbox. Messages wait in the buffers of the open channels; what no open channel claims waits
//! here. Opening and closing a listen channel moves the messages of its topic, in order of arrival.

use std::collections::VecDeque;

use super::value::{Value, Waiting};
use crate::channel::{ChannelId, Channels, Completion, FiberId, Kind};
use crate::process::{Event, Excess, Letter, Message, Pid, Process, Topic};
use crate::small_map::SmallMap;

/// Unread events, from which on the CANCELs of each canceller share one place, so that all unread
/// events are bounded by who lives and whom the process watches.
const UNREAD_MAX: usize = 1024;

/// What a mailbox channel yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Inbox,
    Events,
    Listen,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    listen: SmallMap<Topic, ChannelId, 1>,
    inbox: Option<ChannelId>,
    events: Option<ChannelId>,
    unclaimed: VecDeque<Waiting>,
    unread: VecDeque<Event>,
    n_arrived: u64,
}

impl Inbox {
    /// Takes a message that came out of the mailbox. If a fiber waits for it and for nothing else,
    /// it is given back with the completion of that wait.
    #[inline]
    pub(crate) fn message(
        &mut self,
        channels: &mut Channels<Value>,
        message: Letter,
    ) -> Option<(FiberId, Completion<Value>)> {
        self.n_arrived += 1;
        let channel = self.listen.get(&message.topic[..]).copied().or(self.inbox);
        let waiting = Waiting { arrival: self.n_arrived, message };
        let Some(channel) = channel else {
            self.unclaimed.push_back(waiting);
            return None;
        };
        if let Some(fiber) = channels.take_receiver(channel) {
            let value = Some(Value::Message(waiting));
            return Some((fiber, Completion::Received { case: 0, channel, value }));
        }
        feed(channels, channel, waiting);
        None
    }

    /// Takes an event that came out of the mailbox. A CANCEL takes the place of the last one of the
    /// same canceller when there are [`UNREAD_MAX`] events.
    pub(crate) fn event(&mut self, channels: &mut Channels<Value>, event: Event) {
        if let Event::Cancel { cancel } = &event
            && self.n_unread(channels) >= UNREAD_MAX
            && let Some(last) = self.last_cancel(channels, cancel.from)
        {
            *last = event;
            return;
        }
        match self.events {
            Some(channel) => feed_event(channels, channel, event),
            None => self.unread.push_back(event),
        }
    }

    fn n_unread(&self, channels: &Channels<Value>) -> usize {
        self.events.map_or(self.unread.len(), |channel| channels.n_buffered(channel))
    }

    /// The newest CANCEL of this canceller that is unread.
    fn last_cancel<'a>(
        &'a mut self,
        channels: &'a mut Channels<Value>,
        canceller: Option<Pid>,
    ) -> Option<&'a mut Event> {
        let is_theirs =
            |event: &Event| matches!(event, Event::Cancel { cancel } if cancel.from == canceller);
        let Some(channel) = self.events else {
            return self.unread.iter_mut().rev().find(|event| is_theirs(event));
        };
        let events = channels.buffered(channel).filter_map(|value| match value {
            Value::Event(event) => Some(&mut **event),
            _ => None,
        });
        events.into_iter().find(|event| is_theirs(event))
    }

    /// Whether a channel is open that something from outside could arrive on.
    pub(crate) fn has_open_channel(&self) -> bool {
        self.inbox.is_some() || self.events.is_some() || !self.listen.is_empty()
    }

    /// Opens the inbox channel, unless it is open.
    pub(crate) fn open_inbox(&mut self, channels: &mut Channels<Value>) -> ChannelId {
        if let Some(open) = self.inbox {
            return open;
        }
        let channel = channels.open(Kind::Fed);
        self.inbox = Some(channel);
        for waiting in self.unclaimed.drain(..) {
            feed(channels, channel, waiting);
        }
        channel
    }

    /// Opens the events channel, unless it is open.
    pub(crate) fn open_events(&mut self, channels: &mut Channels<Value>) -> ChannelId {
        if let Some(open) = self.events {
            return open;
        }
        let channel = channels.open(Kind::Fed);
        self.events = Some(channel);
        for event in self.unread.drain(..) {
            feed_event(channels, channel, event);
        }
        channel
    }

    /// Opens the channel of `topic`, unless it is open: messages of the topic are its own from now
    /// on.
    pub(crate) fn open_listen(
        &mut self,
        channels: &mut Channels<Value>,
        topic: Topic,
    ) -> ChannelId {
        if let Some(open) = self.listen.get(&topic) {
            return *open;
        }
        let channel = channels.open(Kind::Fed);
        let unclaimed = self.take_unclaimed(channels);
        let (claimed, rest): (VecDeque<_>, VecDeque<_>) =
            unclaimed.into_iter().partition(|waiting| waiting.message.topic == topic);
        self.restore(channels, rest);
        for waiting in claimed {
            feed(channels, channel, waiting);
        }
        self.listen.insert(topic, channel);
        channel
    }

    /// Closes a mailbox channel; what it held waits for the next to claim it. Gives the topic of a
    /// listen channel; `None` when the channel is not open.
    pub(crate) fn close(
        &mut self,
        channels: &mut Channels<Value>,
        channel: ChannelId,
    ) -> Option<(Role, Option<Topic>)> {
        if self.inbox == Some(channel) {
            self.unclaimed = take_messages(channels, channel);
            self.inbox = None;
            channels.shut(channel);
            return Some((Role::Inbox, None));
        }
        if self.events == Some(channel) {
            while let Some(value) = channels.take_back(channel) {
                if let Value::Event(event) = value {
                    self.unread.push_back(*event);
                }
            }
            self.events = None;
            channels.shut(channel);
            return Some((Role::Events, None));
        }
        let topic = self.listen.iter().find(|(_, open)| **open == channel)?.0.clone();
        self.listen.remove(&topic);
        let given_up = take_messages(channels, channel);
        channels.shut(channel);
        let unclaimed = self.take_unclaimed(channels);
        self.restore(channels, merge(unclaimed, given_up));
        Some((Role::Listen, Some(topic)))
    }

    /// Forgets all channels, for a program that replaces this one: what waits is kept.
    pub(crate) fn close_all(&mut self, channels: &mut Channels<Value>) {
        // The inbox first: what the others hold must not go to a receiver that still waits on it.
        let listen = self.listen.values().copied();
        let open: Vec<_> = self.inbox.into_iter().chain(self.events).chain(listen).collect();
        for channel in open {
            self.close(channels, channel);
        }
    }

    /// Takes back what was given out and not received, in that order, while no channel is open.
    pub(crate) fn take_back(&mut self, values: Vec<Value>) {
        let mut messages = VecDeque::new();
        let mut events = VecDeque::new();
        for value in values {
            match value {
                Value::Message(waiting) => messages.push_back(waiting),
                Value::Event(event) => events.push_back(*event),
                Value::Lua(_) | Value::Fired(_) => {}
            }
        }
        // Fibers run in another order than that of arrival if they wait on different channels.
        messages.make_contiguous().sort_unstable_by_key(|waiting: &Waiting| waiting.arrival);
        self.unclaimed = merge(std::mem::take(&mut self.unclaimed), messages);
        events.append(&mut self.unread);
        self.unread = events;
    }

    /// Drops the oldest undelivered messages until so much has gone; gives what went.
    pub(crate) fn drop_oldest(&mut self, channels: &mut Channels<Value>, owed: Excess) -> Excess {
        let mut all = self.take_unclaimed(channels);
        let listen: Vec<_> = self.listen.values().copied().collect();
        for channel in listen {
            all = merge(all, take_messages(channels, channel));
        }
        let mut dropped = Excess::default();
        while dropped.n < owed.n || dropped.bytes < owed.bytes {
            let Some(oldest) = all.pop_front() else { break };
            dropped.n += 1;
            dropped.bytes += oldest.message.size_bytes();
        }
        for waiting in all {
            match self.listen.get(&waiting.message.topic).copied().or(self.inbox) {
                Some(channel) => feed(channels, channel, waiting),
                None => self.unclaimed.push_back(waiting),
            }
        }
        dropped
    }

    fn take_unclaimed(&mut self, channels: &mut Channels<Value>) -> VecDeque<Waiting> {
        match self.inbox {
            Some(channel) => take_messages(channels, channel),
            None => std::mem::take(&mut self.unclaimed),
        }
    }

    fn restore(&mut self, channels: &mut Channels<Value>, messages: VecDeque<Waiting>) {
        match self.inbox {
            Some(channel) => messages.into_iter().for_each(|w| feed(channels, channel, w)),
            None => self.unclaimed = messages,
        }
    }
}

fn take_messages(channels: &mut Channels<Value>, channel: ChannelId) -> VecDeque<Waiting> {
    let taken = std::iter::from_fn(|| channels.take_back(channel));
    let messages = taken.filter_map(|value| match value {
        Value::Message(waiting) => Some(waiting),
        _ => None,
    });
    messages.collect()
}

fn feed(channels: &mut Channels<Value>, channel: ChannelId, waiting: Waiting) {
    let fed = channels.feed(channel, Value::Message(waiting));
    debug_assert!(fed.is_ok(), "mailbox channels are open and without limit");
}

fn feed_event(channels: &mut Channels<Value>, channel: ChannelId, event: Event) {
    let fed = channels.feed(channel, Value::Event(Box::new(event)));
    debug_assert!(fed.is_ok(), "mailbox channels are open and without limit");
}

/// Two lists in order of arrival, as one.
fn merge(mut a: VecDeque<Waiting>, mut b: VecDeque<Waiting>) -> VecDeque<Waiting> {
    let mut merged = VecDeque::with_capacity(a.len() + b.len());
    while let (Some(first), Some(second)) = (a.front(), b.front()) {
        let older = if first.arrival < second.arrival { &mut a } else { &mut b };
        merged.extend(older.pop_front());
    }
    merged.extend(a);
    merged.extend(b);
    merged
}

/// A message left the mailbox for good.
pub(crate) fn delivered(process: &Process, message: &Message) {
    process.backlog.delivered(1, message.size_bytes());
}
