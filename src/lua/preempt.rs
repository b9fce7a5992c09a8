//! The hook side of slices and kills: what makes running Lua code give way or stop.
//!
//! # Protocol
//! When a slice is over the scheduler's signal handler calls [`arm`] on the worker's own thread,
//! which sets a count hook of one instruction on the running coroutine. The hook takes itself off
//! and yields where that is possible. Where it is not (inside a C function that cannot be
//! suspended) it sets itself again with a longer count, so that the code gives way as soon as it is
//! out; if the process is to die, it raises instead, again and again, so that no `pcall` in between
//! holds it.
//!
//! # Invariants
//! * **H1** `lua_sethook` is the one call that changes a VM and is allowed from a signal handler;
//!   [`arm`] makes no other. It runs on the thread that runs the coroutine.
//! * **H2** A hook-yielded coroutine's stack is not touched before it is resumed: its locals live
//!   there.
//! * **H3** A new coroutine inherits an armed hook, so the hook first asks whether its turn is
//!   over.
//! * **H4** An armed coroutine is not armed again: that visits every call on its stack, so that a
//!   coroutine deep in recursion would get nothing done between two signals of a slice.

#![expect(unsafe_code, reason = "hooks of the Lua VM; invariants H1 to H4")]

use std::ffi::{c_int, c_void};
use std::ptr;

use super::cx::{Cx, TakenIn};
use super::raw::Universe;
use super::raw::ffi::{self, lua_Debug, lua_State};

/// Instructions until the hook looks again where it could not yield.
const RETRY: c_int = 1000;

/// Makes the coroutine `target` give way at its next instruction. One that has a hook already is
/// left alone (H4).
///
/// # Safety
/// Called by a signal handler or by the owner, on the thread that runs `target`, while it is
/// published.
pub unsafe fn arm(target: *mut c_void) {
    let l: *mut lua_State = target.cast();
    // SAFETY: H1; the other two only read a field.
    unsafe {
        let is_armed = ffi::lua_gethookmask(l) != 0
            && ffi::lua_gethook(l)
                .is_some_and(|hook| ptr::fn_addr_eq(hook, give_way as ffi::lua_Hook));
        if !is_armed {
            ffi::lua_sethook(l, Some(give_way), ffi::LUA_MASKCOUNT, 1);
        }
    }
}

/// Makes the running coroutine raise at its next instruction, and on and on, until it is out.
///
/// # Safety
/// `l` is the running coroutine of a VM that is dying.
pub(crate) unsafe fn arm_kill(l: *mut lua_State) {
    // SAFETY: the owner may set a hook at any time.
    unsafe { ffi::lua_sethook(l, Some(give_way), ffi::LUA_MASKCOUNT, 1) };
}

/// Sets the standing hook of builds where no signal arrives: it looks every `count` instructions.
///
/// # Safety
/// `l` is a live coroutine that is not running.
pub(crate) unsafe fn count(l: *mut lua_State, count: u32) {
    let count = c_int::try_from(count).unwrap_or(c_int::MAX);
    // SAFETY: the owner may set a hook at any time.
    unsafe { ffi::lua_sethook(l, Some(count_down), ffi::LUA_MASKCOUNT, count) };
}

unsafe extern "C-unwind" fn give_way(l: *mut lua_State, _: *mut lua_Debug) {
    // SAFETY: called by Lua on the running coroutine; nothing owned in this frame.
    unsafe {
        let universe = Universe::of(l);
        let cx = &mut *universe.owner().cast::<Cx>();
        if !universe.is_dying() && !cx.slice_is_over() {
            ffi::lua_sethook(l, None, 0, 0);
            return;
        }
        let can_yield = ffi::lua_isyieldable(l) != 0 && !universe.is_nested();
        if can_yield {
            ffi::lua_sethook(l, None, 0, 0);
            ffi::lua_yieldk(l, 0, 0, None);
        } else if universe.is_dying() {
            ffi::lua_sethook(l, Some(give_way), ffi::LUA_MASKCOUNT, 1);
            ffi::lua_pushlightuserdata(l, ptr::null_mut());
            ffi::lua_error(l);
        } else {
            if cx.held_up() == TakenIn::Die {
                universe.set_dying();
            }
            ffi::lua_sethook(l, Some(give_way), ffi::LUA_MASKCOUNT, RETRY);
        }
    }
}

unsafe extern "C-unwind" fn count_down(l: *mut lua_State, ar: *mut lua_Debug) {
    // SAFETY: as in `give_way`.
    unsafe {
        let cx = &*Universe::of(l).owner().cast::<Cx>();
        if cx.count_reached() {
            give_way(l, ar);
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::lua::testing::TestVm;

    #[test]
    fn a_hook_that_is_set_is_not_set_again() {
        TestVm::with_bare(|vm| {
            vm.stack(|stack| {
                let l = stack.raw();
                // SAFETY: a live coroutine of this thread that does not run.
                unsafe {
                    arm(l.cast());
                    assert_eq!(ffi::lua_gethookcount(l), 1);
                    ffi::lua_sethook(l, Some(give_way), ffi::LUA_MASKCOUNT, RETRY);
                    arm(l.cast());
                    assert_eq!(ffi::lua_gethookcount(l), RETRY, "as it was (H4)");
                    ffi::lua_sethook(l, None, 0, 0);
                }
            });
        });
    }
}
