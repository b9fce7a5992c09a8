//! Select waits on several channels at once and completes exactly one of its cases: the first that
//! is ready, in the order given, or whichever becomes ready first.
//!
//! A case is looked at before any is enrolled as a waiter, and a waiting select is only woken by
//! another fiber or by the runtime, so a select never pairs a send of its own with a receive of its
//! own.

use super::{ChannelId, Channels, Completion, FiberId, ReceiveState, SendState};

/// One thing a select is ready to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case<V> {
    /// Receive from a channel.
    Receive(ChannelId),
    /// Send a value on a channel.
    Send(ChannelId, V),
}

/// Result of [`Channels::select`].
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum SelectOutcome<V> {
    /// A case was completed; the fiber goes on.
    Ready(Completion<V>),
    /// No case was ready, and there is a default; the fiber goes on.
    Default,
    /// A case was completed with a waiting partner. The fiber is suspended, its wake is queued
    /// already.
    HandedOver,
    /// The fiber is suspended until one case completes. Without any case that can, for ever.
    MustWait,
}

/// A case that is ready, and how.
enum Ready {
    Send(SendState),
    Receive(ReceiveState),
}

impl<V> Channels<V> {
    /// Selects for the running fiber among `cases`, which come in priority order and are numbered
    /// from 0. With `default` it does not wait.
    ///
    /// A send case is ready when a receiver waits or the buffer has room; on a closed or fed
    /// channel it never is. A receive case is ready when a value is buffered, a sender waits, or
    /// the channel is closed.
    ///
    /// `cases` is empty afterwards; the values of send cases that were not taken are discarded.
    pub fn select(
        &mut self,
        fiber: FiberId,
        cases: &mut Vec<Case<V>>,
        default: bool,
    ) -> SelectOutcome<V> {
        self.begin_operation(fiber);
        match self.first_ready(cases) {
            Some((index, channel, ready)) => {
                let value = self.take_value(cases, Some(index));
                self.complete_at_once((fiber, index as u32), channel, ready, value)
            }
            None if default => {
                self.take_value(cases, None);
                SelectOutcome::Default
            }
            None => {
                self.wait_on(fiber, cases);
                SelectOutcome::MustWait
            }
        }
    }

    fn first_ready(&self, cases: &[Case<V>]) -> Option<(usize, ChannelId, Ready)> {
        cases.iter().enumerate().find_map(|(index, case)| match *case {
            Case::Receive(id) => match self.receive_state(id) {
                ReceiveState::Empty => None,
                state => Some((index, id, Ready::Receive(state))),
            },
            Case::Send(id, _) => match self.send_state(id) {
                SendState::Full | SendState::Closed | SendState::ReceiveOnly => None,
                state => Some((index, id, Ready::Send(state))),
            },
        })
    }

    /// Empties `cases` and returns the value of `chosen` if it is a send case. The values of the
    /// others are discarded.
    fn take_value(&mut self, cases: &mut Vec<Case<V>>, chosen: Option<usize>) -> Option<V> {
        let mut taken = None;
        for (index, case) in cases.drain(..).enumerate() {
            match case {
                Case::Send(_, value) if Some(index) == chosen => taken = Some(value),
                Case::Send(_, value) => self.discarded.push(value),
                Case::Receive(_) => {}
            }
        }
        taken
    }

    fn complete_at_once(
        &mut self,
        (fiber, case): (FiberId, u32),
        channel: ChannelId,
        ready: Ready,
        value: Option<V>,
    ) -> SelectOutcome<V> {
        match ready {
            Ready::Receive(ReceiveState::Sender(sender)) => {
                self.take_from(sender, (fiber, case));
                SelectOutcome::HandedOver
            }
            Ready::Receive(state) => {
                let buffered = matches!(state, ReceiveState::Buffered);
                let value = buffered.then(|| self.pop_buffered(channel));
                SelectOutcome::Ready(Completion::Received { case, channel, value })
            }
            Ready::Send(state) => {
                let value = value.expect("a send case has a value");
                if let SendState::Receiver(receiver) = state {
                    self.hand_to(receiver, (fiber, case), value);
                    return SelectOutcome::HandedOver;
                }
                self.channels[channel.index].buffer.push(value);
                SelectOutcome::Ready(Completion::Sent { case, channel })
            }
        }
    }

    /// Suspends the fiber on all cases that can become ready.
    fn wait_on(&mut self, fiber: FiberId, cases: &mut Vec<Case<V>>) {
        self.waiters.begin(fiber);
        for (case, entry) in (0..).zip(cases.drain(..)) {
            match entry {
                Case::Receive(id) => self.enrol((fiber, case), id, None),
                Case::Send(id, value) => match self.send_state(id) {
                    SendState::Closed | SendState::ReceiveOnly => self.discarded.push(value),
                    _ => self.enrol((fiber, case), id, Some(value)),
                },
            }
        }
    }
}
