//! The second argument of `process.cancel`: a deadline, a reason, or both.

use crate::civil::Duration;
use crate::lua::api::time::Span;
use crate::lua::raw::{LuaType, Stack};

/// What a cancel asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) grace_ns: Option<u64>,
    pub(super) reason: Vec<u8>,
}

/// Reads the argument at `index`; the error is the text of an Invalid.
pub(super) fn read(stack: &Stack, index: i32) -> Result<Request, String> {
    match stack.kind(index) {
        LuaType::None | LuaType::Nil => Ok(Request::default()),
        LuaType::Number => {
            Ok(Request { grace_ns: Some(milliseconds(stack, index)?), ..Request::default() })
        }
        LuaType::String => {
            let text = stack.bytes(index).unwrap_or_default();
            match Duration::parse(text) {
                Ok(grace) => Ok(Request { grace_ns: Some(grace_of(grace)?), ..Request::default() }),
                Err(_) => Ok(Request { reason: text.to_vec(), ..Request::default() }),
            }
        }
        LuaType::Table => read_table(stack, index),
        LuaType::Userdata if stack.object::<Span>(index).is_some() => {
            Ok(Request { grace_ns: Some(deadline(stack, index)?), ..Request::default() })
        }
        _ => {
            let got = stack.type_name(index);
            Err(format!("cancel expects a deadline, a reason or a table, got {got}"))
        }
    }
}

fn read_table(stack: &Stack, table: i32) -> Result<Request, String> {
    let mut request = Request::default();
    stack.push_nil();
    while stack.next(table) {
        match stack.bytes(-2) {
            Some(b"deadline") => request.grace_ns = Some(deadline(stack, -1)?),
            Some(b"reason") => {
                let reason = stack.bytes(-1).ok_or_else(|| {
                    format!("cancel reason must be a string, got {}", stack.type_name(-1))
                })?;
                request.reason = reason.to_vec();
            }
            Some(key) => {
                return Err(format!(
                    "cancel option {} is not supported",
                    String::from_utf8_lossy(key)
                ));
            }
            None => {
                let key = stack.number_text(-2).unwrap_or_else(|| stack.type_name(-2));
                return Err(format!("cancel option {key} is not supported"));
            }
        }
        stack.pop(1);
    }
    Ok(request)
}

/// A deadline in a table: milliseconds, a duration text or a Duration.
fn deadline(stack: &Stack, index: i32) -> Result<u64, String> {
    if stack.kind(index) == LuaType::Number {
        return milliseconds(stack, index);
    }
    if let Some(text) = stack.bytes(index) {
        let grace = Duration::parse(text)
            .map_err(|_| format!("invalid cancel deadline: {}", String::from_utf8_lossy(text)))?;
        return grace_of(grace);
    }
    match stack.object::<Span>(index) {
        Some(span) => grace_of(span.0),
        None => Err(format!("invalid cancel deadline: {}", stack.type_name(index))),
    }
}

fn milliseconds(stack: &Stack, index: i32) -> Result<u64, String> {
    let invalid = || {
        let number = stack.number_text(index).unwrap_or_default();
        format!("invalid cancel deadline: {number}")
    };
    if let Some(whole) = stack.integer(index) {
        let ns = u64::try_from(whole).ok().and_then(|ms| ms.checked_mul(1_000_000));
        return ns.filter(|ns| i64::try_from(*ns).is_ok()).ok_or_else(invalid);
    }
    let ns = stack.number(index).unwrap_or(f64::NAN) * 1e6;
    // Rounded up: a tiny deadline is not the one that kills now.
    let legal = (0.0..i64::MAX as f64).contains(&ns);
    if legal { Ok(ns.ceil() as u64) } else { Err(invalid()) }
}

fn grace_of(grace: Duration) -> Result<u64, String> {
    u64::try_from(grace.nanoseconds()).map_err(|_| format!("invalid cancel deadline: {grace}"))
}
