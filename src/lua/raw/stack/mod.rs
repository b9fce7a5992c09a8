//! The typed stack handle: everything a host function may do with Lua values, nothing that can
//! raise.
//!
//! # Invariants
//! * **S1** Each method calls only what cannot raise (raw access, or an allocation under R2), on a
//!   live state that only this thread uses (R5). The indices are the caller's to get right, and
//!   Lua's own checks (`apicheck`, on in debug builds) find a wrong one.

#![expect(unsafe_code, reason = "calls of the C interface about the stack itself; invariant S1")]

mod blank;
mod objects;
mod place;
mod push;
mod read;
mod scalar;
mod scratch;
mod table;
mod thread;

use std::ffi::c_int;
use std::ops::Range;

pub(crate) use read::LuaType;
pub(crate) use scalar::Scalar;
pub(crate) use scratch::Scratch;

use super::ffi::{self, lua_State};
use super::universe::Universe;

/// The registry index for [`Stack::raw_get_int`] and its kin.
pub(crate) const REGISTRY: c_int = ffi::LUA_REGISTRYINDEX;

/// A coroutine's stack, as the host function that it called sees it: index 1 is the first argument.
///
/// Indices are Lua's: positive from the bottom of the current frame, negative from the top. Every
/// method keeps the stack as it says; none raises, yields or runs Lua code (R1). Finalizers of host
/// objects may run inside of any method that allocates; they only take notes.
#[derive(Debug)]
pub(crate) struct Stack {
    l: *mut lua_State,
}

impl Stack {
    /// Wraps a live state.
    ///
    /// # Safety
    /// * `l` belongs to a VM tied to a [`Universe`], and stays alive while the handle is used.
    /// * The universe is inside a host function ([`Universe::enter_host`]), so that pushes are
    ///   granted.
    pub(crate) unsafe fn new(l: *mut lua_State) -> Stack {
        Stack { l }
    }

    pub(crate) fn raw(&self) -> *mut lua_State {
        self.l
    }

    pub(crate) fn universe(&self) -> &Universe {
        // SAFETY: S1.
        unsafe { Universe::of(self.l) }
    }

    #[inline]
    pub(crate) fn top(&self) -> c_int {
        // SAFETY: S1.
        self.height().unwrap_or_else(|| unsafe { ffi::lua_gettop(self.l) })
    }

    pub(crate) fn set_top(&self, index: c_int) {
        // SAFETY: S1; host frames have no to-be-closed slots.
        unsafe { ffi::lua_settop(self.l, index) }
    }

    pub(crate) fn pop(&self, n: c_int) {
        self.set_top(-n - 1);
    }

    pub(crate) fn abs(&self, index: c_int) -> c_int {
        // SAFETY: S1.
        unsafe { ffi::lua_absindex(self.l, index) }
    }

    /// Makes room for `n` more values; false when the stack cannot grow so far.
    #[must_use]
    pub(crate) fn reserve(&self, n: c_int) -> bool {
        // SAFETY: S1; reports failure instead of raising.
        unsafe { ffi::lua_checkstack(self.l, n) != 0 }
    }

    /// Moves the top value to `index`, shifting those above up.
    pub(crate) fn insert(&self, index: c_int) {
        // SAFETY: S1.
        unsafe { ffi::lua_rotate(self.l, index, 1) }
    }

    /// Rotates the values from `index` to the top by `n` places towards the top.
    pub(crate) fn rotate(&self, index: c_int, n: c_int) {
        // SAFETY: S1.
        unsafe { ffi::lua_rotate(self.l, index, n) }
    }

    /// Removes the value at `index`, shifting those above down.
    pub(crate) fn remove(&self, index: c_int) {
        // SAFETY: S1.
        unsafe { ffi::lua_rotate(self.l, index, -1) };
        self.pop(1);
    }

    /// Replaces the value at `index` by the top value, which is popped.
    pub(crate) fn replace(&self, index: c_int) {
        // SAFETY: S1.
        unsafe { ffi::lua_copy(self.l, -1, index) };
        self.pop(1);
    }

    /// Copies the value at `from` over that at `to`.
    pub(crate) fn copy(&self, from: c_int, to: c_int) {
        // SAFETY: S1.
        unsafe { ffi::lua_copy(self.l, from, to) }
    }

    /// Moves the `n` top values to another coroutine of the same VM.
    pub(crate) fn move_to(&self, other: &Stack, n: c_int) {
        // SAFETY: S1; both states belong to one VM, room is the caller's to reserve.
        unsafe { ffi::lua_xmove(self.l, other.l, n) }
    }

    /// The indices from `from` to the top.
    pub(crate) fn rest(&self, from: c_int) -> Range<c_int> {
        from..self.top() + 1
    }

    /// Whether the collector runs by itself: the program has not stopped it.
    pub(crate) fn is_collected(&self) -> bool {
        // SAFETY: S1; only looks.
        unsafe { ffi::lua_gc(self.l, ffi::LUA_GCISRUNNING) != 0 }
    }

    /// A full collection. Finalizers of host objects run; they only take notes.
    pub(crate) fn collect_garbage(&self) {
        // SAFETY: S1; user finalizers do not exist.
        unsafe { ffi::lua_gc(self.l, ffi::LUA_GCCOLLECT) };
    }

    /// Stops the collector; false when it is stopped already.
    pub(crate) fn stop_collector(&self) -> bool {
        // SAFETY: S1.
        unsafe {
            let runs = ffi::lua_gc(self.l, ffi::LUA_GCISRUNNING) != 0;
            if runs {
                ffi::lua_gc(self.l, ffi::LUA_GCSTOP);
            }
            runs
        }
    }

    /// Lets the collector go on after [`Stack::stop_collector`].
    pub(crate) fn restart_collector(&self) {
        // SAFETY: S1.
        unsafe { ffi::lua_gc(self.l, ffi::LUA_GCRESTART) };
    }
}
