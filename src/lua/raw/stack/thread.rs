//! Coroutines: making one, its tags, and whether it can wait or yield.

#![expect(unsafe_code, reason = "calls about coroutines; invariant S1")]

use super::Stack;
use crate::lua::raw::ffi;
use crate::lua::raw::universe::{ThreadTag, Universe};

impl Stack {
    /// Pushes a new coroutine and gives a handle to its stack.
    pub(crate) fn new_thread(&self) -> Stack {
        // SAFETY: S1; granted (R2). The new thread copies the main thread's extra space.
        unsafe { Stack { l: ffi::lua_newthread(self.l) } }
    }

    pub(crate) fn has_tag(&self, tag: ThreadTag) -> bool {
        // SAFETY: S1.
        unsafe { Universe::has_tag(self.l, tag) }
    }

    pub(crate) fn set_tag(&self, tag: ThreadTag, on: bool) {
        // SAFETY: S1.
        unsafe { Universe::set_tag(self.l, tag, on) }
    }

    /// Whether a wait is possible here: every C function between here and the process's own loop
    /// can be suspended.
    pub(crate) fn can_wait(&self) -> bool {
        // SAFETY: S1.
        let yieldable = unsafe { ffi::lua_isyieldable(self.l) != 0 };
        yieldable && !self.universe().is_nested()
    }

    /// Whether this coroutine can yield here, to its resumer at least.
    pub(crate) fn is_yieldable(&self) -> bool {
        // SAFETY: S1.
        unsafe { ffi::lua_isyieldable(self.l) != 0 }
    }
}
