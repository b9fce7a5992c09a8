//! Payloads: a value together with the form that it has, and the `payload` module.

#![expect(unsafe_code, reason = "a C-shaped function, which calls back into Lua and owns nothing")]

#[cfg(test)]
mod tests;

use std::ffi::c_int;

use super::args::text_argument;
use super::json::{self, NoText};
use super::module::{self, Member, Module};
use super::{errors, message};
use crate::lua::cx::Cx;
use crate::lua::objects;
use crate::lua::raw::ffi::lua_State;
use crate::lua::raw::{LuaType, Object, Outcome, Raise, Stack, call_host, host};
use crate::lua::safepoint::{Safepoints, Stopped};
use crate::lua::text::push_text;
use crate::lua::transfer;
use crate::process::kind;

/// What form the value of a payload has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Lua,
    String,
    Json,
    Bytes,
    Error,
}

impl Format {
    const ALL: [Format; 5] =
        [Format::Lua, Format::String, Format::Json, Format::Bytes, Format::Error];

    const fn text(self) -> &'static str {
        match self {
            Format::Lua => "lua/any",
            Format::String => "text/plain",
            Format::Json => "json/plain",
            Format::Bytes => "application/octet-stream",
            Format::Error => "lua/error",
        }
    }

    fn from_text(text: &[u8]) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.text().as_bytes() == text)
    }
}

/// The Rust part of a payload.
#[derive(Clone, Copy, Debug)]
struct Payload {
    format: Format,
}

/// The value in its form: a string for all forms but Lua's.
const FORM: c_int = 1;
/// The Lua value that was decoded from it, so that each call gives the same table.
const DECODED: c_int = 2;

impl Object for Payload {
    const TAG: u32 = objects::PAYLOAD;
    const NAME: &'static str = "Payload";
    const N_VALUES: c_int = 2;
}

pub(crate) struct PayloadModule;

impl Module for PayloadModule {
    const NAME: &'static str = "payload";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("new", Member::Function(host!(new))),
        ("format", Member::Value(module::open::<FormatNames>)),
    ];
}

pub(super) struct FormatNames;

impl Module for FormatNames {
    const NAME: &'static str = "payload.format";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("LUA", Member::Text(Format::Lua.text())),
        ("STRING", Member::Text(Format::String.text())),
        ("JSON", Member::Text(Format::Json.text())),
        ("BYTES", Member::Text(Format::Bytes.text())),
        ("ERROR", Member::Text(Format::Error.text())),
    ];
}

/// Pushes the `payload` module.
pub(crate) fn open(stack: &Stack) {
    module::open::<PayloadModule>(stack);
}

/// Pops a value and pushes the payload around it; around nil an empty one.
pub(crate) fn wrap(stack: &Stack) {
    let format = if errors::is_error(stack, -1) { Format::Error } else { Format::Lua };
    push_form(stack, format);
}

/// Pushes the value of the payload at `index`, which is what crosses to another process; false
/// (nothing pushed) when its form cannot be decoded.
pub(crate) fn push_crossing_data(
    stack: &Stack,
    index: c_int,
    safepoints: &mut Safepoints<'_>,
) -> Result<bool, Stopped> {
    match push_data(stack, index, safepoints) {
        Ok(()) => Ok(true),
        Err(NoText::Fault(_)) => Ok(false),
        Err(NoText::Stopped) => Err(Stopped),
    }
}

/// Pops a value in `format` and pushes the payload around it.
fn push_form(stack: &Stack, format: Format) {
    stack.new_object(Payload { format }, build);
    stack.insert(-2);
    stack.set_object_value(-2, FORM);
}

/// Pushes the Lua value of the payload at `index`.
fn push_data(stack: &Stack, index: c_int, safepoints: &mut Safepoints<'_>) -> Result<(), NoText> {
    let index = stack.abs(index);
    let Some(payload) = stack.object::<Payload>(index) else {
        return Err(NoText::Fault("not a payload".to_owned()));
    };
    if payload.format != Format::Json {
        stack.object_value(index, FORM);
        return Ok(());
    }
    if stack.object_value(index, DECODED) != LuaType::Nil {
        return Ok(());
    }
    stack.pop(1);
    stack.object_value(index, FORM);
    json::decode(stack, stack.bytes(-1).unwrap_or_default(), safepoints)?;
    stack.remove(-2);
    stack.push_value(-1);
    stack.set_object_value(index, DECODED);
    Ok(())
}

fn new(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    stack.set_top(1);
    if stack.object_tag(1) == Some(objects::PAYLOAD) {
        return Ok(Outcome::Return(1));
    }
    transfer::encode_one(stack, cx, 1, "argument 1").map_err(|e| Raise::Message(e.to_string()))?;
    wrap(stack);
    Ok(Outcome::Return(1))
}

// ---- payload objects

fn build(stack: &Stack) {
    stack.new_table(0, 4);
    stack.set_fn(-1, "data", host!(data));
    stack.set_fn(-1, "unmarshal", host!(data));
    stack.set_fn(-1, "get_format", host!(|stack, _cx| get_format(stack)));
    stack.set_fn(-1, "transcode", host!(transcode));
    stack.raw_set_field(-2, "__index");
    stack.set_fn(-1, "__newindex", host!(|_stack, _cx| refuse_change()));
    stack.set_fn(-1, "__call", host!(|stack, _cx| call(stack)));
    stack.set_fn(-1, "__tostring", tostring);
}

fn check_self(stack: &Stack) -> Result<Payload, Raise> {
    stack.object(1).ok_or_else(|| {
        Raise::argument(stack, 1, &format!("Payload expected, got {}", stack.type_name(1)))
    })
}

fn data(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    check_self(stack)?;
    match push_data(stack, 1, &mut Safepoints::new(stack, cx)) {
        Ok(()) => Ok(Outcome::Return(1)),
        Err(why) => Ok(fail(stack, why)),
    }
}

fn get_format(stack: &Stack) -> Result<Outcome, Raise> {
    stack.push_bytes(check_self(stack)?.format.text());
    Ok(Outcome::Return(1))
}

fn transcode(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let payload = check_self(stack)?;
    let wanted = text_argument(stack, 2)?;
    let Some(format) = Format::from_text(wanted) else {
        let text = format!("unknown payload format `{}`", String::from_utf8_lossy(wanted));
        return Ok(errors::fail(stack, kind::INTERNAL, text));
    };
    stack.set_top(1);
    if format == payload.format {
        return Ok(Outcome::Return(1));
    }
    let safepoints = &mut Safepoints::new(stack, cx);
    let data = push_data(stack, 1, safepoints);
    let transcoded = data.and_then(|()| to_form(stack, format, safepoints));
    match transcoded {
        Ok(()) => {
            push_form(stack, format);
            Ok(Outcome::Return(1))
        }
        Err(why) => Ok(fail(stack, why)),
    }
}

fn fail(stack: &Stack, why: NoText) -> Outcome {
    match why {
        NoText::Fault(text) => errors::fail(stack, kind::INTERNAL, text),
        NoText::Stopped => Outcome::Die,
    }
}

/// Replaces the Lua value on top of the stack by its form.
fn to_form(stack: &Stack, format: Format, safepoints: &mut Safepoints<'_>) -> Result<(), NoText> {
    let is_string = stack.kind(-1) == LuaType::String;
    match format {
        Format::Lua => return Ok(()),
        Format::String | Format::Bytes if is_string => return Ok(()),
        Format::Error if errors::is_error(stack, -1) => return Ok(()),
        Format::String => {
            let truth = || stack.boolean(-1).map(|value| value.to_string());
            if let Some(text) = stack.number_text(-1).or_else(truth) {
                stack.push_bytes(text);
                return Ok(());
            }
        }
        Format::Json => {
            let text = json::encode(stack, -1, json::Layout::Compact, safepoints)?;
            return Ok(safepoints.push_bytes(stack, &text)?);
        }
        Format::Bytes | Format::Error => {}
    }
    let text = format!("cannot transcode a {} to `{}`", stack.type_name(-1), format.text());
    Err(NoText::Fault(text))
}

fn refuse_change() -> Result<Outcome, Raise> {
    Err(Raise::Message("cannot modify a Payload".to_owned()))
}

/// `msg:payload()`: the payload that the field gave is called with the message.
fn call(stack: &Stack) -> Result<Outcome, Raise> {
    message::call_payload(stack)
        .ok_or_else(|| Raise::Message("attempt to call a Payload value".to_owned()))
}

/// The text of the value.
unsafe extern "C-unwind" fn tostring(l: *mut lua_State) -> c_int {
    let host = |stack: &Stack| {
        check_self(stack)?;
        stack.object_value(1, FORM);
        Ok(Outcome::Return(1))
    };
    // SAFETY: called by Lua only; nothing owned is alive when `luaL_tolstring` raises.
    unsafe {
        call_host(l, |stack, _| host(stack));
        push_text(l, -1);
        1
    }
}
