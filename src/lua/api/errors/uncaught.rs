//! What an error that nobody caught becomes: an error object that knows where it was thrown.

#![expect(unsafe_code, reason = "a C-shaped handler, which calls back into Lua and owns nothing")]

use std::ffi::c_int;

use super::failure::plain_text;
use super::object::{DETAILS, KIND, MESSAGE, TRACE, is_error, push_object, retryable};
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::{LuaType, Outcome, Stack, call_host};
use crate::lua::stdlib::push_traceback;
use crate::lua::text::push_text;
use crate::process::kind;

/// The message handler under which a coroutine's body runs: makes an error object of whatever was
/// thrown, with the traceback of the place where it was. An error object that has a trace stays
/// itself.
///
/// It asks an object for its text by `__tostring`, guarded, so that a failing one does no harm.
///
/// # Safety
/// Called by Lua, as the handler of a `lua_pcallk`.
pub(crate) unsafe extern "C-unwind" fn message_handler(l: *mut lua_State) -> c_int {
    // SAFETY: nothing owned is alive here; slot 2 becomes the text of a table.
    unsafe {
        ffi::lua_settop(l, 1);
        let kind = ffi::lua_type(l, 1);
        if kind == ffi::LUA_TLIGHTUSERDATA {
            return 1;
        }
        if kind == ffi::LUA_TTABLE || kind == ffi::LUA_TUSERDATA {
            ffi::lua_pushcfunction(l, tostring);
            ffi::lua_pushvalue(l, 1);
            if ffi::lua_pcall(l, 1, 1, 0) != ffi::LUA_OK {
                ffi::lua_settop(l, 1);
            }
        }
        call_host(l, |stack, _| Ok(describe(stack)))
    }
}

unsafe extern "C-unwind" fn tostring(l: *mut lua_State) -> c_int {
    // SAFETY: called by Lua with one argument; nothing owned.
    unsafe {
        push_text(l, 1);
        1
    }
}

/// Makes the error object for the thrown value in slot 1, whose text is in slot 2 when it has its
/// own.
fn describe(stack: &Stack) -> Outcome {
    stack.set_top(2);
    if is_error(stack, 1) {
        stack.object_value(1, TRACE);
        if stack.bytes(-1).is_some_and(|trace| !trace.is_empty()) {
            stack.push_value(1);
            return Outcome::Return(1);
        }
        push_object(stack, retryable(stack, 1));
        for part in [MESSAGE, KIND, DETAILS] {
            stack.object_value(1, part);
            stack.set_object_value(-2, part);
        }
    } else {
        push_object(stack, None);
        match (stack.kind(1), stack.kind(2)) {
            (LuaType::String, _) => stack.push_value(1),
            (_, LuaType::String) => stack.push_value(2),
            _ => stack.push_bytes(plain_text(stack, 1)),
        }
        stack.set_object_value(-2, MESSAGE);
        stack.push_bytes(kind::INTERNAL);
        stack.set_object_value(-2, KIND);
        if stack.kind(1) == LuaType::Table {
            stack.push_value(1);
            stack.set_object_value(-2, DETAILS);
        }
    }
    push_traceback(stack);
    stack.set_object_value(-2, TRACE);
    Outcome::Return(1)
}
