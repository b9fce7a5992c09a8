//! The functions that make a Time: the clock, and dates in their forms.

use super::location::zone_arg;
use super::moment::{push_time, push_wall_time};
use crate::civil::{Parts, Time, Zone};
use crate::lua::api::args::{integer_arg, layout_arg, text_arg};
use crate::lua::api::refused::fail;
use crate::lua::cx::Cx;
use crate::lua::raw::{Outcome, Raise, Stack};
use crate::process::kind;

pub(super) fn now(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    push_wall_time(stack, cx.step.get().worker.wall_ns());
    Ok(Outcome::Return(1))
}

pub(super) fn date(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let part = |n| integer_arg(stack, n);
    let parts = Parts {
        year: part(1)?,
        month: part(2)?,
        day: part(3)?,
        hour: part(4)?,
        minute: part(5)?,
        second: part(6)?,
        nanosecond: part(7)?,
    };
    push_time(stack, Time::from_parts(parts, zone_arg(stack, 8)?));
    Ok(Outcome::Return(1))
}

pub(super) fn unix(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let (sec, nsec) = (integer_arg(stack, 1)?, integer_arg(stack, 2)?);
    push_time(stack, Time::from_unix(sec, nsec, Zone::LOCAL));
    Ok(Outcome::Return(1))
}

pub(super) fn parse(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let (layout, text) = (layout_arg(stack, 1)?, text_arg(stack, 2)?);
    match Time::parse(&layout, &text, zone_arg(stack, 3)?) {
        Ok(time) => {
            push_time(stack, time);
            Ok(Outcome::Return(1))
        }
        Err(error) => fail(stack, kind::INVALID, error.to_string()),
    }
}
