//! The outermost function of every fiber: runs the fiber's own function protected, so that its
//! `<close>` variables run, and may wait, before the error is out, and notes the traceback.

#![expect(unsafe_code, reason = "C-shaped functions that call Lua; nothing owned in their frames")]

use std::ffi::c_int;

use super::cx::Cx;
use super::raw::ffi::{self, lua_State};
use super::raw::{Outcome, Raise, Stack, Universe, host};

/// What [`guard`] returns first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The function's results follow.
    Returned,
    /// The error value follows, then its text.
    Raised,
    /// The memory limit was hit and nobody caught it.
    OutOfMemory,
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

/// Called with a function and its arguments; see [`Verdict`] for the results.
///
/// # Safety
/// Called by Lua only.
pub(crate) unsafe extern "C-unwind" fn guard(l: *mut lua_State) -> c_int {
    // SAFETY: a frame of ours; nothing owned.
    unsafe {
        let n_args = ffi::lua_gettop(l) - 1;
        ffi::lua_pushcfunction(l, host!(note_traceback));
        ffi::lua_insert(l, 1);
        let status = ffi::lua_pcallk(l, n_args, ffi::LUA_MULTRET, 1, 0, Some(after));
        after(l, status, 0)
    }
}

unsafe extern "C-unwind" fn after(l: *mut lua_State, status: c_int, _: ffi::lua_KContext) -> c_int {
    // SAFETY: a frame of ours: the handler at 1, results or the error above it; nothing owned.
    unsafe {
        if status == ffi::LUA_OK || status == ffi::LUA_YIELD {
            ffi::lua_pushinteger(l, 0);
            ffi::lua_replace(l, 1);
            return ffi::lua_gettop(l);
        }
        if status == ffi::LUA_ERRMEM || is_memory_error(l) {
            ffi::lua_pushinteger(l, 2);
            ffi::lua_replace(l, 1);
            return 1;
        }
        ffi::lua_pushinteger(l, 1);
        ffi::lua_replace(l, 1);
        push_text(l);
        ffi::lua_gettop(l)
    }
}

/// Whether the error on top is the message of an allocation that a limit refused.
unsafe fn is_memory_error(l: *mut lua_State) -> bool {
    // SAFETY: reads the top value; a string is not converted.
    unsafe {
        if Universe::of(l).memory_limit() == usize::MAX || ffi::lua_type(l, -1) != ffi::LUA_TSTRING
        {
            return false;
        }
        let mut len = 0;
        let text = ffi::lua_tolstring(l, -1, &mut len);
        let text = std::slice::from_raw_parts(text.cast::<u8>(), len);
        // Lua's own is bare; the one that a host function raises gets no position either.
        text == b"not enough memory"
    }
}

/// Pushes the text of the error on top, by `tostring`, which may call `__tostring` and fail.
unsafe fn push_text(l: *mut lua_State) {
    // SAFETY: protected; room is part of the minimum that a C function has.
    unsafe {
        if ffi::lua_type(l, -1) == ffi::LUA_TNIL {
            ffi::lua_pushstring(l, c"<no error object>".as_ptr());
            return;
        }
        ffi::lua_pushcfunction(l, to_text);
        ffi::lua_pushvalue(l, -2);
        if ffi::lua_pcall(l, 1, 1, 0) != ffi::LUA_OK {
            ffi::lua_pop(l, 1);
            ffi::lua_pushstring(l, c"<error object that cannot be converted to text>".as_ptr());
        }
    }
}

unsafe extern "C-unwind" fn to_text(l: *mut lua_State) -> c_int {
    // SAFETY: one argument; nothing owned.
    unsafe { ffi::luaL_tolstring(l, 1, std::ptr::null_mut()) };
    1
}

/// The message handler: keeps the traceback, gives the error back unchanged.
fn note_traceback(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    if !stack.universe().is_dying() {
        stack.push_traceback(stack, 1);
        cx.traceback.clear();
        cx.traceback.extend_from_slice(stack.bytes(-1).unwrap_or_default());
        stack.pop(1);
    }
    Ok(Outcome::Return(1))
}
