//! Durations: the object, its methods, and the other forms that an argument may have.

use crate::civil::Duration;
use crate::lua::api::args::object_arg;
use crate::lua::api::refused::fail;
use crate::lua::cx::Cx;
use crate::lua::objects;
use crate::lua::raw::{Object, Outcome, Raise, Stack, host};
use crate::process::kind;

/// A Duration object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span(pub(crate) Duration);

impl Object for Span {
    const TAG: u32 = objects::DURATION;
    const NAME: &'static str = "Duration";
    const N_VALUES: i32 = 0;
}

pub(crate) fn push_duration(stack: &Stack, duration: Duration) {
    stack.new_object(Span(duration), build_duration);
}

/// A duration argument in nanoseconds; the error is the text of an Invalid.
pub(crate) fn duration_arg(stack: &Stack, n: i32) -> Result<i64, String> {
    read_duration(stack, n).map(Duration::nanoseconds)
}

pub(super) fn read_duration(stack: &Stack, n: i32) -> Result<Duration, String> {
    if let Some(text) = stack.bytes(n) {
        return Duration::parse(text).map_err(|error| error.to_string());
    }
    if let Some(nanoseconds) = stack.integer(n) {
        return Ok(Duration::from_nanos(nanoseconds));
    }
    if let Some(nanoseconds) = stack.number(n) {
        return Duration::from_f64(nanoseconds).map_err(|error| error.to_string());
    }
    match stack.object::<Span>(n) {
        Some(span) => Ok(span.0),
        None => Err("duration must be number or string".to_owned()),
    }
}

/// A duration as messages write it.
pub(crate) fn duration_text(nanoseconds: i64) -> String {
    Duration::from_nanos(nanoseconds).to_string()
}

pub(super) fn parse_duration(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    match read_duration(stack, 1) {
        Ok(duration) => {
            push_duration(stack, duration);
            Ok(Outcome::Return(1))
        }
        Err(text) => fail(stack, kind::INVALID, text),
    }
}

fn build_duration(stack: &Stack) {
    stack.new_table(0, 8);
    for (name, function) in [
        ("nanoseconds", host!(nanoseconds)),
        ("microseconds", host!(microseconds)),
        ("milliseconds", host!(milliseconds)),
        ("seconds", host!(seconds)),
        ("minutes", host!(minutes)),
        ("hours", host!(hours)),
    ] {
        stack.set_fn(-1, name, function);
    }
    stack.raw_set_field(-2, "__index");
    stack.set_fn(-1, "__tostring", host!(text));
}

fn whole(stack: &Stack, value: impl Fn(Duration) -> i64) -> Result<Outcome, Raise> {
    let span = object_arg::<Span>(stack, 1)?;
    stack.push_int(value(span.0));
    Ok(Outcome::Return(1))
}

fn fractional(stack: &Stack, value: impl Fn(Duration) -> f64) -> Result<Outcome, Raise> {
    let span = object_arg::<Span>(stack, 1)?;
    stack.push_num(value(span.0));
    Ok(Outcome::Return(1))
}

fn nanoseconds(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    whole(stack, Duration::nanoseconds)
}

fn microseconds(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    whole(stack, Duration::microseconds)
}

fn milliseconds(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    whole(stack, Duration::milliseconds)
}

fn seconds(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    fractional(stack, Duration::seconds)
}

fn minutes(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    fractional(stack, Duration::minutes)
}

fn hours(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    fractional(stack, Duration::hours)
}

fn text(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let span = object_arg::<Span>(stack, 1)?;
    stack.push_bytes(span.0.to_string());
    Ok(Outcome::Return(1))
}
