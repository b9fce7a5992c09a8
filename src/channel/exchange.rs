//! The steps of which operations are made, plain ones and select alike: wait, exchange a value with
//! somebody who waits, wake them.

use super::state::{Channel, ReceiveState, SendState};
use super::waiters::Waiter;
use super::{ChannelId, Channels, Completion, FiberId, Kind, Side, Wake};

impl<V> Channels<V> {
    pub(super) fn get(&self, id: ChannelId) -> Option<&Channel<V>> {
        self.channels.get(id.index).filter(|channel| channel.serial == id.serial)
    }

    pub(super) fn get_mut(&mut self, id: ChannelId) -> Option<&mut Channel<V>> {
        self.channels.get_mut(id.index).filter(|channel| channel.serial == id.serial)
    }

    pub(super) fn send_state(&self, id: ChannelId) -> SendState {
        self.get(id).map_or(SendState::Closed, Channel::send_state)
    }

    pub(super) fn receive_state(&self, id: ChannelId) -> ReceiveState {
        self.get(id).map_or(ReceiveState::Closed, Channel::receive_state)
    }

    /// Before anything that waiting fibers could notice: serves those that the batch has brought
    /// something, and enrols the one whose wait was only noted.
    #[inline]
    pub(super) fn end_batch(&mut self) {
        self.settle();
        self.enrol_noted();
    }

    #[inline]
    pub(super) fn begin_operation(&mut self, fiber: FiberId) {
        self.end_batch();
        debug_assert!(!self.is_waiting(fiber), "{fiber:?} operates while it waits");
    }

    /// The running fiber waits for a value of the channel, which has none.
    #[inline]
    pub(super) fn wait_to_receive(&mut self, fiber: FiberId, id: ChannelId) {
        let channel = &self.channels[id.index];
        if channel.kind == Kind::Fed && channel.receivers.is_empty() {
            self.noted = Some((fiber, id));
        } else {
            self.begin_to_receive(fiber, id);
        }
    }

    /// Enrols the noted wait, if there is one, as any other.
    #[inline]
    pub(super) fn enrol_noted(&mut self) {
        if let Some((fiber, id)) = self.noted.take() {
            self.begin_to_receive(fiber, id);
        }
    }

    #[inline(never)]
    fn begin_to_receive(&mut self, fiber: FiberId, id: ChannelId) {
        self.waiters.begin(fiber);
        self.enrol((fiber, 0), id, None);
    }

    #[inline]
    pub(super) fn wake(&mut self, fiber: FiberId, completion: Completion<V>) {
        self.wakes.push(Wake { fiber, completion });
    }

    /// Adds a case to the wait of a fiber: to send `value`, or to receive.
    pub(super) fn enrol(&mut self, by: (FiberId, u32), id: ChannelId, value: Option<V>) {
        let side = if value.is_some() { Side::Send } else { Side::Receive };
        let list = self.channels[id.index].waiters(side);
        self.waiters.enrol(by, (id, side), value, list);
    }

    /// Hands the value of the running fiber over to a waiting receiver.
    pub(super) fn hand_to(&mut self, receiver: u32, (fiber, case): (FiberId, u32), value: V) {
        let channel = self.waiters.get(receiver).channel;
        self.wake(fiber, Completion::Sent { case, channel });
        self.wake_receiver(receiver, Some(value));
    }

    /// Hands the value of a waiting sender over to the running fiber.
    pub(super) fn take_from(&mut self, sender: u32, (fiber, case): (FiberId, u32)) {
        let channel = self.waiters.get(sender).channel;
        let value = Some(self.waiters.take_value(sender));
        self.wake(fiber, Completion::Received { case, channel, value });
        self.wake_sender(sender);
    }

    /// Takes the oldest buffered value; that of the first waiting sender moves up.
    pub(super) fn pop_buffered(&mut self, id: ChannelId) -> V {
        let channel = &mut self.channels[id.index];
        let value = channel.buffer.pop().expect("the caller has seen a value in the buffer");
        if let Some(sender) = channel.senders.first() {
            channel.buffer.push(self.waiters.take_value(sender));
            self.wake_sender(sender);
        }
        value
    }

    /// Wakes everybody who waits on a channel that is closed or about to be freed. Says whether
    /// there was anybody.
    pub(super) fn wake_all(&mut self, id: ChannelId) -> bool {
        let mut woke = false;
        while let Some(sender) = self.channels[id.index].senders.first() {
            let &Waiter { fiber, case, channel, .. } = self.waiters.get(sender);
            self.withdraw(fiber);
            self.wake(fiber, Completion::SendClosed { case, channel });
            woke = true;
        }
        while let Some(receiver) = self.channels[id.index].receivers.first() {
            self.wake_receiver(receiver, None);
            woke = true;
        }
        woke
    }

    /// Ends the wait of a fiber by one of its cases, which receives.
    fn wake_receiver(&mut self, receiver: u32, value: Option<V>) {
        let &Waiter { fiber, case, channel, .. } = self.waiters.get(receiver);
        self.withdraw(fiber);
        self.wake(fiber, Completion::Received { case, channel, value });
    }

    /// Ends the wait of a fiber by one of its cases, whose value has been taken.
    fn wake_sender(&mut self, sender: u32) {
        let &Waiter { fiber, case, channel, .. } = self.waiters.get(sender);
        self.withdraw(fiber);
        self.wake(fiber, Completion::Sent { case, channel });
    }

    /// Ends the wait of a fiber: takes all its cases out of the lists they are in, and discards the
    /// values that nobody has taken.
    pub(super) fn withdraw(&mut self, fiber: FiberId) {
        let mut case = self.waiters.end(fiber);
        while let Some(index) = case {
            let &Waiter { channel, side, .. } = self.waiters.get(index);
            let list = self.channels[channel.index].waiters(side);
            let value;
            (value, case) = self.waiters.remove(index, list);
            if let Some(value) = value {
                self.discarded.push(value);
            }
        }
    }
}
