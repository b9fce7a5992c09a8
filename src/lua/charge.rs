//! What a process holds outside of its Lua heap, counted against its memory limit and its host's:
//! fixed costs of channels, timers, relations and names, and the messages that it will send later
//! or that its builders keep. Undelivered messages meet its own limit when they are sent, so that a
//! flood of them is its senders' trouble and does not starve the receiver of its own heap.

use super::cx::Cx;
use super::raw::{Raise, Stack, Universe};

/// Bytes that are charged for each; above what they take here, with the allocator's share.
const CHANNEL: usize = 192;
const TIMER: usize = 192;
const RELATION: usize = 192;
const NAME: usize = 384;
const SPAWNER: usize = 256;

impl Cx {
    /// What the process holds outside of its Lua heap.
    fn native_bytes(&self) -> usize {
        let step = self.step.get();
        self.channels.len() * CHANNEL
            + self.timers.len() * TIMER
            + self.timers.message_bytes()
            + self.spawners.len() * SPAWNER
            + self.spawners.message_bytes()
            + step.state.n_relations() * RELATION
            + step.process.n_names() * NAME
    }

    /// Brings the charge up to date; cheap where no limit is set.
    #[inline]
    pub(crate) fn update_charge(&self, universe: &Universe) {
        if universe.memory_limit() != usize::MAX {
            self.charge(universe);
        }
    }

    /// The step is over: publishes what the process holds, where its host adds that up.
    #[inline]
    pub(crate) fn publish_charge(&self, universe: &Universe) {
        if universe.has_account() {
            self.charge(universe);
            universe.publish();
        }
    }

    #[inline(never)]
    fn charge(&self, universe: &Universe) {
        universe.set_charged(self.native_bytes());
    }

    /// Before something is made that is charged: raises Lua's own error when there is no room for
    /// it, even after a full collection.
    #[inline]
    pub(crate) fn check_room(&mut self, stack: &Stack) -> Result<(), Raise> {
        if stack.universe().memory_limit() == usize::MAX {
            return Ok(());
        }
        self.make_room(stack)
    }

    fn make_room(&mut self, stack: &Stack) -> Result<(), Raise> {
        self.update_charge(stack.universe());
        if !stack.universe().is_over_limit() {
            return Ok(());
        }
        stack.collect_garbage();
        self.release_garbage(stack.universe().take_garbage());
        self.clear_slots(stack);
        self.update_charge(stack.universe());
        if stack.universe().is_over_limit() {
            return Err(Raise::out_of_memory());
        }
        Ok(())
    }
}
