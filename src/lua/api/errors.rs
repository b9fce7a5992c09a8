//! Error values: the `errors` module, the error objects, and how failures of processes become them.
//!
//! # Concepts
//! * **Message**: the text that people read first; what an error is wherever a string is wanted.
//! * **Trace**: the rest of what `stack()` gives: a line for each context it was wrapped in,
//!   outermost first, and the traceback of the code that made it. Errors made by the runtime have
//!   none.
//! * **Failure**: the same outside of any VM.

#![expect(unsafe_code, reason = "C-shaped functions, which call back into Lua and own nothing")]

#[cfg(test)]
mod tests;

use std::ffi::c_int;
use std::ptr;

use super::call_stack;
use super::module::{self, Member, Module};
use crate::lua::objects;
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::{LuaType, Object, Outcome, Raise, Stack, ThreadTag, call_host, host};
use crate::lua::stdlib::push_traceback;
use crate::lua::transfer::{self, CannotCross};
use crate::process::{Failure, kind};

/// Lua values of an error object.
pub(crate) const MESSAGE: c_int = 1;
/// A string, empty without a kind.
pub(crate) const KIND: c_int = 2;
/// A table or nil.
pub(crate) const DETAILS: c_int = 3;
/// A string; nil or empty without a trace.
pub(crate) const TRACE: c_int = 4;

/// Longest message of a failure, in bytes.
const MESSAGE_MAX: usize = 64 * 1024;
/// Largest details of a failure in encoded form, in bytes.
pub(crate) const CARRIED_MAX: usize = 1024 * 1024;

/// The Rust part of an error object.
#[derive(Clone, Copy, Debug)]
struct ErrorObject {
    retryable: Option<bool>,
    /// Made in a coroutine of `coroutine.spawn`.
    in_spawned: bool,
}

impl Object for ErrorObject {
    const TAG: u32 = objects::ERROR;
    const NAME: &'static str = "error";
    const N_VALUES: c_int = 4;
}

pub(crate) struct Errors;

impl Module for Errors {
    const NAME: &'static str = "errors";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("NOT_FOUND", Member::Text(kind::NOT_FOUND)),
        ("ALREADY_EXISTS", Member::Text(kind::ALREADY_EXISTS)),
        ("INVALID", Member::Text(kind::INVALID)),
        ("PERMISSION_DENIED", Member::Text(kind::PERMISSION_DENIED)),
        ("UNAVAILABLE", Member::Text(kind::UNAVAILABLE)),
        ("INTERNAL", Member::Text(kind::INTERNAL)),
        ("CANCELED", Member::Text(kind::CANCELED)),
        ("CONFLICT", Member::Text(kind::CONFLICT)),
        ("TIMEOUT", Member::Text(kind::TIMEOUT)),
        ("RATE_LIMITED", Member::Text(kind::RATE_LIMITED)),
        ("LIMIT_EXCEEDED", Member::Text(kind::LIMIT_EXCEEDED)),
        ("UNKNOWN", Member::Text("")),
        ("new", Member::Function(host!(|stack, _cx| new(stack)))),
        ("wrap", Member::Function(host!(|stack, _cx| wrap(stack)))),
        ("is", Member::Function(host!(|stack, _cx| is(stack)))),
        ("call_stack", Member::Function(host!(|stack, _cx| frames(stack)))),
    ];
}

/// Pushes the `errors` module.
pub(crate) fn open(stack: &Stack) {
    module::open::<Errors>(stack);
}

// ---- for other modules

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

/// Pushes `nil, err`, the way a function of the runtime fails: retryable is false.
pub(crate) fn fail(stack: &Stack, kind: &str, message: impl AsRef<[u8]>) -> Outcome {
    stack.push_nil();
    push_error(stack, kind, message, Some(false));
    Outcome::Return(2)
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

/// Pushes what a failure looks like inside a VM.
pub(crate) fn push_failure(stack: &Stack, failure: &Failure) {
    let trace = failure.stack.strip_prefix(failure.message.as_slice());
    let trace = trace.and_then(|rest| rest.strip_prefix(b"\n")).unwrap_or(&failure.stack);
    push_parts(stack, &failure.message, failure.kind.as_bytes(), failure.retryable, trace);
    if let Some(details) = &failure.details {
        transfer::decode_one(stack, details);
        if stack.kind(-1) == LuaType::Table {
            stack.set_object_value(-2, DETAILS);
        } else {
            stack.pop(1);
        }
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

/// The text of an argument that is declared a string: a string, a number, or an error's message.
/// Argument `n` is replaced by that string.
///
/// # Errors
/// `bad argument #<n> to '<fn>' (string expected, got <type>)`.
pub(crate) fn text_argument(stack: &Stack, n: c_int) -> Result<&[u8], Raise> {
    if let Some(text) = stack.number_text(n) {
        stack.push_bytes(text);
        stack.replace(n);
    } else if push_message(stack, n) {
        stack.replace(n);
    }
    stack.bytes(n).ok_or_else(|| {
        Raise::argument(stack, n, &format!("string expected, got {}", stack.type_name(n)))
    })
}

/// What is known of the end of code that failed.
#[derive(Debug)]
pub(crate) struct Thrown {
    /// What watchers get to see.
    pub(crate) failure: Failure,
    /// The details were too large to carry.
    pub(crate) truncated: bool,
    /// What was left out of the details because it cannot cross.
    pub(crate) dropped: Option<CannotCross>,
}

/// The failure that the thrown value at `index` stands for. Runs no Lua code: the text of a table
/// with `__tostring` is known only when [`message_handler`] made an error object of it.
pub(crate) fn to_failure(stack: &Stack, index: c_int) -> Thrown {
    let index = stack.abs(index);
    let mut thrown = Thrown {
        failure: Failure::new(kind::INTERNAL, plain_text(stack, index)),
        truncated: false,
        dropped: None,
    };
    if is_error(stack, index) {
        thrown.failure = parts_of(stack, index);
        stack.object_value(index, DETAILS);
    } else {
        stack.push_value(index);
    }
    if stack.kind(-1) == LuaType::Table {
        let (details, dropped) = transfer::encode_rest(stack, -1, "details");
        thrown.truncated = details.size_bytes() > CARRIED_MAX;
        thrown.failure.details = (!thrown.truncated).then_some(details);
        thrown.dropped = dropped;
    }
    stack.pop(1);
    thrown
}

/// The failure that a second result of a process stands for: a string or an error object.
pub(crate) fn to_returned_failure(stack: &Stack, index: c_int) -> Option<Thrown> {
    let is_text = stack.kind(index) == LuaType::String;
    (is_text || is_error(stack, index)).then(|| {
        let mut thrown = to_failure(stack, index);
        if is_text {
            thrown.failure.retryable = Some(false);
        }
        thrown
    })
}

// ---- parts

fn push_object(stack: &Stack, retryable: Option<bool>) {
    let in_spawned = stack.has_tag(ThreadTag::Spawned);
    stack.new_object(ErrorObject { retryable, in_spawned }, build);
}

fn parts_of(stack: &Stack, error: c_int) -> Failure {
    let part = |part| {
        stack.object_value(error, part);
        let text = stack.bytes(-1).map(|text| cut(text).to_vec()).unwrap_or_default();
        stack.pop(1);
        text
    };
    let (message, kind, trace) = (part(MESSAGE), part(KIND), part(TRACE));
    let mut stack_text = Vec::new();
    if !trace.is_empty() {
        stack_text = [message.as_slice(), b"\n", trace.as_slice()].concat();
    }
    Failure {
        message,
        kind: String::from_utf8_lossy(&kind).into_owned().into(),
        retryable: retryable(stack, error),
        details: None,
        stack: stack_text,
    }
}

/// At most the first [`MESSAGE_MAX`] bytes, not ending within a character.
fn cut(text: &[u8]) -> &[u8] {
    if text.len() <= MESSAGE_MAX {
        return text;
    }
    let is_inner = |at: &usize| text[*at] & 0xc0 == 0x80;
    let end = (MESSAGE_MAX - 3..=MESSAGE_MAX).rev().find(|at| !is_inner(at));
    &text[..end.unwrap_or(MESSAGE_MAX)]
}

/// The text of a thrown value that is no error object, as far as it is known without running Lua
/// code.
fn plain_text(stack: &Stack, index: c_int) -> Vec<u8> {
    match stack.kind(index) {
        LuaType::String => cut(stack.bytes(index).unwrap_or_default()).to_vec(),
        LuaType::Number => stack.number_text(index).unwrap_or_default().into_bytes(),
        LuaType::Boolean => stack.truthy(index).to_string().into_bytes(),
        LuaType::Nil | LuaType::None => b"<no error object>".to_vec(),
        kind => format!("{}: {:p}", kind.name(), stack.pointer(index)).into_bytes(),
    }
}

fn wrong(stack: &Stack, n: c_int, expected: &str) -> Raise {
    Raise::argument(stack, n, &format!("{expected} expected, got {}", stack.type_name(n)))
}

// ---- the module's functions

fn new(stack: &Stack) -> Result<Outcome, Raise> {
    if stack.kind(1) == LuaType::Table {
        return new_from_fields(stack);
    }
    if stack.kind(1) != LuaType::Number && stack.bytes(1).is_none() && !is_error(stack, 1) {
        return Err(wrong(stack, 1, "string or table"));
    }
    text_argument(stack, 1)?;
    push_object(stack, None);
    stack.push_value(1);
    stack.set_object_value(-2, MESSAGE);
    stack.push_bytes("");
    stack.set_object_value(-2, KIND);
    push_traceback(stack);
    stack.set_object_value(-2, TRACE);
    Ok(Outcome::Return(1))
}

fn new_from_fields(stack: &Stack) -> Result<Outcome, Raise> {
    let field = |name: &str, wanted: LuaType, optional: bool| {
        let found = stack.raw_get_field(1, name);
        if found == wanted || optional && found == LuaType::Nil {
            return Ok(());
        }
        let text = format!("{name} must be a {}, got {}", wanted.name(), stack.type_name(-1));
        Err(Raise::argument(stack, 1, &text))
    };
    stack.set_top(1);
    field("message", LuaType::String, false)?;
    field("kind", LuaType::String, true)?;
    field("details", LuaType::Table, true)?;
    field("retryable", LuaType::Boolean, true)?;
    push_object(stack, stack.boolean(-1));
    for (index, part) in [(2, MESSAGE), (3, KIND), (4, DETAILS)] {
        stack.push_value(index);
        if part == KIND && stack.is_nil(-1) {
            stack.push_bytes("");
            stack.replace(-2);
        }
        stack.set_object_value(-2, part);
    }
    push_traceback(stack);
    stack.set_object_value(-2, TRACE);
    Ok(Outcome::Return(1))
}

fn wrap(stack: &Stack) -> Result<Outcome, Raise> {
    if !is_error(stack, 1) {
        if stack.kind(1) != LuaType::Number && stack.bytes(1).is_none() {
            return Err(wrong(stack, 1, "error or string"));
        }
        let message = text_argument(stack, 1)?;
        push_parts(stack, message, b"", None, b"");
        stack.replace(1);
    }
    text_argument(stack, 2)?;
    stack.set_top(2);
    push_object(stack, retryable(stack, 1));
    for part in [MESSAGE, KIND, DETAILS] {
        stack.object_value(1, part);
        stack.set_object_value(-2, part);
    }
    stack.object_value(1, TRACE);
    if stack.bytes(-1).is_none_or(<[u8]>::is_empty) {
        stack.pop(1);
        push_traceback(stack);
    }
    let context = stack.bytes(2).unwrap_or_default();
    let trace = [context, b"\n", stack.bytes(-1).unwrap_or_default()].concat();
    stack.pop(1);
    stack.push_bytes(trace);
    stack.set_object_value(-2, TRACE);
    Ok(Outcome::Return(1))
}

fn is(stack: &Stack) -> Result<Outcome, Raise> {
    text_argument(stack, 2)?;
    let mut same = false;
    if is_error(stack, 1) {
        stack.object_value(1, KIND);
        same = stack.raw_equal(-1, 2);
    }
    stack.push_bool(same);
    Ok(Outcome::Return(1))
}

fn frames(stack: &Stack) -> Result<Outcome, Raise> {
    let Some(error) = stack.object::<ErrorObject>(1) else {
        stack.push_nil();
        return Ok(Outcome::Return(1));
    };
    stack.object_value(1, TRACE);
    let trace = stack.bytes(-1).unwrap_or_default().to_vec();
    let thread = if error.in_spawned { "spawned" } else { "main" };
    if !call_stack::push(stack, &trace, thread) {
        stack.push_nil();
    }
    Ok(Outcome::Return(1))
}

// ---- error objects

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

fn check_self(stack: &Stack) -> Result<ErrorObject, Raise> {
    stack.object(1).ok_or_else(|| wrong(stack, 1, "error"))
}

fn method_part(stack: &Stack, part: c_int) -> Result<Outcome, Raise> {
    check_self(stack)?;
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
    match check_self(stack)?.retryable {
        Some(retryable) => stack.push_bool(retryable),
        None => stack.push_nil(),
    }
    Ok(Outcome::Return(1))
}

fn method_stack(stack: &Stack) -> Result<Outcome, Raise> {
    check_self(stack)?;
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
pub(super) fn prepare_concat(stack: &Stack) -> Result<Outcome, Raise> {
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

// ---- uncaught errors

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
        ffi::luaL_tolstring(l, 1, ptr::null_mut());
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
