//! How error messages and tracebacks find the names of library functions.
//!
//! Lua looks for a function in the table of loaded libraries, a field of the registry. Most
//! processes never need it, so it is made when Lua first asks: the registry has a metatable for
//! that one miss.

#![expect(
    unsafe_code,
    reason = "called by Lua while host functions run, so it is none; owns nothing"
)]

use std::ffi::c_int;

use super::catalog::Library;
use super::lazy::push_library;
use crate::lua::raw::ffi::lua_State;
use crate::lua::raw::{REGISTRY, Stack};

/// Name of the field in the registry.
const LOADED: &str = "_LOADED";

/// Prepares the registry of a fresh VM.
pub(super) fn open(stack: &Stack) {
    stack.new_table(0, 1);
    stack.set_fn(-1, "__index", missing);
    stack.set_metatable(REGISTRY);
}

/// `__index` of the registry: arguments registry and key.
unsafe extern "C-unwind" fn missing(l: *mut lua_State) -> c_int {
    // SAFETY: a live state. A push may raise when memory is short, which is allowed here, because
    // nothing is owned.
    let stack = unsafe { Stack::new(l) };
    if stack.bytes(2) != Some(LOADED.as_bytes()) {
        return 0;
    }
    stack.new_table(0, Library::ALL.len());
    for library in Library::ALL {
        push_library(&stack, library);
        stack.raw_set_field(-2, library.name());
    }
    stack.push_value(-1);
    stack.raw_set_field(REGISTRY, LOADED);
    1
}
