//! The Time object and its methods.

use super::duration::{Span, push_duration, read_duration};
use super::location::{Location, push_location};
use crate::civil::{self, Duration, Time, Zone};
use crate::lua::api::args::{integer_arg, layout_arg, object_arg};
use crate::lua::cx::Cx;
use crate::lua::objects;
use crate::lua::raw::{Object, Outcome, Raise, Stack, host};

/// A Time object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub(crate) Time);

impl Object for Moment {
    const TAG: u32 = objects::TIME;
    const NAME: &'static str = "Time";
    const N_VALUES: i32 = 0;
}

pub(crate) fn push_time(stack: &Stack, time: Time) {
    stack.new_object(Moment(time), build_time);
}

/// Pushes the Time of a unix time in nanoseconds, in the local zone.
pub(crate) fn push_wall_time(stack: &Stack, wall_ns: i128) {
    push_time(stack, Time::from_unix_nanos(wall_ns, Zone::LOCAL));
}

fn time_arg(stack: &Stack, n: i32) -> Result<Time, Raise> {
    object_arg::<Moment>(stack, n).map(|moment| moment.0)
}

/// A method that gives one integer.
macro_rules! integer_methods {
    ($($name:ident => |$time:ident| $value:expr;)*) => {
        $(fn $name(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
            let $time = time_arg(stack, 1)?;
            stack.push_int($value);
            Ok(Outcome::Return(1))
        })*
    };
}

integer_methods! {
    unix => |time| time.unix();
    unix_nano => |time| time.unix_nano();
    year => |time| time.date_time().year;
    month => |time| time.date_time().month.into();
    day => |time| time.date_time().day.into();
    hour => |time| time.date_time().hour.into();
    minute => |time| time.date_time().minute.into();
    second => |time| time.date_time().second.into();
    nanosecond => |time| time.subsec_nanos().into();
    weekday => |time| time.date_time().weekday.into();
    year_day => |time| time.date_time().year_day.into();
}

fn build_time(stack: &Stack) {
    stack.new_table(0, 32);
    for (name, function) in [
        ("add", host!(add)),
        ("sub", host!(sub)),
        ("add_date", host!(add_date)),
        ("after", host!(after)),
        ("before", host!(before)),
        ("equal", host!(equal)),
        ("format", host!(format)),
        ("format_rfc3339", host!(format_rfc3339)),
        ("unix", host!(unix)),
        ("unix_nano", host!(unix_nano)),
        ("date", host!(date)),
        ("clock", host!(clock)),
        ("year", host!(year)),
        ("month", host!(month)),
        ("day", host!(day)),
        ("hour", host!(hour)),
        ("minute", host!(minute)),
        ("second", host!(second)),
        ("nanosecond", host!(nanosecond)),
        ("weekday", host!(weekday)),
        ("year_day", host!(year_day)),
        ("is_zero", host!(is_zero)),
        ("in_location", host!(in_location)),
        ("utc", host!(utc)),
        ("in_local", host!(in_local)),
        ("location", host!(location)),
        ("round", host!(round)),
        ("truncate", host!(truncate)),
    ] {
        stack.set_fn(-1, name, function);
    }
    stack.raw_set_field(-2, "__index");
    stack.set_fn(-1, "__tostring", host!(text));
}

fn add(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    let duration = read_duration(stack, 2).map_err(Raise::Message)?;
    push_time(stack, time.add(duration));
    Ok(Outcome::Return(1))
}

fn sub(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let (a, b) = (time_arg(stack, 1)?, time_arg(stack, 2)?);
    push_duration(stack, a.sub(&b));
    Ok(Outcome::Return(1))
}

fn add_date(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    let (years, months) = (integer_arg(stack, 2)?, integer_arg(stack, 3)?);
    push_time(stack, time.add_date(years, months, integer_arg(stack, 4)?));
    Ok(Outcome::Return(1))
}

/// A comparison of two instants.
fn compare(stack: &Stack, holds: impl Fn(&Time, &Time) -> bool) -> Result<Outcome, Raise> {
    let (a, b) = (time_arg(stack, 1)?, time_arg(stack, 2)?);
    stack.push_bool(holds(&a, &b));
    Ok(Outcome::Return(1))
}

fn after(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    compare(stack, Time::after)
}

fn before(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    compare(stack, Time::before)
}

fn equal(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    compare(stack, Time::equal)
}

fn format(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    stack.push_bytes(time.format(&layout_arg(stack, 2)?));
    Ok(Outcome::Return(1))
}

fn format_rfc3339(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    stack.push_bytes(time.format(civil::layout::RFC3339.as_bytes()));
    Ok(Outcome::Return(1))
}

fn text(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    stack.push_bytes(time.format(civil::layout::TOSTRING.as_bytes()));
    Ok(Outcome::Return(1))
}

fn date(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let date = time_arg(stack, 1)?.date_time();
    stack.push_int(date.year);
    stack.push_int(date.month.into());
    stack.push_int(date.day.into());
    Ok(Outcome::Return(3))
}

fn clock(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let date = time_arg(stack, 1)?.date_time();
    stack.push_int(date.hour.into());
    stack.push_int(date.minute.into());
    stack.push_int(date.second.into());
    Ok(Outcome::Return(3))
}

fn is_zero(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    stack.push_bool(time.is_zero());
    Ok(Outcome::Return(1))
}

fn in_location(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    let Some(location) = stack.object::<Location>(2) else {
        return Err(Raise::Message("location expected".to_owned()));
    };
    push_time(stack, time.in_zone(location.0));
    Ok(Outcome::Return(1))
}

fn utc(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    push_time(stack, time_arg(stack, 1)?.in_zone(Zone::UTC));
    Ok(Outcome::Return(1))
}

fn in_local(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    push_time(stack, time_arg(stack, 1)?.in_zone(Zone::LOCAL));
    Ok(Outcome::Return(1))
}

fn location(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    push_location(stack, time_arg(stack, 1)?.zone());
    Ok(Outcome::Return(1))
}

fn step_arg(stack: &Stack) -> Result<Duration, Raise> {
    let step = stack.object::<Span>(2).map(|span| span.0);
    step.ok_or_else(|| Raise::Message("duration expected".to_owned()))
}

fn round(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    push_time(stack, time.round(step_arg(stack)?));
    Ok(Outcome::Return(1))
}

fn truncate(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    push_time(stack, time.truncate(step_arg(stack)?));
    Ok(Outcome::Return(1))
}
