//! The `json` module.
//!
//! Integers stay integers and floats stay floats, both exactly; a number that fits neither is an
//! error. Object keys are written in the order of their bytes, so that equal tables give equal
//! texts.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use super::args::text_argument;
use super::errors;
use super::module::{self, Member, Module};
use crate::lua::raw::{LuaType, Outcome, Raise, Stack, host};
use crate::process::kind;

pub(crate) use decode::decode;
pub(crate) use encode::{Layout, encode};

/// Deepest nesting of arrays and objects, either way.
const DEPTH_MAX: usize = 1000;
/// Longest text, either way, in bytes.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Widest step of indented text.
const INDENT_MAX: i64 = 16;

/// The module.
#[derive(Debug)]
pub(crate) struct Json;

impl Module for Json {
    const NAME: &'static str = "json";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("encode", Member::Function(host!(|stack, _cx| encode_value(stack)))),
        ("decode", Member::Function(host!(|stack, _cx| decode_text(stack)))),
        ("pretty", Member::Function(host!(|stack, _cx| pretty(stack)))),
    ];
}

/// Pushes the `json` module.
pub(crate) fn open(stack: &Stack) {
    module::open::<Json>(stack);
}

/// `json.encode(value [, { indent = n }])`.
fn encode_value(stack: &Stack) -> Result<Outcome, Raise> {
    let layout = match stack.kind(2) {
        LuaType::None | LuaType::Nil => Layout::Compact,
        LuaType::Table => match layout_option(stack) {
            Ok(layout) => layout,
            Err(text) => return Ok(errors::fail(stack, kind::INVALID, text)),
        },
        _ => {
            let text = format!("table expected, got {}", stack.type_name(2));
            return Err(Raise::argument(stack, 2, &text));
        }
    };
    Ok(push_text(stack, layout))
}

/// The layout that the options in slot 2 ask for.
fn layout_option(stack: &Stack) -> Result<Layout, String> {
    if stack.raw_get_field(2, "indent") == LuaType::Nil {
        return Ok(Layout::Compact);
    }
    match stack.integral(-1) {
        Some(0) => Ok(Layout::Compact),
        Some(width @ 1..=INDENT_MAX) => Ok(Layout::Indented(width as usize)),
        _ => Err(format!("indent must be an integer from 0 to {INDENT_MAX}")),
    }
}

/// `json.pretty(value)`.
fn pretty(stack: &Stack) -> Result<Outcome, Raise> {
    Ok(push_text(stack, Layout::Indented(2)))
}

fn push_text(stack: &Stack, layout: Layout) -> Outcome {
    if stack.top() == 0 {
        stack.push_nil();
    }
    match encode(stack, 1, layout) {
        Ok(text) => {
            stack.push_bytes(text);
            Outcome::Return(1)
        }
        Err(text) => errors::fail(stack, kind::INVALID, text),
    }
}

/// `json.decode(text)`.
fn decode_text(stack: &Stack) -> Result<Outcome, Raise> {
    let text = text_argument(stack, 1)?;
    match decode(stack, text) {
        Ok(()) => Ok(Outcome::Return(1)),
        Err(text) => Ok(errors::fail(stack, kind::INVALID, text)),
    }
}
