//! The `logger` module: log records of programs, on stderr with those of the runtime.

use std::borrow::Cow;

use super::args::text_arg;
use super::module::{Member, Module};
use crate::lua::cx::Cx;
use crate::lua::objects;
use crate::lua::raw::{LuaType, Object, Outcome, Raise, Stack, host};

/// The module.
#[derive(Debug)]
pub(crate) struct LoggerModule;

impl Module for LoggerModule {
    const NAME: &'static str = "logger";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("debug", Member::Function(host!(debug))),
        ("info", Member::Function(host!(info))),
        ("warn", Member::Function(host!(warn))),
        ("error", Member::Function(host!(error))),
        ("with", Member::Function(host!(with))),
        ("named", Member::Function(host!(named))),
    ];
}

/// A logger with fields or a name; its Lua values are the text of its fields, and its name.
#[derive(Clone, Copy, Debug)]
struct Logger;

impl Object for Logger {
    const TAG: u32 = objects::LOGGER;
    const NAME: &'static str = "Logger";
    const N_VALUES: i32 = 2;
}

fn build_logger(stack: &Stack) {
    stack.new_table(0, 8);
    stack.set_fn(-1, "debug", host!(debug));
    stack.set_fn(-1, "info", host!(info));
    stack.set_fn(-1, "warn", host!(warn));
    stack.set_fn(-1, "error", host!(error));
    stack.set_fn(-1, "with", host!(with));
    stack.set_fn(-1, "named", host!(named));
    stack.raw_set_field(-2, "__index");
}

/// What a call starts from: the logger it was called on, or none; and where its arguments begin.
struct Base {
    fields: String,
    name: String,
    arg: i32,
}

fn base(stack: &Stack) -> Base {
    if stack.object::<Logger>(1).is_none() {
        // `logger.info(…)` or `logger:info(…)`: the module itself is a table, as are the fields
        // that `logger.with(…)` takes alone.
        let is_module = stack.kind(1) == LuaType::Table && stack.top() > 1;
        let arg = if is_module { 2 } else { 1 };
        return Base { fields: String::new(), name: String::new(), arg };
    }
    let text = |n| {
        stack.object_value(1, n);
        let text = String::from_utf8_lossy(stack.bytes(-1).unwrap_or_default()).into_owned();
        stack.pop(1);
        text
    };
    Base { fields: text(1), name: text(2), arg: 2 }
}

fn debug(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    log(stack, cx, tracing::Level::DEBUG)
}

fn info(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    log(stack, cx, tracing::Level::INFO)
}

fn warn(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    log(stack, cx, tracing::Level::WARN)
}

fn error(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    log(stack, cx, tracing::Level::ERROR)
}

fn log(stack: &Stack, cx: &mut Cx, level: tracing::Level) -> Result<Outcome, Raise> {
    let base = base(stack);
    let message = text_arg(stack, base.arg)?;
    let mut fields = base.fields;
    add_fields(stack, base.arg + 1, &mut fields)?;
    let message = escaped(&message);
    let place = stack.place(1);
    let record = Record {
        message: &message,
        fields: &fields,
        name: &base.name,
        place: place.trim_end_matches(": "),
    };
    record.write(cx, level);
    Ok(Outcome::Return(0))
}

struct Record<'a> {
    message: &'a str,
    fields: &'a str,
    name: &'a str,
    place: &'a str,
}

impl Record<'_> {
    fn write(&self, cx: &Cx, level: tracing::Level) {
        let process = cx.process();
        let (pid, entry) = (process.pid(), process.entry());
        let logger = if self.name.is_empty() { "" } else { " logger=" };
        let text = format!("{}{}{logger}{}", self.message, self.fields, self.name);
        let at = self.place;
        match level {
            tracing::Level::ERROR => tracing::error!(%pid, %entry, at, "{text}"),
            tracing::Level::WARN => tracing::warn!(%pid, %entry, at, "{text}"),
            tracing::Level::INFO => tracing::info!(%pid, %entry, at, "{text}"),
            _ => tracing::debug!(%pid, %entry, at, "{text}"),
        }
    }
}

/// Appends ` key=value` for each field of the table at argument `n`, in order of the keys.
fn add_fields(stack: &Stack, n: i32, fields: &mut String) -> Result<(), Raise> {
    match stack.kind(n) {
        LuaType::None | LuaType::Nil => return Ok(()),
        LuaType::Table => {}
        _ => {
            let what = format!("table expected, got {}", stack.type_name(n));
            return Err(Raise::argument(stack, n, &what));
        }
    }
    let mut pairs = Vec::new();
    stack.push_nil();
    while stack.next(n) {
        pairs.push((value_text(stack, -2), value_text(stack, -1)));
        stack.pop(1);
    }
    pairs.sort();
    for (key, value) in pairs {
        let key = escaped(key.as_bytes());
        fields.push_str(&format!(" {key}={}", delimited(value)));
    }
    Ok(())
}

/// A value that ends where a reader sees it end: in quotes, with escapes, where that is not plain.
fn delimited(value: String) -> String {
    let is_plain = |c: char| !(c.is_control() || [' ', '=', '"'].contains(&c));
    if !value.is_empty() && value.chars().all(is_plain) { value } else { format!("{value:?}") }
}

/// The text of a key or value, as it is.
fn value_text(stack: &Stack, index: i32) -> String {
    if let Some(text) = stack.bytes(index) {
        return cut(text).into_owned();
    }
    if let Some(number) = stack.number_text(index) {
        return number;
    }
    if let Some(value) = stack.boolean(index) {
        return value.to_string();
    }
    if super::errors::push_message(stack, index) {
        let message = cut(stack.bytes(-1).unwrap_or_default()).into_owned();
        stack.pop(1);
        return message;
    }
    stack.type_name(index)
}

/// Texts of programs in the log are at most this long.
const TEXT_BYTES_MAX: usize = 16 << 10;

fn cut(text: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&text[..text.len().min(TEXT_BYTES_MAX)])
}

/// A text of a program, cut, and without control characters.
pub(crate) fn escaped(text: &[u8]) -> String {
    let cut = cut(text);
    let mut escaped = String::with_capacity(cut.len());
    for c in cut.chars() {
        if c.is_control() {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn with(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let Base { mut fields, name, arg } = base(stack);
    if stack.kind(arg) != LuaType::Table {
        let what = format!("table expected, got {}", stack.type_name(arg));
        return Err(Raise::argument(stack, arg, &what));
    }
    add_fields(stack, arg, &mut fields)?;
    push(stack, &fields, &name);
    Ok(Outcome::Return(1))
}

fn named(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let Base { fields, name, arg } = base(stack);
    let part = escaped(&text_arg(stack, arg)?);
    let name = if name.is_empty() { part } else { format!("{name}.{part}") };
    push(stack, &fields, &name);
    Ok(Outcome::Return(1))
}

fn push(stack: &Stack, fields: &str, name: &str) {
    stack.new_object(Logger, build_logger);
    stack.push_bytes(fields);
    stack.set_object_value(-2, 1);
    stack.push_bytes(name);
    stack.set_object_value(-2, 2);
}
