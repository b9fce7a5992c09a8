//! What travels in the channels of a process.

use super::cx::Cx;
use super::raw::{Stack, ffi};
use super::registry;
use crate::process::{Event, Message};

/// A value in a channel.
#[derive(Debug)]
pub(crate) enum Value {
    /// A Lua value, kept in the slot of this number.
    Lua(u32),
    /// A message that waits to be received.
    Message(Waiting),
    /// A lifecycle event.
    Event(Box<Event>),
    /// The moment at which a timer fired, in unix nanoseconds.
    Fired(i128),
}

/// An undelivered message; the number tells the order of arrival.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) arrival: u64,
    pub(crate) message: Box<Message>,
}

/// The Lua values that wait in channels.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    free: Vec<u32>,
    n_used: u32,
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

    /// Frees the slot of a value that is not sent after all.
    pub(crate) fn drop_value(&mut self, stack: &Stack, value: Value) {
        if let Value::Lua(slot) = value {
            self.push_kept(stack, slot);
            stack.pop(1);
        }
    }

    /// Frees the slots of values that nobody will receive.
    ///
    /// The loop calls this with the stack of the main coroutine. Where a hook has interrupted that
    /// one nothing may be pushed (H2): the values wait for the next call.
    pub(crate) fn drop_discarded(&mut self, stack: &Stack) {
        if !self.channels.has_discarded() || stack.is_in_lua_code() {
            return;
        }
        while let Some(value) = self.channels.next_discarded() {
            self.drop_value(stack, value);
        }
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
