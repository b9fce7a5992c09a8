//! What becomes of the native part of a host object that Lua has collected.

use super::cx::Cx;
use super::objects;
use super::raw::Garbage;
use super::timers::Token;
use crate::channel::ChannelId;

impl Cx {
    /// Releases what the collector has found unreachable since the last time.
    pub(crate) fn release_garbage(&mut self, found: Vec<Garbage>) {
        for Garbage { tag, id } in found {
            match tag {
                objects::CHANNEL => self.release_channel(ChannelId::from_bits(id)),
                objects::TIMER => self.release_timer(Token(id)),
                objects::SPAWNER => self.spawners.release(id),
                objects::LISTENER | objects::CONN => self.free_socket(id),
                _ => {}
            }
        }
        self.drop_discarded();
    }

    /// Nobody reaches the channel any more: its timer, if it has one, serves nobody.
    fn release_channel(&mut self, channel: ChannelId) {
        if let Some(token) = self.timer_of.remove(&channel) {
            self.stop_timer(token);
        }
        // A mailbox channel is reachable as long as it is open.
        self.channels.free(channel);
    }
}
