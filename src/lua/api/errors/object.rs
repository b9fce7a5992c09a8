//! The error object: its parts and its methods.

#![expect(unsafe_code, reason = "`__concat` calls back into Lua and owns nothing")]

use std::ffi::c_int;

use crate::lua::api::args::object_arg;
use crate::lua::objects;
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::{LuaType, Object, Outcome, Raise, Stack, ThreadTag, call_host, host};

/// Lua values of an error object, from here on: the text that people read.
pub(crate) const MESSAGE: c_int = 1;
/// A string, empty without a kind.
pub(crate) const KIND: c_int = 2;
/// A table or nil.
pub(crate) const DETAILS: c_int = 3;
/// A string; nil or empty without a trace.
pub(crate) const TRACE: c_int = 4;

/// The Rust part of an error object.
#[derive(Clone, Copy, Debug)]
pub(super) struct ErrorObject {
    pub(super) retryable: Option<bool>,
    /// Made in a coroutine of `coroutine.spawn`.
    pub(super) in_spawned: bool,
}

impl Object for ErrorObject {
    const TAG: u32 = objects::ERROR;
    const NAME: &'static str = "error";
    const N_VALUES: c_int = 4;
}

pub(crate) fn is_error(stack: &Stack, index: c_int) -> bool {
    stack.object_tag(index) == Some(objects::ERROR)
}

/// Pushes an error made by the runtime.
pub(crate) fn push_error(
    stack: &Stack,
    kind: &str,
    message: impl AsRef<[u8]>,
    retryable: Option<bool>,
) {
    push_parts(stack, message.as_ref(), kind.as_bytes(), retryable, b"");
}

/// Pushes an error from its parts, without details.
pub(crate) fn push_parts(
    stack: &Stack,
    message: &[u8],
    kind: &[u8],
    retryable: Option<bool>,
    trace: &[u8],
) {
    push_object(stack, retryable);
    for (part, text) in [(MESSAGE, message), (KIND, kind), (TRACE, trace)] {
        stack.push_bytes(text);
        stack.set_object_value(-2, part);
    }
}

/// Pushes the message of the error object at `index`; false (nothing pushed) when it is none.
pub(crate) fn push_message(stack: &Stack, index: c_int) -> bool {
    is_error(stack, index) && {
        stack.object_value(index, MESSAGE);
        true
    }
}

/// `retryable` of the error object at `index`.
pub(crate) fn retryable(stack: &Stack, index: c_int) -> Option<bool> {
    stack.object::<ErrorObject>(index).and_then(|error| error.retryable)
}

pub(super) fn push_object(stack: &Stack, retryable: Option<bool>) {
    let in_spawned = stack.has_tag(ThreadTag::Spawned);
    stack.new_object(ErrorObject { retryable, in_spawned }, build);
}

fn build(stack: &Stack) {
    stack.new_table(0, 8);
    stack.set_fn(-1, "message", host!(|stack, _cx| method_part(stack, MESSAGE)));
    stack.set_fn(-1, "kind", host!(|stack, _cx| method_part(stack, KIND)));
    stack.set_fn(-1, "details", host!(|stack, _cx| method_part(stack, DETAILS)));
    stack.set_fn(-1, "retryable", host!(|stack, _cx| method_retryable(stack)));
    stack.set_fn(-1, "stack", host!(|stack, _cx| method_stack(stack)));
    stack.raw_set_field(-2, "__index");
    stack.set_fn(-1, "__newindex", host!(|_stack, _cx| refuse_change()));
    stack.set_fn(-1, "__tostring", host!(|stack, _cx| method_part(stack, MESSAGE)));
    stack.set_fn(-1, "__concat", concat);
}

fn method_part(stack: &Stack, part: c_int) -> Result<Outcome, Raise> {
    object_arg::<ErrorObject>(stack, 1)?;
    if stack.object_value(1, part) == LuaType::Table {
        // Empty details read as none.
        stack.push_nil();
        if !stack.next(-2) {
            stack.push_nil();
            return Ok(Outcome::Return(1));
        }
        stack.pop(2);
    }
    Ok(Outcome::Return(1))
}

fn method_retryable(stack: &Stack) -> Result<Outcome, Raise> {
    match object_arg::<ErrorObject>(stack, 1)?.retryable {
        Some(retryable) => stack.push_bool(retryable),
        None => stack.push_nil(),
    }
    Ok(Outcome::Return(1))
}

fn method_stack(stack: &Stack) -> Result<Outcome, Raise> {
    object_arg::<ErrorObject>(stack, 1)?;
    stack.object_value(1, MESSAGE);
    stack.object_value(1, TRACE);
    let (message, trace) = (stack.bytes(-2), stack.bytes(-1).unwrap_or_default());
    let mut text = message.unwrap_or_default().to_vec();
    if !trace.is_empty() {
        text.push(b'\n');
        text.extend_from_slice(trace);
    }
    stack.push_bytes(text);
    Ok(Outcome::Return(1))
}

fn refuse_change() -> Result<Outcome, Raise> {
    Err(Raise::Message("cannot modify an error".to_owned()))
}

/// `e .. x` and `x .. e`: error objects become their messages, then Lua concatenates.
unsafe extern "C-unwind" fn concat(l: *mut lua_State) -> c_int {
    // SAFETY: called by Lua only; nothing owned is alive when `lua_concat` raises.
    unsafe {
        call_host(l, |stack, _| prepare_concat(stack));
        ffi::lua_concat(l, 2);
        1
    }
}

/// Leaves two operands for `lua_concat` on the stack, or raises its error with the caller's place,
/// which Lua does not tell for operands of a C function.
pub(crate) fn prepare_concat(stack: &Stack) -> Result<Outcome, Raise> {
    stack.set_top(2);
    for index in [1, 2] {
        if push_message(stack, index) {
            stack.replace(index);
        }
    }
    for index in [1, 2] {
        let is_text = matches!(stack.kind(index), LuaType::String | LuaType::Number);
        if !is_text && !has_concat(stack, index) {
            let name = stack.type_name(index);
            return Err(Raise::Message(format!("attempt to concatenate a {name} value")));
        }
    }
    Ok(Outcome::Return(2))
}

fn has_concat(stack: &Stack, index: c_int) -> bool {
    stack.push_metatable(index) && {
        let found = stack.raw_get_field(-1, "__concat") != LuaType::Nil;
        stack.pop(2);
        found
    }
}
