//! Errors as failures: what leaves a VM with a process that ends, and comes into another.

use std::ffi::c_int;

use super::object::{DETAILS, KIND, MESSAGE, TRACE, is_error, push_parts, retryable};
use crate::lua::cx::Cx;
use crate::lua::raw::{LuaType, Stack};
use crate::lua::text;
use crate::lua::transfer::{self, CannotCross, Carried};
use crate::lua::utf8;
use crate::process::{Failure, kind};

/// Longest message of a failure, in bytes.
pub(super) const MESSAGE_MAX: usize = 64 * 1024;
/// Largest details of a failure in encoded form, in bytes.
pub(crate) const CARRIED_MAX: usize = 1024 * 1024;

/// Pushes what a failure looks like inside a VM.
pub(crate) fn push_failure(stack: &Stack, failure: &Failure) {
    let trace = failure.stack.strip_prefix(failure.message.as_slice());
    let trace = trace.and_then(|rest| rest.strip_prefix(b"\n")).unwrap_or(&failure.stack);
    push_parts(stack, &failure.message, failure.kind.as_bytes(), failure.retryable, trace);
    if let Some(details) = &failure.details {
        transfer::decode_carried(stack, details);
        if stack.kind(-1) == LuaType::Table {
            stack.set_object_value(-2, DETAILS);
        } else {
            stack.pop(1);
        }
    }
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
/// with `__tostring` is known only when [`super::message_handler`] made an error object of it.
pub(crate) fn to_failure(stack: &Stack, cx: &mut Cx, index: c_int) -> Thrown {
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
        let Carried { value, dropped } = transfer::encode_rest(stack, cx, -1, "details");
        thrown.truncated = value.is_none();
        thrown.failure.details = value;
        thrown.dropped = dropped;
    }
    stack.pop(1);
    thrown
}

/// The failure that a second result of a process stands for: a string or an error object.
pub(crate) fn to_returned_failure(stack: &Stack, cx: &mut Cx, index: c_int) -> Option<Thrown> {
    let is_text = stack.kind(index) == LuaType::String;
    (is_text || is_error(stack, index)).then(|| {
        let mut thrown = to_failure(stack, cx, index);
        if is_text {
            thrown.failure.retryable = Some(false);
        }
        thrown
    })
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
    utf8::prefix(text, MESSAGE_MAX)
}

/// The text of a thrown value that is no error object, as far as it is known without running Lua
/// code.
pub(super) fn plain_text(stack: &Stack, index: c_int) -> Vec<u8> {
    match stack.kind(index) {
        LuaType::String => cut(stack.bytes(index).unwrap_or_default()).to_vec(),
        LuaType::Number => stack.number_text(index).unwrap_or_default().into_bytes(),
        LuaType::Boolean => stack.truthy(index).to_string().into_bytes(),
        LuaType::Nil | LuaType::None => b"<no error object>".to_vec(),
        kind => {
            let number = text::number(stack.universe(), stack.pointer(index));
            [kind.name().as_bytes(), b": ", &number].concat()
        }
    }
}
