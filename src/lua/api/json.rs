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
use crate::lua::cx::Cx;
use crate::lua::raw::{LuaType, Outcome, Raise, Stack, host};
use crate::lua::safepoint::{STRETCH, Safepoints, Stopped};
use crate::lua::utf8;
use crate::process::kind;

pub(crate) use decode::decode;
pub(crate) use encode::{Layout, encode};

/// Deepest nesting of arrays and objects, either way.
const DEPTH_MAX: usize = 1000;
/// Longest text, either way, in bytes.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Widest step of indented text.
const INDENT_MAX: i64 = 16;

/// Why a value has no text, or a text no value.
#[derive(Debug)]
pub(crate) enum NoText {
    /// What is wrong with it.
    Fault(String),
    Stopped,
}

impl From<Stopped> for NoText {
    fn from(Stopped: Stopped) -> NoText {
        NoText::Stopped
    }
}

/// The module.
#[derive(Debug)]
pub(crate) struct Json;

impl Module for Json {
    const NAME: &'static str = "json";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("encode", Member::Function(host!(encode_value))),
        ("decode", Member::Function(host!(decode_text))),
        ("pretty", Member::Function(host!(pretty))),
    ];
}

/// Pushes the `json` module.
pub(crate) fn open(stack: &Stack) {
    module::open::<Json>(stack);
}

/// `json.encode(value [, { indent = n }])`.
fn encode_value(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
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
    Ok(push_text(stack, cx, layout))
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
fn pretty(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    Ok(push_text(stack, cx, Layout::Indented(2)))
}

fn push_text(stack: &Stack, cx: &mut Cx, layout: Layout) -> Outcome {
    if stack.top() == 0 {
        stack.push_nil();
    }
    let safepoints = &mut Safepoints::new(stack, cx);
    let text = encode(stack, 1, layout, safepoints);
    match text.and_then(|text| Ok(safepoints.push_bytes(stack, &text)?)) {
        Ok(()) => Outcome::Return(1),
        Err(NoText::Fault(text)) => errors::fail(stack, kind::INVALID, text),
        Err(NoText::Stopped) => Outcome::Die,
    }
}

/// `json.decode(text)`.
fn decode_text(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let text = text_argument(stack, 1)?;
    match decode(stack, text, &mut Safepoints::new(stack, cx)) {
        Ok(()) => Ok(Outcome::Return(1)),
        Err(NoText::Fault(text)) => Ok(errors::fail(stack, kind::INVALID, text)),
        Err(NoText::Stopped) => Ok(Outcome::Die),
    }
}

/// As many of the first bytes as make a stretch.
fn first_piece(bytes: &[u8]) -> &[u8] {
    utf8::prefix(bytes, STRETCH)
}
