//! The outermost function of every fiber: runs the fiber's own function protected, so that its
//! `<close>` variables run, and may wait, before the error is out, and notes the traceback.

#![expect(unsafe_code, reason = "C-shaped functions that call Lua; nothing owned in their frames")]

use std::ffi::c_int;

use super::api::errors::message_handler;
use super::raw::ffi::{self, lua_State};

/// What [`guard`] returns first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The function's first two results follow.
    Returned = 0,
    /// The error object follows.
    Raised = 1,
    /// The memory limit was hit and nobody caught it.
    OutOfMemory = 2,
}

impl Verdict {
    /// From the integer that `guard` returned first.
    pub(crate) fn from_code(code: i64) -> Verdict {
        match code {
            0 => Verdict::Returned,
            1 => Verdict::Raised,
            _ => Verdict::OutOfMemory,
        }
    }
}

/// How many results of a fiber's function mean something: a value and an error.
const N_RESULTS: c_int = 2;

/// Called with a function and its arguments; see [`Verdict`] for the results.
///
/// # Safety
/// Called by Lua only.
pub(crate) unsafe extern "C-unwind" fn guard(l: *mut lua_State) -> c_int {
    // SAFETY: a frame of ours; nothing owned.
    unsafe {
        let n_args = ffi::lua_gettop(l) - 1;
        ffi::lua_pushcfunction(l, message_handler);
        ffi::lua_insert(l, 1);
        let status = ffi::lua_pcallk(l, n_args, ffi::LUA_MULTRET, 1, 0, Some(after));
        after(l, status, 0)
    }
}

unsafe extern "C-unwind" fn after(l: *mut lua_State, status: c_int, _: ffi::lua_KContext) -> c_int {
    // SAFETY: a frame of ours: the handler at 1, results or the error above it; nothing owned.
    unsafe {
        let verdict = match status {
            ffi::LUA_OK | ffi::LUA_YIELD => Verdict::Returned,
            ffi::LUA_ERRMEM => Verdict::OutOfMemory,
            _ => Verdict::Raised,
        };
        // Two results matter. Many would leave no room to work on.
        ffi::lua_settop(l, ffi::lua_gettop(l).min(1 + N_RESULTS));
        ffi::lua_pushinteger(l, verdict as i64);
        ffi::lua_replace(l, 1);
        ffi::lua_gettop(l)
    }
}
