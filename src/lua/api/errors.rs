//! Error values: the `errors` module, the error objects, and how failures of processes become them.
//!
//! # Concepts
//! * **Message**: the text that people read first; what an error is wherever a string is wanted.
//! * **Trace**: the rest of what `stack()` gives: a line for each context it was wrapped in,
//!   outermost first, and the traceback of the code that made it. Errors made by the runtime have
//!   none.
//! * **Failure**: the same outside of any VM.

mod failure;
mod object;
#[cfg(test)]
mod tests;
mod uncaught;

pub(crate) use failure::{CARRIED_MAX, Thrown, push_failure, to_failure, to_returned_failure};
pub(crate) use object::{
    DETAILS, KIND, MESSAGE, TRACE, is_error, prepare_concat, push_error, push_message, push_parts,
    retryable,
};
pub(crate) use uncaught::message_handler;

use std::ffi::c_int;

use self::object::{ErrorObject, push_object};
use super::args::text_argument;
use super::call_stack;
use super::module::{self, Member, Module};
use crate::lua::raw::{LuaType, Outcome, Raise, Stack, host};
use crate::lua::stdlib::push_traceback;
use crate::process::kind;

/// The module.
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

/// Pushes `nil, err`, the way a function of the runtime fails: retryable is false.
pub(crate) fn fail(stack: &Stack, kind: &str, message: impl AsRef<[u8]>) -> Outcome {
    stack.push_nil();
    push_error(stack, kind, message, Some(false));
    Outcome::Return(2)
}

/// What argument `n` should have been.
fn wrong(stack: &Stack, n: c_int, expected: &str) -> Raise {
    Raise::argument(stack, n, &format!("{expected} expected, got {}", stack.type_name(n)))
}

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
