//! Settling a batch: what the runtime has fed and shut meets the fibers that wait for it, once all
//! of it is there. So a message wins over a timer that a select lists after it, though the timer's
//! value came first.
//!
//! # Protocol
//! The fiber that has waited longest chooses first, by its own priority order, among all channels
//! that are ready; then the next. This serves every channel first come, first served as well: the
//! waiters of a channel are ordered by the time they have waited (W2), so when a fiber chooses,
//! everyone before it on any channel that is ready has been served. And who gets what does not
//! depend on the order in which values arrived on different channels.
//!
//! The order in which the fibers then run does: that of the channels in `touched`. So fibers that
//! wait for timers run in the order of the due times.
//!
//! # Ordering
//! `fronts` holds one entry for each channel that is ready and waited on, with the age of the fiber
//! that was its first waiter when the entry was made. That fiber may be served by another channel
//! meanwhile, which only makes the first waiter younger: an entry is never younger than the truth.
//! So if the oldest entry is true, its fiber is the oldest of all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{ChannelId, Channels, Completion, FiberId, Side, Wake};

impl<V> Channels<V> {
    /// Notes that a fed channel has changed, if that concerns a waiter.
    pub(super) fn touch(&mut self, id: ChannelId) {
        let channel = &mut self.channels[id.index];
        if channel.touched == 0 && !channel.receivers.is_empty() {
            self.touched.push(id);
            channel.touched = self.touched.len() as u32;
        }
    }

    /// Ends the batch: re-establishes I1 for all channels.
    #[inline]
    pub(super) fn settle(&mut self) {
        if !self.touched.is_empty() {
            self.settle_touched();
        }
    }

    fn settle_touched(&mut self) {
        if let [id] = self.touched[..] {
            self.touched.clear();
            while let Some(front) = self.front(id) {
                let (_, wake) = self.serve(front);
                self.wakes.push(wake);
            }
            self.channels[id.index].touched = 0;
        } else {
            let touched = std::mem::take(&mut self.touched);
            self.settle_together(&touched);
            for id in touched {
                self.channels[id.index].touched = 0;
            }
        }
    }

    fn settle_together(&mut self, touched: &[ChannelId]) {
        let mut served = Vec::new();
        let mut fronts: BinaryHeap<_> =
            touched.iter().filter_map(|&id| self.entry(id)).map(Reverse).collect();
        while let Some(Reverse((since, position))) = fronts.pop() {
            let id = touched[position as usize - 1];
            let Some(front) = self.front(id) else { continue };
            if self.waiters.since(front) == since {
                served.push(self.serve(front));
            }
            fronts.extend(self.entry(id).map(Reverse));
        }
        served.sort_by_key(|&(position, _)| position);
        for (_, wake) in served {
            self.wakes.push(wake);
        }
    }

    /// The fiber that waits longest on a channel, if the channel is ready.
    fn front(&self, id: ChannelId) -> Option<FiberId> {
        let channel = &self.channels[id.index];
        let first = channel.receivers.first().filter(|_| channel.has_something())?;
        Some(self.waiters.get(first).fiber)
    }

    /// The entry of a channel in `fronts`: the age of its front, and its position in `touched`.
    fn entry(&self, id: ChannelId) -> Option<(u64, u32)> {
        let front = self.front(id)?;
        Some((self.waiters.since(front), self.channels[id.index].touched))
    }

    /// Completes the first case of a waiting fiber that is ready. Returns the position in `touched`
    /// of its channel, and the wake.
    fn serve(&mut self, fiber: FiberId) -> (u32, Wake<V>) {
        let (case, id) = self
            .waiters
            .cases(fiber)
            .filter(|waiter| waiter.side == Side::Receive)
            .find(|waiter| self.channels[waiter.channel.index].has_something())
            .map(|waiter| (waiter.case, waiter.channel))
            .expect("a fiber at the front of a channel that is ready has a ready case");
        self.withdraw(fiber);
        let channel = &mut self.channels[id.index];
        let value = channel.buffer.pop();
        let completion = Completion::Received { case, channel: id, value };
        (channel.touched, Wake { fiber, completion })
    }
}
