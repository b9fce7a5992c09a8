//! The result record of an event: a table with `value` and `error` that also stands for its value.
//!
//! Its metamethods put the value in the place of the record and let Lua do the rest. They are
//! C-shaped, because what Lua does may raise or call Lua code: each prepares its operands in a host
//! function and owns nothing when it goes on.

#![expect(unsafe_code, reason = "C-shaped functions, which call back into Lua and own nothing")]

#[cfg(test)]
mod tests;

use std::ffi::c_int;

use super::errors;
use crate::lua::objects;
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::{LuaType, Outcome, Raise, Stack, call_host};
use crate::lua::text::push_text;
use crate::lua::transfer;
use crate::process::Exit;

/// Pushes the record of an end.
pub(crate) fn push(stack: &Stack, exit: &Exit) {
    stack.new_table(0, 1);
    if let Some(value) = &exit.value {
        transfer::decode_carried(stack, value);
        stack.raw_set_field(-2, "value");
    }
    if let Some(error) = &exit.error {
        errors::push_failure(stack, error);
        stack.raw_set_field(-2, "error");
    }
    if exit.truncated {
        stack.push_bool(true);
        stack.raw_set_field(-2, "truncated");
    }
    mark_record(stack, -1);
}

/// Whether the table at `index` is a result record.
pub(crate) fn is_record(stack: &Stack, index: c_int) -> bool {
    if stack.kind(index) != LuaType::Table || !stack.push_metatable(index) {
        return false;
    }
    stack.kept_table(objects::RESULT);
    let same = stack.raw_equal(-1, -2);
    stack.pop(2);
    same
}

/// Makes the table at `index` a result record.
pub(crate) fn mark_record(stack: &Stack, index: c_int) {
    let index = stack.abs(index);
    if stack.kept_table(objects::RESULT) != LuaType::Table {
        stack.pop(1);
        push_metatable(stack);
        stack.push_value(-1);
        stack.keep_table(objects::RESULT);
    }
    stack.set_metatable(index);
}

fn push_metatable(stack: &Stack) {
    stack.new_table(0, 32);
    stack.push_bool(false);
    stack.raw_set_field(-2, "__metatable");
    let functions: [(&str, ffi::lua_CFunction); 22] = [
        ("__index", index),
        ("__tostring", tostring),
        ("__concat", concat),
        ("__len", len),
        ("__pairs", pairs),
        ("__eq", eq),
        ("__lt", compare::<{ ffi::LUA_OPLT }>),
        ("__le", compare::<{ ffi::LUA_OPLE }>),
        ("__add", binary::<{ ffi::LUA_OPADD }>),
        ("__sub", binary::<{ ffi::LUA_OPSUB }>),
        ("__mul", binary::<{ ffi::LUA_OPMUL }>),
        ("__div", binary::<{ ffi::LUA_OPDIV }>),
        ("__mod", binary::<{ ffi::LUA_OPMOD }>),
        ("__pow", binary::<{ ffi::LUA_OPPOW }>),
        ("__idiv", binary::<{ ffi::LUA_OPIDIV }>),
        ("__band", binary::<{ ffi::LUA_OPBAND }>),
        ("__bor", binary::<{ ffi::LUA_OPBOR }>),
        ("__bxor", binary::<{ ffi::LUA_OPBXOR }>),
        ("__shl", binary::<{ ffi::LUA_OPSHL }>),
        ("__shr", binary::<{ ffi::LUA_OPSHR }>),
        ("__unm", unary::<{ ffi::LUA_OPUNM }>),
        ("__bnot", unary::<{ ffi::LUA_OPBNOT }>),
    ];
    for (name, function) in functions {
        stack.set_fn(-1, name, function);
    }
}

// ---- preparing operands

/// Replaces a record at `index` by its value.
fn unwrap(stack: &Stack, index: c_int) {
    if is_record(stack, index) {
        stack.raw_get_field(index, "value");
        stack.replace(index);
    }
}

/// Replaces both operands by what they stand for.
fn unwrap_both(stack: &Stack) {
    stack.set_top(2);
    unwrap(stack, 1);
    unwrap(stack, 2);
}

/// Whether an operation on the value at `index` can only fail. Such failures are raised here, with
/// the place of the program: from a C function Lua raises them without one.
fn is_hopeless(stack: &Stack, index: c_int) -> bool {
    match stack.kind(index) {
        LuaType::Number | LuaType::String => false,
        LuaType::Table | LuaType::Userdata => {
            let has_metatable = stack.push_metatable(index);
            stack.pop(has_metatable.into());
            !has_metatable
        }
        _ => true,
    }
}

fn prepare_arithmetic(stack: &Stack, operation: c_int, n: c_int) -> Result<Outcome, Raise> {
    unwrap_both(stack);
    stack.set_top(n);
    let has_metatable = (1..=n).any(|index| {
        matches!(stack.kind(index), LuaType::Table | LuaType::Userdata)
            && !is_hopeless(stack, index)
    });
    let hopeless = (1..=n).rev().find(|index| is_hopeless(stack, *index));
    let Some(index) = hopeless.filter(|_| !has_metatable) else { return Ok(Outcome::Return(n)) };
    let is_bitwise = matches!(
        operation,
        ffi::LUA_OPBAND
            | ffi::LUA_OPBOR
            | ffi::LUA_OPBXOR
            | ffi::LUA_OPSHL
            | ffi::LUA_OPSHR
            | ffi::LUA_OPBNOT
    );
    let what = if is_bitwise { "bitwise operation" } else { "arithmetic" };
    let name = stack.type_name(index);
    Err(Raise::Message(format!("attempt to perform {what} on a {name} value")))
}

fn prepare_comparison(stack: &Stack) -> Result<Outcome, Raise> {
    unwrap_both(stack);
    let (a, b) = (stack.kind(1), stack.kind(2));
    let is_plain = a == b && matches!(a, LuaType::Number | LuaType::String);
    let has_metatable = |index| {
        matches!(stack.kind(index), LuaType::Table | LuaType::Userdata)
            && !is_hopeless(stack, index)
    };
    if is_plain || has_metatable(1) || has_metatable(2) {
        return Ok(Outcome::Return(2));
    }
    let (a, b) = (stack.type_name(1), stack.type_name(2));
    Err(Raise::Message(if a == b {
        format!("attempt to compare two {a} values")
    } else {
        format!("attempt to compare {a} with {b}")
    }))
}

fn prepare_len(stack: &Stack) -> Result<Outcome, Raise> {
    unwrap_both(stack);
    stack.set_top(1);
    if stack.kind(1) == LuaType::Number || stack.kind(1) != LuaType::Table && is_hopeless(stack, 1)
    {
        let name = stack.type_name(1);
        return Err(Raise::Message(format!("attempt to get length of a {name} value")));
    }
    Ok(Outcome::Return(1))
}

/// Pushes the table in which a key that the record does not have is looked up, or nil.
fn prepare_index(stack: &Stack) -> Outcome {
    stack.set_top(2);
    let is_own_field = matches!(stack.bytes(2), Some(b"value" | b"error"));
    if is_own_field || !is_record(stack, 1) || stack.raw_get_field(1, "value") != LuaType::Table {
        stack.push_nil();
    }
    Outcome::Return(1)
}

/// Pushes what the text of the record at `index` is the text of.
fn push_subject(stack: &Stack, index: c_int) {
    if stack.raw_get_field(index, "error") == LuaType::Nil {
        stack.pop(1);
        stack.raw_get_field(index, "value");
    }
}

/// Pushes the subject of the operand at `index` if it is a record: whether it did.
unsafe fn push_subject_of(l: *mut lua_State, index: c_int) -> bool {
    let host = |stack: &Stack| {
        if !is_record(stack, index) {
            return Ok(Outcome::Return(0));
        }
        push_subject(stack, index);
        Ok(Outcome::Return(1))
    };
    // SAFETY: called from metamethods only; the closure owns nothing.
    unsafe { call_host(l, |stack, _| host(stack)) == 1 }
}

// ---- metamethods
// Each is called by Lua only, with any arguments if a program got hold of it, which none can: the
// metatable is hidden. When the raw call raises, nothing owned is alive.

unsafe extern "C-unwind" fn index(l: *mut lua_State) -> c_int {
    // SAFETY: see above.
    unsafe {
        call_host(l, |stack, _| Ok(prepare_index(stack)));
        if ffi::lua_type(l, -1) == ffi::LUA_TTABLE {
            ffi::lua_pushvalue(l, 2);
            ffi::lua_gettable(l, -2);
        }
        1
    }
}

unsafe extern "C-unwind" fn tostring(l: *mut lua_State) -> c_int {
    // SAFETY: see above.
    unsafe {
        push_subject_of(l, 1);
        push_text(l, -1);
        1
    }
}

unsafe extern "C-unwind" fn concat(l: *mut lua_State) -> c_int {
    // SAFETY: see above.
    unsafe {
        for index in [1, 2] {
            if push_subject_of(l, index) {
                push_text(l, -1);
                ffi::lua_replace(l, index);
                ffi::lua_settop(l, 2);
            }
        }
        call_host(l, |stack, _| errors::prepare_concat(stack));
        ffi::lua_concat(l, 2);
        1
    }
}

unsafe extern "C-unwind" fn len(l: *mut lua_State) -> c_int {
    // SAFETY: see above.
    unsafe {
        call_host(l, |stack, _| prepare_len(stack));
        ffi::lua_len(l, 1);
        1
    }
}

unsafe extern "C-unwind" fn binary<const OPERATION: c_int>(l: *mut lua_State) -> c_int {
    // SAFETY: see above.
    unsafe {
        call_host(l, |stack, _| prepare_arithmetic(stack, OPERATION, 2));
        ffi::lua_arith(l, OPERATION);
        1
    }
}

unsafe extern "C-unwind" fn unary<const OPERATION: c_int>(l: *mut lua_State) -> c_int {
    // SAFETY: see above.
    unsafe {
        call_host(l, |stack, _| prepare_arithmetic(stack, OPERATION, 1));
        ffi::lua_arith(l, OPERATION);
        1
    }
}

unsafe extern "C-unwind" fn compare<const OPERATION: c_int>(l: *mut lua_State) -> c_int {
    // SAFETY: see above.
    unsafe {
        call_host(l, |stack, _| prepare_comparison(stack));
        let holds = ffi::lua_compare(l, 1, 2, OPERATION);
        ffi::lua_pushboolean(l, holds);
        1
    }
}

unsafe extern "C-unwind" fn eq(l: *mut lua_State) -> c_int {
    let host = |stack: &Stack| {
        let succeeded = |index| {
            is_record(stack, index) && {
                let found = stack.raw_get_field(index, "error");
                stack.pop(1);
                found == LuaType::Nil
            }
        };
        let comparable = succeeded(1) && succeeded(2);
        unwrap_both(stack);
        Ok(Outcome::Return(comparable.into()))
    };
    // SAFETY: see above.
    unsafe {
        let comparable = call_host(l, |stack, _| host(stack)) == 1;
        let equal = comparable && ffi::lua_compare(l, 1, 2, ffi::LUA_OPEQ) != 0;
        ffi::lua_pushboolean(l, equal.into());
        1
    }
}

unsafe extern "C-unwind" fn pairs(l: *mut lua_State) -> c_int {
    let host = |stack: &Stack| {
        stack.set_top(1);
        if stack.raw_get_field(1, "value") != LuaType::Table {
            stack.pop(1);
        }
        Ok(Outcome::Return(0))
    };
    // SAFETY: see above.
    unsafe {
        call_host(l, |stack, _| host(stack));
        if ffi::lua_gettop(l) == 2 && ffi::luaL_getmetafield(l, 2, c"__pairs".as_ptr()) != 0 {
            ffi::lua_insert(l, 2);
            ffi::lua_call(l, 1, 3);
            return 3;
        }
        ffi::lua_pushcfunction(l, next);
        ffi::lua_insert(l, -2);
        ffi::lua_pushnil(l);
        3
    }
}

unsafe extern "C-unwind" fn next(l: *mut lua_State) -> c_int {
    // SAFETY: as above, but a program can get hold of it: the argument is checked.
    unsafe {
        ffi::luaL_checktype(l, 1, ffi::LUA_TTABLE);
        ffi::lua_settop(l, 2);
        if ffi::lua_next(l, 1) != 0 {
            return 2;
        }
        ffi::lua_pushnil(l);
        1
    }
}
