//! What travels in the channels of a process.

use super::cx::Cx;
use super::raw::{Stack, ffi};
use super::registry;
use crate::process::{Event, Letter};

/// A value in a channel.
#[derive(Debug)]
pub(crate) enum Value {
    /// A Lua value, kept in the slot of this number.
    Lua(u32),
    /// A message that waits to be received.
    Message(Waiting),
    /// A lifecycle event.
    Event(Box<Event>),
    /// The moment at which a timer fired.
    Fired(Moment),
}

/// Unix nanoseconds, aligned such that a [`Value`] takes three words and not four.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(8))]
pub(crate) struct Moment(pub(crate) i128);

const _: () = assert!(size_of::<Value>() == 24);

/// An undelivered message; the number tells the order of arrival.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) arrival: u64,
    pub(crate) message: Letter,
}

/// The Lua values that wait in channels: the numbers of their slots in a table of the registry.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    free: Vec<u32>,
    /// Slots whose values nobody will receive. They are cleared by the next host function: between
    /// two steps no stack of the process may be touched, as code may be interrupted on any of them.
    stale: Vec<u32>,
    n_used: u32,
}

impl Slots {
    pub(crate) fn has_stale(&self) -> bool {
        !self.stale.is_empty()
    }
}

impl Cx {
    /// Pops a value and keeps it in a slot.
    pub(crate) fn keep(&mut self, stack: &Stack) -> Value {
        let slots = &mut self.slots;
        let slot = slots.free.pop().unwrap_or_else(|| {
            slots.n_used += 1;
            slots.n_used
        });
        push_slots(stack);
        stack.insert(-2);
        stack.raw_set_int(-2, slot.into());
        stack.pop(1);
        Value::Lua(slot)
    }

    /// Pushes the value of a slot and frees it.
    pub(crate) fn push_kept(&mut self, stack: &Stack, slot: u32) {
        push_slots(stack);
        stack.raw_get_int(-1, slot.into());
        stack.push_nil();
        stack.raw_set_int(-3, slot.into());
        stack.remove(-2);
        self.slots.free.push(slot);
    }

    /// Lets go of a value that is not sent after all.
    pub(crate) fn drop_value(&mut self, value: Value) {
        if let Value::Lua(slot) = value {
            self.slots.stale.push(slot);
        }
    }

    /// Lets go of the values that nobody will receive.
    pub(crate) fn drop_discarded(&mut self) {
        while let Some(value) = self.channels.next_discarded() {
            self.drop_value(value);
        }
    }

    /// Frees the slots of values that were let go.
    pub(crate) fn clear_slots(&mut self, stack: &Stack) {
        if !self.slots.has_stale() {
            return;
        }
        push_slots(stack);
        for slot in std::mem::take(&mut self.slots.stale) {
            stack.push_nil();
            stack.raw_set_int(-2, slot.into());
            self.slots.free.push(slot);
        }
        stack.pop(1);
    }
}

fn push_slots(stack: &Stack) {
    if stack.raw_get_int(ffi::LUA_REGISTRYINDEX, registry::VALUES) != super::raw::LuaType::Table {
        stack.pop(1);
        stack.new_table(1, 0);
        stack.push_value(-1);
        stack.raw_set_int(ffi::LUA_REGISTRYINDEX, registry::VALUES);
    }
}
