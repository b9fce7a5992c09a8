//! Where the tables around the current one wait: on the Lua stack, and from some depth on in a
//! table, so that no depth of nesting is too deep.

use std::ffi::c_int;

use crate::lua::raw::{LuaType, Stack};

/// Levels that stay on the Lua stack. Small enough that the stack of a process does not grow much.
const ON_STACK: usize = 40;

/// The levels that do not fit the stack. A level is a fixed number of consecutive stack slots.
#[derive(Debug)]
pub(super) struct Levels {
    /// Stack index of the table that holds them; nil until it is needed.
    table: c_int,
    width: c_int,
    n_spilled: i64,
}

impl Levels {
    /// Pushes one slot for own use. `width`: slots of a level.
    pub(super) fn new(stack: &Stack, width: c_int) -> Levels {
        stack.push_nil();
        Levels { table: stack.top(), width, n_spilled: 0 }
    }

    /// Makes way for a level on top of level `depth` (from 1), whose first slot is `base`: its own
    /// first slot, a table, is on top of the stack. Gives the index where that is now. What lies
    /// between the two stays there or is dropped.
    pub(super) fn enter(&mut self, stack: &Stack, depth: usize, base: c_int) -> c_int {
        if depth < ON_STACK && stack.reserve(8 + 2 * self.width) {
            return stack.top();
        }
        stack.insert(base);
        stack.set_top(base + self.width);
        if stack.kind(self.table) == LuaType::Nil {
            stack.new_table(0, 0);
            stack.replace(self.table);
        }
        // In ascending order, so that the table grows as an array.
        for slot in 1..=self.width {
            stack.push_value(slot - 1 - self.width);
            stack.raw_set_int(self.table, self.slot(self.n_spilled, slot));
        }
        stack.pop(self.width);
        self.n_spilled += 1;
        base
    }

    /// Drops the level whose first slot is `base`, and puts the one below it back at `below`.
    pub(super) fn leave(&mut self, stack: &Stack, base: c_int, below: c_int) {
        if base != below {
            return stack.set_top(below + self.width - 1);
        }
        stack.set_top(base - 1);
        self.n_spilled -= 1;
        for slot in 1..=self.width {
            stack.raw_get_int(self.table, self.slot(self.n_spilled, slot));
        }
    }

    /// Pushes slot `slot` (from 1) of the `n`th spilled level (from 0).
    pub(super) fn push_spilled(&self, stack: &Stack, n: i64, slot: c_int) {
        stack.raw_get_int(self.table, self.slot(n, slot));
    }

    fn slot(&self, n: i64, slot: c_int) -> i64 {
        n * i64::from(self.width) + i64::from(slot)
    }
}
