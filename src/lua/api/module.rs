//! Read-only module tables, whose members come into being when they are first used.
//!
//! # Concepts
//! * **Front**: the table that programs see. It stays empty, so that every access and every
//!   assignment goes through its metatable.
//! * **Store**: a hidden table behind the front's `__index`, made at the first access. Its own
//!   `__index` resolves a member by name and stores it. So a module that is not used costs two
//!   small tables, and a member that was used once is found by Lua alone.
//!
//! `rawget`, `rawlen` and `next` see an empty table; `rawset` is refused as plain assignment is.

#![expect(unsafe_code, reason = "generic functions in C shape, which only call the trampoline")]

use std::ffi::c_int;

use super::names;
use crate::lua::raw::ffi::lua_State;
use crate::lua::raw::{HostFn, LuaType, Outcome, Raise, Stack, call_pure};

/// A member of a module.
#[derive(Clone, Copy)]
pub(crate) enum Member {
    /// A function, made by `host!`.
    Function(HostFn),
    /// A string.
    Text(&'static str),
    /// An integer.
    Integer(i64),
    /// A value that the function pushes, such as a table made by [`open`].
    Value(fn(&Stack)),
}

/// A table that programs can read but not change.
pub(crate) trait Module: 'static {
    /// As messages call it: `errors`, `process.registry`.
    const NAME: &'static str;
    /// All members, in the order in which `pairs` tells them.
    const MEMBERS: &'static [(&'static str, Member)];
}

/// Pushes a module table.
pub(crate) fn open<M: Module>(stack: &Stack) {
    stack.new_table(0, 0);
    stack.new_table(0, 4);
    stack.set_fn(-1, "__index", index::<M>);
    stack.set_fn(-1, "__newindex", refuse::<M>);
    stack.set_fn(-1, "__pairs", pairs::<M>);
    stack.push_bool(false);
    stack.raw_set_field(-2, "__metatable");
    stack.set_metatable(-2);
}

/// Fetches the members of the front on top of the stack that `is_named`.
pub(super) fn fetch<M: Module>(stack: &Stack, is_named: &dyn Fn(&str) -> bool) {
    let front = stack.top();
    for (name, _) in M::MEMBERS.iter().filter(|(name, _)| is_named(name)) {
        push_store::<M>(stack, front);
        stack.push_bytes(name);
        push_member::<M>(stack, front + 1, front + 2);
        stack.set_top(front);
    }
}

/// Pushes the store behind the front at stack index `front`, made at the first call.
fn push_store<M: Module>(stack: &Stack, front: c_int) {
    if !stack.push_metatable(front) {
        stack.new_table(0, 0);
        return;
    }
    if stack.raw_get_field(-1, "__index") != LuaType::Table {
        stack.pop(1);
        stack.new_table(0, 0);
        stack.new_table(0, 1);
        stack.set_fn(-1, "__index", resolve::<M>);
        stack.set_metatable(-2);
        stack.push_value(-1);
        stack.raw_set_field(-3, "__index");
    }
    stack.remove(-2);
}

/// Pushes the member whose name is at index `key`, or nil, and stores it in the table at `store`.
fn push_member<M: Module>(stack: &Stack, store: c_int, key: c_int) {
    let store = stack.abs(store);
    stack.push_value(key);
    if stack.raw_get(store) != LuaType::Nil {
        return;
    }
    let Some(name) = stack.bytes(key) else { return };
    let known = M::MEMBERS.iter().find(|(member, _)| member.as_bytes() == name);
    let Some((_, member)) = known else { return };
    stack.pop(1);
    match *member {
        Member::Function(function) => stack.push_fn(function),
        Member::Text(text) => stack.push_bytes(text),
        Member::Integer(value) => stack.push_int(value),
        Member::Value(push) => push(stack),
    }
    stack.push_value(key);
    stack.push_value(-2);
    stack.raw_set(store);
}

unsafe extern "C-unwind" fn index<M: Module>(l: *mut lua_State) -> c_int {
    let host = |stack: &Stack| {
        stack.set_top(2);
        push_store::<M>(stack, 1);
        push_member::<M>(stack, 3, 2);
        Ok(Outcome::Return(1))
    };
    // SAFETY: called by Lua only, as a metamethod of a front.
    unsafe { call_pure(l, |stack, _| host(stack)) }
}

unsafe extern "C-unwind" fn resolve<M: Module>(l: *mut lua_State) -> c_int {
    let host = |stack: &Stack| {
        stack.set_top(2);
        push_member::<M>(stack, 1, 2);
        Ok(Outcome::Return(1))
    };
    // SAFETY: called by Lua only, as a metamethod of a store.
    unsafe { call_pure(l, |stack, _| host(stack)) }
}

/// `__newindex` of a front; `rawset` goes on as it, too.
pub(super) unsafe extern "C-unwind" fn refuse<M: Module>(l: *mut lua_State) -> c_int {
    let text = || format!("cannot modify read-only table '{}'", M::NAME);
    // SAFETY: called by Lua only, as a metamethod of a front.
    unsafe { call_pure(l, |_, _| Err(Raise::Message(text()))) }
}

/// What refuses assignments to the module table at `index`; none if it is another value.
pub(crate) fn refuser(stack: &Stack, index: c_int) -> Option<HostFn> {
    if stack.kind(index) != LuaType::Table || !stack.push_metatable(index) {
        return None;
    }
    stack.raw_get_field(-1, "__newindex");
    let function = stack.host_function(-1);
    stack.pop(2);
    function.filter(|function| names::is_refuser(*function))
}

unsafe extern "C-unwind" fn pairs<M: Module>(l: *mut lua_State) -> c_int {
    let host = |stack: &Stack| {
        stack.set_top(1);
        stack.push_fn(next::<M>);
        stack.push_value(1);
        stack.push_nil();
        Ok(Outcome::Return(3))
    };
    // SAFETY: called by Lua only, as a metamethod of a front.
    unsafe { call_pure(l, |stack, _| host(stack)) }
}

/// The iterator of [`pairs`]: it leads through the names and shows no table that could be changed.
unsafe extern "C-unwind" fn next<M: Module>(l: *mut lua_State) -> c_int {
    let host = |stack: &Stack| {
        stack.set_top(2);
        let at = stack.bytes(2).map_or(Some(0), |name| {
            let at = M::MEMBERS.iter().position(|(member, _)| member.as_bytes() == name);
            at.map(|at| at + 1)
        });
        let Some((name, _)) = at.and_then(|at| M::MEMBERS.get(at)) else {
            stack.push_nil();
            return Ok(Outcome::Return(1));
        };
        stack.push_bytes(name);
        push_store::<M>(stack, 1);
        push_member::<M>(stack, 4, 3);
        stack.remove(4);
        Ok(Outcome::Return(2))
    };
    // SAFETY: called by Lua only; a program can call it with any arguments, which are checked.
    unsafe { call_pure(l, |stack, _| host(stack)) }
}
