//! Message objects, whose fields can be read (`msg.topic`) and called as methods (`msg:topic()`).
//!
//! A method call is a field read followed by a call of what the field gave, with the message as
//! first argument. So what a field gives may be called, in exactly this way: a string through the
//! metatable of strings, a payload and an array of payloads through their own.

#[cfg(test)]
mod tests;

use std::ffi::c_int;

use super::{errors, payload, process};
use crate::lua::cx::Cx;
use crate::lua::net;
use crate::lua::objects;
use crate::lua::raw::{LuaType, Object, Outcome, Raise, Stack, host};
use crate::lua::transfer;
use crate::process::{CallRef, Message, Pid, kind};

/// Lua values of a message: strings, and the payload.
const TOPIC: c_int = 1;
const FROM: c_int = 2;
const PAYLOAD: c_int = 3;

/// The Rust part of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageObject {
    /// Set while the message can be answered.
    pub(crate) call: Option<CallRef>,
    /// It was a call, and was answered.
    pub(crate) is_answered: bool,
    n_payload: u32,
    /// The payload values have been wrapped: done when a program first looks.
    is_wrapped: bool,
    has_sender: bool,
    /// The last field that was read is `from`: tells an empty topic from a missing sender.
    read_from: bool,
}

impl Object for MessageObject {
    const TAG: u32 = objects::MESSAGE;
    const NAME: &'static str = "Message";
    const N_VALUES: c_int = 3;
}

/// Pushes the object of a message.
pub(crate) fn push(stack: &Stack, cx: &mut Cx, message: &mut Message) {
    let brings = message.attachment.is_some();
    let object = MessageObject {
        call: message.call,
        is_answered: false,
        n_payload: if brings { 1 } else { message.payload.n_values },
        is_wrapped: false,
        has_sender: message.from.is_some(),
        read_from: false,
    };
    stack.new_object(object, build);
    stack.push_bytes(&message.topic);
    stack.set_object_value(-2, TOPIC);
    stack.push_bytes(message.from.map(Pid::text).unwrap_or_default());
    stack.set_object_value(-2, FROM);
    push_plain(stack, cx, message);
    stack.set_object_value(-2, PAYLOAD);
}

/// Pushes what a plain listener receives of a message: nil, the value, or an array of the values;
/// of one that brings a connection, that.
pub(crate) fn push_plain(stack: &Stack, cx: &mut Cx, message: &mut Message) {
    if let Some(attachment) = message.attachment.take() {
        return net::adopt(stack, cx, attachment);
    }
    let payload = &message.payload;
    if payload.n_values < 2 {
        transfer::decode_one(stack, cx, payload);
    } else if transfer::decode_array(stack, cx, payload).is_err() {
        stack.push_nil();
    }
}

/// Makes strings callable, for `msg:topic()`. The string library has been opened before, if it is.
pub(crate) fn install_string_call(stack: &Stack) {
    stack.push_bytes("");
    if !stack.push_metatable(-1) {
        stack.new_table(0, 1);
        stack.push_value(-1);
        stack.set_metatable(-3);
    }
    stack.set_fn(-1, "__call", host!(|stack, _cx| call_string(stack)));
    stack.pop(2);
}

fn build(stack: &Stack) {
    stack.set_fn(-1, "__index", host!(|stack, _cx| index(stack)));
    stack.set_fn(-1, "__newindex", host!(|_stack, _cx| refuse_change()));
    stack.set_fn(-1, "__tostring", host!(|stack, _cx| tostring(stack)));
}

// ---- fields

fn index(stack: &Stack) -> Result<Outcome, Raise> {
    let Some(mut message) = stack.object::<MessageObject>(1) else {
        return Err(Raise::Message("not a Message".to_owned()));
    };
    match stack.bytes(2) {
        Some(b"topic") => stack.object_value(1, TOPIC),
        Some(b"from") => stack.object_value(1, FROM),
        Some(b"payload") => return Ok(push_payload(stack, message)),
        Some(b"reply") => {
            stack.push_fn(host!(poll reply));
            return Ok(Outcome::Return(1));
        }
        _ => {
            stack.push_nil();
            return Ok(Outcome::Return(1));
        }
    };
    message.read_from = stack.bytes(2) == Some(b"from");
    stack.set_object(1, message);
    Ok(Outcome::Return(1))
}

/// Pushes the payload, or the array of payloads, of the message in slot 1.
fn push_payload(stack: &Stack, mut message: MessageObject) -> Outcome {
    stack.object_value(1, PAYLOAD);
    if message.is_wrapped {
        return Outcome::Return(1);
    }
    if message.n_payload < 2 {
        payload::wrap(stack);
    } else {
        for n in 1..=i64::from(message.n_payload) {
            stack.raw_get_int(-1, n);
            payload::wrap(stack);
            stack.raw_set_int(-2, n);
        }
        push_array_metatable(stack);
        stack.set_metatable(-2);
    }
    stack.push_value(-1);
    stack.set_object_value(1, PAYLOAD);
    message.is_wrapped = true;
    stack.set_object(1, message);
    Outcome::Return(1)
}

fn push_array_metatable(stack: &Stack) {
    if stack.kept_table(objects::PAYLOADS) == LuaType::Table {
        return;
    }
    stack.pop(1);
    stack.new_table(0, 2);
    stack.push_bool(false);
    stack.raw_set_field(-2, "__metatable");
    stack.set_fn(-1, "__call", host!(|stack, _cx| call_array(stack)));
    stack.push_value(-1);
    stack.keep_table(objects::PAYLOADS);
}

fn tostring(stack: &Stack) -> Result<Outcome, Raise> {
    let topic = (stack.object_value(1, TOPIC), stack.bytes(-1)).1.unwrap_or_default();
    stack.push_bytes([b"process.Message{topic=", topic, b"}"].concat());
    Ok(Outcome::Return(1))
}

fn refuse_change() -> Result<Outcome, Raise> {
    Err(Raise::Message("cannot modify a Message".to_owned()))
}

// ---- calls of what a field gave

/// The call of a payload or of an array of payloads in slot 1 with the message in slot 2 that it
/// belongs to: leaves the result on the stack. `None` for any other call.
pub(super) fn call_payload(stack: &Stack) -> Option<Outcome> {
    let message = stack.object::<MessageObject>(2)?;
    stack.object_value(2, PAYLOAD);
    if !message.is_wrapped || !stack.raw_equal(1, -1) {
        return None;
    }
    if message.n_payload == 0 {
        stack.push_nil();
    }
    Some(Outcome::Return(1))
}

fn call_array(stack: &Stack) -> Result<Outcome, Raise> {
    call_payload(stack).ok_or_else(|| Raise::Message("attempt to call a table value".to_owned()))
}

/// `s(msg)`: the string again if it is a field of the message, nil if it stands for a missing
/// sender.
fn call_string(stack: &Stack) -> Result<Outcome, Raise> {
    let refuse = || Raise::Message("attempt to call a string value".to_owned());
    let message = stack.object::<MessageObject>(2).ok_or_else(refuse)?;
    stack.object_value(2, TOPIC);
    let is_topic = stack.raw_equal(1, -1);
    stack.object_value(2, FROM);
    let is_from = stack.raw_equal(1, -1);
    if !is_topic && !is_from {
        return Err(refuse());
    }
    if is_from && !message.has_sender && (message.read_from || !is_topic) {
        stack.push_nil();
    } else {
        stack.push_value(1);
    }
    Ok(Outcome::Return(1))
}

// ---- answering

/// `msg:reply(value)`, `msg:reply(nil, err)`. The sending is the process module's.
fn reply(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let Some(message) = stack.object::<MessageObject>(1) else {
        let text = format!("Message expected, got {}", stack.type_name(1));
        return Err(Raise::argument(stack, 1, &text));
    };
    let Some(call) = message.call else {
        return Ok(errors::fail(stack, kind::INVALID, "not a call"));
    };
    if message.is_answered {
        return Ok(errors::fail(stack, kind::INVALID, "already answered"));
    }
    let answer = match errors::to_returned_failure(stack, cx, 3) {
        Some(thrown) => Err(Box::new(thrown.failure)),
        None => match transfer::encode_one(stack, cx, 2, "argument 1") {
            Ok(value) => Ok(value),
            Err(refused) => return Ok(errors::fail(stack, kind::INVALID, refused.to_string())),
        },
    };
    if !process::answer(cx, call, answer) {
        return Ok(errors::fail(stack, kind::NOT_FOUND, "caller is gone"));
    }
    stack.set_object(1, MessageObject { is_answered: true, ..message });
    stack.push_bool(true);
    Ok(Outcome::Return(1))
}
