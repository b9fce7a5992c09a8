//! What the runtime does to its channels: it feeds and shuts them, and takes back what nobody has
//! received.

use super::state::Channel;
use super::{ChannelId, Channels, Completion, FiberId, Kind};

impl<V> Channels<V> {
    /// Puts a value into a fed channel. Fibers that wait get it when the batch is settled.
    ///
    /// # Errors
    /// Gives the value back when the channel is closed or freed, is lossy and full, or is not fed
    /// by the runtime.
    pub fn feed(&mut self, id: ChannelId, value: V) -> Result<(), V> {
        if let Some(fiber) = self.take_receiver(id) {
            self.wake(fiber, Completion::Received { case: 0, channel: id, value: Some(value) });
            return Ok(());
        }
        self.enrol_noted();
        let Some(channel) = self.get_mut(id) else { return Err(value) };
        if channel.closed || !channel.is_fed() || !channel.has_room() {
            return Err(value);
        }
        channel.buffer.push(value);
        self.touch(id);
        Ok(())
    }

    /// The short way of [`Channels::feed`]: the fiber that would get the next value if it were fed
    /// now, provided that nothing else can come before it. Its wait is over: the caller wakes it,
    /// as one that has received the value as its case 0.
    #[inline]
    pub fn take_receiver(&mut self, id: ChannelId) -> Option<FiberId> {
        // Nobody has been woken in this batch yet.
        if !self.touched.is_empty() || !self.wakes.is_empty() {
            return None;
        }
        if let Some((fiber, _)) = self.noted.take_if(|(_, noted)| *noted == id) {
            return Some(fiber);
        }
        // What a lossy channel takes depends on what the batch has brought.
        let is_open = |channel: &&Channel<V>| channel.kind == Kind::Fed && !channel.closed;
        let channel = self.get(id).filter(is_open)?;
        // I1: where somebody waits, nothing is buffered.
        let receiver = channel.receivers.first()?;
        // A fiber that waits for several things may choose another that the batch brings.
        if !self.waiters.is_alone(receiver) {
            return None;
        }
        let fiber = self.waiters.get(receiver).fiber;
        self.withdraw(fiber);
        self.touch(id);
        Some(fiber)
    }

    /// Closes a fed channel. What is buffered can still be received. Without effect on a channel
    /// that is closed, freed, or not fed by the runtime.
    pub fn shut(&mut self, id: ChannelId) {
        self.enrol_noted();
        let Some(channel) = self.get_mut(id) else { return };
        if channel.is_fed() && !channel.closed {
            channel.closed = true;
            self.touch(id);
        }
    }

    /// The one and only value of a channel: [`Channels::feed`], then [`Channels::shut`].
    ///
    /// # Errors
    /// As [`Channels::feed`].
    pub fn feed_and_shut(&mut self, id: ChannelId, value: V) -> Result<(), V> {
        self.feed(id, value)?;
        self.shut(id);
        Ok(())
    }

    /// What is buffered, the newest first. A channel that is freed has nothing.
    pub fn buffered(&mut self, id: ChannelId) -> impl Iterator<Item = &mut V> {
        self.get_mut(id).into_iter().flat_map(|channel| channel.buffer.newest_first())
    }

    /// How many values are buffered.
    pub fn n_buffered(&self, id: ChannelId) -> usize {
        self.get(id).map_or(0, |channel| channel.buffer.len())
    }

    /// Takes the oldest value out of the buffer of a fed channel, past all fibers: for messages
    /// that are dropped, or belong to another channel from now on.
    pub fn take_back(&mut self, id: ChannelId) -> Option<V> {
        self.settle();
        self.get_mut(id).filter(|channel| channel.is_fed())?.buffer.pop()
    }
}
