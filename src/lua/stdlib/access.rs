//! Reads and writes of tables as Lua's operators do them, for host functions: where a metamethod is
//! a function, it is called through a continuation, so that it may wait and be interrupted.
//!
//! # Concepts
//! * **Plain**: a table without metatable.
//! * **Quiet**: a table whose accesses call no function, so that stock Lua may make them.

#![expect(unsafe_code, reason = "accesses that raise what stock Lua raises; own nothing")]

use std::ffi::c_int;

use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::{Continuation, HostFn, LuaType, Outcome, Raise, Stack, lacks};

/// So many metatables are followed; Lua gives up after as many.
const CHAIN_MAX: usize = 2000;

/// As many for [`is_quiet`], which is asked more often than it pays off: classes have few parents.
const QUIET_CHAIN_MAX: usize = 4;

/// Whether the value at `index` is a table without metatable.
#[inline]
pub(super) fn is_plain(stack: &Stack, index: c_int) -> bool {
    match stack.table_view(index) {
        Some(table) => !table.has_metatable(),
        None => {
            stack.kind(index) == LuaType::Table && {
                let found = stack.push_metatable(index);
                stack.pop(found.into());
                !found
            }
        }
    }
}

/// Whether the value at `index` is a table that is known to have none of these metamethods.
#[inline]
pub(super) fn is_known_to_lack(stack: &Stack, index: c_int, metamethods: u8) -> bool {
    stack.table_view(index).is_some_and(|table| table.is_known_to_lack(metamethods))
}

/// Whether the value at `index` is a table whose elements are read, written and counted without
/// that a function is called.
#[inline]
pub(super) fn is_quiet(stack: &Stack, index: c_int) -> bool {
    is_plain(stack, index)
        || stack.kind(index) == LuaType::Table && has_quiet_metatable(stack, index)
}

fn has_quiet_metatable(stack: &Stack, index: c_int) -> bool {
    let others = lacks::LEN | lacks::NEWINDEX;
    (is_known_to_lack(stack, index, others)
        || !has_metafield(stack, index, "__len") && is_silent(stack, index, "__newindex"))
        && is_silent(stack, index, "__index")
}

/// Whether the metatable of the value at `index` has the field.
pub(super) fn has_metafield(stack: &Stack, index: c_int, name: &str) -> bool {
    let found = push_metafield(stack, index, name);
    stack.pop(found.into());
    found
}

/// Whether the tables that the one at `index` names for an event end without a function.
fn is_silent(stack: &Stack, index: c_int, event: &str) -> bool {
    let top = stack.top();
    stack.push_value(index);
    let mut is_silent = false;
    for _ in 0..QUIET_CHAIN_MAX {
        if stack.kind(-1) != LuaType::Table {
            break;
        }
        if !push_metafield(stack, -1, event) {
            is_silent = true;
            break;
        }
        stack.remove(-2);
    }
    stack.set_top(top);
    is_silent
}

/// Pushes a field of the metatable of the value at `index`; false (nothing pushed) without one.
pub(super) fn push_metafield(stack: &Stack, index: c_int, name: &str) -> bool {
    if !stack.push_metatable(index) {
        return false;
    }
    let found = stack.raw_get_field(-1, name) != LuaType::Nil;
    if found {
        stack.remove(-2);
    } else {
        stack.pop(2);
    }
    found
}

/// Pushes `object[key]`. Where that takes a call the outcome is given that makes it: `then` finds
/// the value on top.
pub(super) fn get(
    stack: &Stack,
    object: c_int,
    key: i64,
    then: Continuation,
) -> Result<(), Outcome> {
    get_by(stack, object, || stack.raw_get_int(-1, key), || stack.push_int(key), then)
}

/// As [`get`], with any key: `raw_get` pushes the field of the table on top.
pub(super) fn get_by(
    stack: &Stack,
    object: c_int,
    raw_get: impl Fn() -> LuaType,
    push_key: impl Fn(),
    then: Continuation,
) -> Result<(), Outcome> {
    stack.push_value(object);
    for _ in 0..CHAIN_MAX {
        let is_table = stack.kind(-1) == LuaType::Table;
        if is_table {
            if raw_get() != LuaType::Nil {
                stack.remove(-2);
                return Ok(());
            }
            stack.pop(1);
        }
        if !push_metafield(stack, -1, "__index") {
            if !is_table {
                break;
            }
            stack.pop(1);
            stack.push_nil();
            return Ok(());
        }
        if stack.kind(-1) == LuaType::Function {
            stack.insert(-2);
            push_key();
            return Err(Outcome::Call { n_args: 2, n_results: 1, then });
        }
        stack.remove(-2);
    }
    push_key();
    Err(Outcome::Through(INDEX, then))
}

/// Pops a value and stores it as `object[key]`, by the outcome that is given; `then` goes on.
pub(super) fn set(stack: &Stack, object: c_int, key: i64, then: Continuation) -> Outcome {
    stack.push_value(object);
    for _ in 0..CHAIN_MAX {
        if stack.kind(-1) == LuaType::Table {
            let found = stack.raw_get_int(-1, key) != LuaType::Nil;
            stack.pop(1);
            if found {
                break;
            }
        }
        if !push_metafield(stack, -1, "__newindex") {
            break;
        }
        if stack.kind(-1) == LuaType::Function {
            // The value, the table, the function: the other way round, and with the key.
            stack.insert(-3);
            stack.insert(-2);
            stack.push_int(key);
            stack.insert(-2);
            return Outcome::Call { n_args: 3, n_results: 0, then };
        }
        stack.remove(-2);
    }
    stack.insert(-2);
    stack.push_int(key);
    stack.insert(-2);
    Outcome::Through(NEW_INDEX, then)
}

/// `#object`. Where that takes a call the outcome is given that makes it: `then` finds the length
/// on top, for [`to_length`].
pub(super) fn length(stack: &Stack, object: c_int, then: Continuation) -> Result<i64, Outcome> {
    let kind = stack.kind(object);
    if kind != LuaType::String && push_metafield(stack, object, "__len") {
        stack.push_value(object);
        stack.push_value(object);
        return Err(Outcome::Call { n_args: 2, n_results: 1, then });
    }
    if matches!(kind, LuaType::Table | LuaType::String) {
        return Ok(i64::try_from(stack.raw_len(object)).unwrap_or(i64::MAX));
    }
    stack.push_value(object);
    Err(Outcome::Through(LENGTH, then))
}

/// Pops what a metamethod gave as a length.
pub(super) fn to_length(stack: &Stack) -> Result<i64, Raise> {
    let length = stack.to_integer(-1);
    stack.pop(1);
    length.ok_or_else(|| Raise::Message("object length is not an integer".to_owned()))
}

/// Replaces an object and a key on top by the value.
const INDEX: HostFn = index;

unsafe extern "C-unwind" fn index(l: *mut lua_State) -> c_int {
    // SAFETY: called by `Outcome::Through` with these two on top; nothing owned, so it may raise.
    unsafe {
        ffi::lua_gettable(l, -2);
        ffi::lua_copy(l, -1, -2);
        ffi::lua_settop(l, -2);
    }
    1
}

/// Pops an object, a key and a value.
const NEW_INDEX: HostFn = new_index;

unsafe extern "C-unwind" fn new_index(l: *mut lua_State) -> c_int {
    // SAFETY: as in `index`, with these three.
    unsafe {
        ffi::lua_settable(l, -3);
        ffi::lua_settop(l, -2);
    }
    0
}

/// Replaces an object on top by its length.
const LENGTH: HostFn = len;

unsafe extern "C-unwind" fn len(l: *mut lua_State) -> c_int {
    // SAFETY: as in `index`, with this one.
    unsafe {
        ffi::lua_len(l, -1);
        ffi::lua_copy(l, -1, -2);
        ffi::lua_settop(l, -2);
    }
    1
}
