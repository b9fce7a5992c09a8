//! The `time` module: durations, timers, the clock, dates.

use super::args::text_arg;
use super::channel::{Yields, check_wait, push_channel};
use super::module::{Member, Module};
use super::refused::fail;
use crate::channel::{ChannelId, Kind};
use crate::civil::{self, Duration, Parts, Time, Zone, constants};
use crate::lua::cx::Cx;
use crate::lua::objects;
use crate::lua::raw::{LuaType, Object, Outcome, Raise, Stack, host};
use crate::lua::timers::{Fires, TICKS_MAX, Token};
use crate::process::kind;

/// A Time object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub(crate) Time);

impl Object for Moment {
    const TAG: u32 = objects::TIME;
    const NAME: &'static str = "Time";
    const N_VALUES: i32 = 0;
}

/// A Duration object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span(pub(crate) Duration);

impl Object for Span {
    const TAG: u32 = objects::DURATION;
    const NAME: &'static str = "Duration";
    const N_VALUES: i32 = 0;
}

/// A Location object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Location(pub(crate) Zone);

impl Object for Location {
    const TAG: u32 = objects::LOCATION;
    const NAME: &'static str = "Location";
    const N_VALUES: i32 = 0;
}

/// A Timer or Ticker; its Lua value is the channel, except for timers of `send_after`.
#[derive(Clone, Copy, Debug)]
struct Timer {
    token: Token,
    channel: Option<ChannelId>,
}

impl Object for Timer {
    const TAG: u32 = objects::TIMER;
    const NAME: &'static str = "Timer";
    const N_VALUES: i32 = 1;
}

#[derive(Clone, Copy, Debug)]
struct Ticker {
    token: Token,
    channel: ChannelId,
}

impl Object for Ticker {
    const TAG: u32 = objects::TICKER;
    const NAME: &'static str = "Ticker";
    const N_VALUES: i32 = 1;
}

/// The module.
#[derive(Debug)]
pub(crate) struct TimeModule;

impl Module for TimeModule {
    const NAME: &'static str = "time";
    const MEMBERS: &'static [(&'static str, Member)] = &ALL;
}

const OWN: [(&str, Member); 13] = [
    ("now", Member::Function(host!(poll now))),
    ("sleep", Member::Function(host!(poll sleep))),
    ("after", Member::Function(host!(poll after))),
    ("timer", Member::Function(host!(poll timer))),
    ("ticker", Member::Function(host!(poll ticker))),
    ("date", Member::Function(host!(poll date))),
    ("unix", Member::Function(host!(poll unix))),
    ("parse", Member::Function(host!(poll parse))),
    ("parse_duration", Member::Function(host!(poll parse_duration))),
    ("load_location", Member::Function(host!(poll load_location))),
    ("fixed_zone", Member::Function(host!(poll fixed_zone))),
    ("utc", Member::Value(|stack| push_location(stack, Zone::UTC))),
    ("localtz", Member::Value(|stack| push_location(stack, Zone::LOCAL))),
];

const N_OWN: usize = OWN.len();
const N_NUMBERS: usize = constants::NUMBERS.len();
const N_ALL: usize = N_OWN + N_NUMBERS + constants::LAYOUTS.len();

/// The members of this file, then the constants.
const ALL: [(&str, Member); N_ALL] = {
    let mut all = [("", Member::Integer(0)); N_ALL];
    let mut at = 0;
    while at < N_ALL {
        all[at] = if at < N_OWN {
            OWN[at]
        } else if at < N_OWN + N_NUMBERS {
            let (name, value) = constants::NUMBERS[at - N_OWN];
            (name, Member::Integer(value))
        } else {
            let (name, layout) = constants::LAYOUTS[at - N_OWN - N_NUMBERS];
            (name, Member::Text(layout))
        };
        at += 1;
    }
    all
};

// ---- objects

pub(crate) fn push_time(stack: &Stack, time: Time) {
    stack.new_object(Moment(time), build_time);
}

/// Pushes the Time of a unix time in nanoseconds, in the local zone.
pub(crate) fn push_wall_time(stack: &Stack, wall_ns: i128) {
    push_time(stack, Time::from_unix_nanos(wall_ns, Zone::LOCAL));
}

pub(crate) fn push_duration(stack: &Stack, duration: Duration) {
    stack.new_object(Span(duration), build_duration);
}

pub(crate) fn push_location(stack: &Stack, zone: Zone) {
    stack.new_object(Location(zone), build_location);
}

/// Pushes the Timer object of a running timer, with the channel object on top of the stack if it
/// has a channel.
pub(crate) fn push_timer(stack: &Stack, token: Token, channel: Option<ChannelId>) {
    stack.new_object(Timer { token, channel }, build_timer);
    if channel.is_some() {
        stack.push_value(-2);
        stack.set_object_value(-2, 1);
    }
}

// ---- arguments

/// A duration argument in nanoseconds; the error is the text of an Invalid.
pub(crate) fn duration_arg(stack: &Stack, n: i32) -> Result<i64, String> {
    read_duration(stack, n).map(Duration::nanoseconds)
}

fn read_duration(stack: &Stack, n: i32) -> Result<Duration, String> {
    if let Some(nanoseconds) = stack.integer(n) {
        return Ok(Duration::from_nanos(nanoseconds));
    }
    if let Some(nanoseconds) = stack.number(n) {
        return Duration::from_f64(nanoseconds).map_err(|error| error.to_string());
    }
    if let Some(text) = stack.bytes(n) {
        return Duration::parse(text).map_err(|error| error.to_string());
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

fn positive_duration(stack: &Stack, n: i32, what: &str) -> Result<u64, String> {
    let nanoseconds = duration_arg(stack, n)?;
    match u64::try_from(nanoseconds) {
        Ok(nanoseconds) if nanoseconds > 0 => Ok(nanoseconds),
        _ => Err(format!("{what}: duration must be > 0")),
    }
}

fn self_arg<T: Object>(stack: &Stack, n: i32) -> Result<T, Raise> {
    stack.object::<T>(n).ok_or_else(|| {
        let got = stack.type_name(n);
        Raise::argument(stack, n, &format!("{} expected, got {got}", T::NAME))
    })
}

fn time_arg(stack: &Stack, n: i32) -> Result<Time, Raise> {
    self_arg::<Moment>(stack, n).map(|moment| moment.0)
}

fn integer_arg(stack: &Stack, n: i32) -> Result<i64, Raise> {
    let got = || stack.type_name(n);
    match stack.kind(n) {
        LuaType::Number => match stack.integral(n) {
            Some(value) => Ok(value),
            None => truncated(stack.number(n).unwrap_or_default())
                .ok_or_else(|| Raise::argument(stack, n, "number has no integer representation")),
        },
        _ => Err(Raise::argument(stack, n, &format!("number expected, got {}", got()))),
    }
}

/// A float cut toward zero, where that fits.
fn truncated(value: f64) -> Option<i64> {
    let cut = value.trunc();
    let fits = cut >= i64::MIN as f64 && cut < i64::MAX as f64;
    fits.then_some(cut as i64)
}

fn zone_arg(stack: &Stack, n: i32) -> Result<Zone, Raise> {
    match stack.object::<Location>(n) {
        Some(location) => Ok(location.0),
        None if stack.is_nil(n) => Ok(Zone::LOCAL),
        None => Err(Raise::Message("location expected".to_owned())),
    }
}

// ---- waiting

fn now(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    push_wall_time(stack, cx.step.get().worker.wall_ns());
    Ok(Outcome::Return(1))
}

fn sleep(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let nanoseconds = match duration_arg(stack, 1) {
        Ok(nanoseconds) => nanoseconds,
        Err(text) => return fail(stack, kind::INVALID, text),
    };
    let Ok(nanoseconds @ 1..) = u64::try_from(nanoseconds) else {
        return Ok(Outcome::Return(0));
    };
    check_wait(stack, "sleep")?;
    let at_ns = cx.now_ns().saturating_add(nanoseconds);
    let fiber = cx.fibers.running();
    cx.start_timer(at_ns, Fires::Wake(fiber));
    stack.set_top(0);
    Ok(cx.wait("sleep"))
}

fn after(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let nanoseconds = match positive_duration(stack, 1, "time.after") {
        Ok(nanoseconds) => nanoseconds,
        Err(text) => return fail(stack, kind::INVALID, text),
    };
    cx.check_room(stack)?;
    start_channel_timer(stack, cx, nanoseconds);
    Ok(Outcome::Return(1))
}

/// Starts a one-shot timer and pushes its channel.
fn start_channel_timer(stack: &Stack, cx: &mut Cx, nanoseconds: u64) -> (Token, ChannelId) {
    let channel = cx.channels.open(Kind::Fed);
    let at_ns = cx.now_ns().saturating_add(nanoseconds);
    let token = cx.start_timer(at_ns, Fires::Channel(channel));
    cx.timer_of.insert(channel, token);
    push_channel(stack, channel, Yields::Values);
    (token, channel)
}

fn timer(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let nanoseconds = match positive_duration(stack, 1, "time.timer") {
        Ok(nanoseconds) => nanoseconds,
        Err(text) => return fail(stack, kind::INVALID, text),
    };
    cx.check_room(stack)?;
    let (token, channel) = start_channel_timer(stack, cx, nanoseconds);
    push_timer(stack, token, Some(channel));
    Ok(Outcome::Return(1))
}

fn ticker(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let period_ns = match positive_duration(stack, 1, "time.ticker") {
        Ok(nanoseconds) => nanoseconds,
        Err(text) => return fail(stack, kind::INVALID, text),
    };
    cx.check_room(stack)?;
    let channel = cx.channels.open(Kind::Lossy(TICKS_MAX));
    let at_ns = cx.now_ns().saturating_add(period_ns);
    let token = cx.start_timer(at_ns, Fires::Ticker { channel, period_ns });
    cx.timer_of.insert(channel, token);
    push_channel(stack, channel, Yields::Values);
    stack.new_object(Ticker { token, channel }, build_ticker);
    stack.push_value(-2);
    stack.set_object_value(-2, 1);
    Ok(Outcome::Return(1))
}

fn build_timer(stack: &Stack) {
    stack.new_table(0, 4);
    stack.set_fn(-1, "response", host!(poll timer_channel));
    stack.set_fn(-1, "channel", host!(poll timer_channel));
    stack.set_fn(-1, "stop", host!(poll timer_stop));
    stack.set_fn(-1, "reset", host!(poll timer_reset));
    stack.raw_set_field(-2, "__index");
}

fn build_ticker(stack: &Stack) {
    stack.new_table(0, 4);
    stack.set_fn(-1, "response", host!(poll ticker_channel));
    stack.set_fn(-1, "channel", host!(poll ticker_channel));
    stack.set_fn(-1, "stop", host!(poll ticker_stop));
    stack.raw_set_field(-2, "__index");
}

fn timer_channel(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    self_arg::<Timer>(stack, 1)?;
    stack.object_value(1, 1);
    Ok(Outcome::Return(1))
}

fn ticker_channel(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    self_arg::<Ticker>(stack, 1)?;
    stack.object_value(1, 1);
    Ok(Outcome::Return(1))
}

fn timer_stop(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let timer = self_arg::<Timer>(stack, 1)?;
    let was_pending = cx.stop_timer(timer.token);
    if let Some(channel) = timer.channel {
        cx.timer_of.remove(&channel);
        cx.channels.shut(channel);
    }
    stack.push_bool(was_pending);
    Ok(Outcome::Return(1))
}

fn timer_reset(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let timer = self_arg::<Timer>(stack, 1)?;
    let nanoseconds = positive_duration(stack, 2, "timer:reset").map_err(|text| {
        let cause = text.strip_prefix("timer:reset: ").unwrap_or(&text);
        Raise::Message(format!("timer:reset: {cause}"))
    })?;
    let at_ns = cx.now_ns().saturating_add(nanoseconds);
    let moved = cx.move_timer(timer.token, at_ns);
    if let Some(token) = moved {
        stack.set_object(1, Timer { token, ..timer });
        if let Some(channel) = timer.channel {
            cx.timer_of.insert(channel, token);
        }
    }
    stack.push_bool(moved.is_some());
    Ok(Outcome::Return(1))
}

fn ticker_stop(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let ticker = self_arg::<Ticker>(stack, 1)?;
    cx.stop_timer(ticker.token);
    cx.timer_of.remove(&ticker.channel);
    cx.channels.shut(ticker.channel);
    stack.push_bool(true);
    Ok(Outcome::Return(1))
}

// ---- dates

fn date(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
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

fn unix(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let (sec, nsec) = (integer_arg(stack, 1)?, integer_arg(stack, 2)?);
    push_time(stack, Time::from_unix(sec, nsec, Zone::LOCAL));
    Ok(Outcome::Return(1))
}

fn parse(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let (layout, text) = (text_arg(stack, 1)?, text_arg(stack, 2)?);
    match Time::parse(&layout, &text, zone_arg(stack, 3)?) {
        Ok(time) => {
            push_time(stack, time);
            Ok(Outcome::Return(1))
        }
        Err(error) => fail(stack, kind::INVALID, error.to_string()),
    }
}

fn parse_duration(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    match read_duration(stack, 1) {
        Ok(duration) => {
            push_duration(stack, duration);
            Ok(Outcome::Return(1))
        }
        Err(text) => fail(stack, kind::INVALID, text),
    }
}

fn load_location(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let name = text_arg(stack, 1)?;
    match Zone::load(&name) {
        Ok(zone) => {
            push_location(stack, zone);
            Ok(Outcome::Return(1))
        }
        Err(error) => {
            let kind = if error.is_not_found() { kind::NOT_FOUND } else { kind::INVALID };
            fail(stack, kind, error.to_string())
        }
    }
}

fn fixed_zone(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let (name, offset) = (text_arg(stack, 1)?, integer_arg(stack, 2)?);
    let zone = Zone::fixed(&name, offset).map_err(|error| Raise::Message(error.to_string()))?;
    push_location(stack, zone);
    Ok(Outcome::Return(1))
}

// ---- Time

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
    t_unix => |time| time.unix();
    t_unix_nano => |time| time.unix_nano();
    t_year => |time| time.date_time().year;
    t_month => |time| time.date_time().month.into();
    t_day => |time| time.date_time().day.into();
    t_hour => |time| time.date_time().hour.into();
    t_minute => |time| time.date_time().minute.into();
    t_second => |time| time.date_time().second.into();
    t_nanosecond => |time| time.subsec_nanos().into();
    t_weekday => |time| time.date_time().weekday.into();
    t_year_day => |time| time.date_time().year_day.into();
}

fn build_time(stack: &Stack) {
    stack.new_table(0, 32);
    for (name, function) in [
        ("add", host!(t_add)),
        ("sub", host!(t_sub)),
        ("add_date", host!(t_add_date)),
        ("after", host!(t_after)),
        ("before", host!(t_before)),
        ("equal", host!(t_equal)),
        ("format", host!(t_format)),
        ("format_rfc3339", host!(t_format_rfc3339)),
        ("unix", host!(t_unix)),
        ("unix_nano", host!(t_unix_nano)),
        ("date", host!(t_date)),
        ("clock", host!(t_clock)),
        ("year", host!(t_year)),
        ("month", host!(t_month)),
        ("day", host!(t_day)),
        ("hour", host!(t_hour)),
        ("minute", host!(t_minute)),
        ("second", host!(t_second)),
        ("nanosecond", host!(t_nanosecond)),
        ("weekday", host!(t_weekday)),
        ("year_day", host!(t_year_day)),
        ("is_zero", host!(t_is_zero)),
        ("in_location", host!(t_in_location)),
        ("utc", host!(t_utc)),
        ("in_local", host!(t_in_local)),
        ("location", host!(t_location)),
        ("round", host!(t_round)),
        ("truncate", host!(t_truncate)),
    ] {
        stack.set_fn(-1, name, function);
    }
    stack.raw_set_field(-2, "__index");
    stack.set_fn(-1, "__tostring", host!(t_text));
}

fn t_add(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    let duration = read_duration(stack, 2).map_err(Raise::Message)?;
    push_time(stack, time.add(duration));
    Ok(Outcome::Return(1))
}

fn t_sub(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let (a, b) = (time_arg(stack, 1)?, time_arg(stack, 2)?);
    push_duration(stack, a.sub(&b));
    Ok(Outcome::Return(1))
}

fn t_add_date(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
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

fn t_after(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    compare(stack, Time::after)
}

fn t_before(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    compare(stack, Time::before)
}

fn t_equal(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    compare(stack, Time::equal)
}

fn t_format(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    stack.push_bytes(time.format(&text_arg(stack, 2)?));
    Ok(Outcome::Return(1))
}

fn t_format_rfc3339(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    stack.push_bytes(time.format(civil::layout::RFC3339.as_bytes()));
    Ok(Outcome::Return(1))
}

fn t_text(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    stack.push_bytes(time.format(civil::layout::TOSTRING.as_bytes()));
    Ok(Outcome::Return(1))
}

fn t_date(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let date = time_arg(stack, 1)?.date_time();
    stack.push_int(date.year);
    stack.push_int(date.month.into());
    stack.push_int(date.day.into());
    Ok(Outcome::Return(3))
}

fn t_clock(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let date = time_arg(stack, 1)?.date_time();
    stack.push_int(date.hour.into());
    stack.push_int(date.minute.into());
    stack.push_int(date.second.into());
    Ok(Outcome::Return(3))
}

fn t_is_zero(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    stack.push_bool(time.is_zero());
    Ok(Outcome::Return(1))
}

fn t_in_location(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    let Some(location) = stack.object::<Location>(2) else {
        return Err(Raise::Message("location expected".to_owned()));
    };
    push_time(stack, time.in_zone(location.0));
    Ok(Outcome::Return(1))
}

fn t_utc(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    push_time(stack, time_arg(stack, 1)?.in_zone(Zone::UTC));
    Ok(Outcome::Return(1))
}

fn t_in_local(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    push_time(stack, time_arg(stack, 1)?.in_zone(Zone::LOCAL));
    Ok(Outcome::Return(1))
}

fn t_location(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    push_location(stack, time_arg(stack, 1)?.zone());
    Ok(Outcome::Return(1))
}

fn step_arg(stack: &Stack) -> Result<Duration, Raise> {
    let step = stack.object::<Span>(2).map(|span| span.0);
    step.ok_or_else(|| Raise::Message("duration expected".to_owned()))
}

fn t_round(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    push_time(stack, time.round(step_arg(stack)?));
    Ok(Outcome::Return(1))
}

fn t_truncate(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let time = time_arg(stack, 1)?;
    push_time(stack, time.truncate(step_arg(stack)?));
    Ok(Outcome::Return(1))
}

// ---- Duration and Location

fn build_duration(stack: &Stack) {
    stack.new_table(0, 8);
    for (name, function) in [
        ("nanoseconds", host!(d_nanoseconds)),
        ("microseconds", host!(d_microseconds)),
        ("milliseconds", host!(d_milliseconds)),
        ("seconds", host!(d_seconds)),
        ("minutes", host!(d_minutes)),
        ("hours", host!(d_hours)),
    ] {
        stack.set_fn(-1, name, function);
    }
    stack.raw_set_field(-2, "__index");
    stack.set_fn(-1, "__tostring", host!(d_text));
}

fn whole(stack: &Stack, value: impl Fn(Duration) -> i64) -> Result<Outcome, Raise> {
    let span = self_arg::<Span>(stack, 1)?;
    stack.push_int(value(span.0));
    Ok(Outcome::Return(1))
}

fn fractional(stack: &Stack, value: impl Fn(Duration) -> f64) -> Result<Outcome, Raise> {
    let span = self_arg::<Span>(stack, 1)?;
    stack.push_num(value(span.0));
    Ok(Outcome::Return(1))
}

fn d_nanoseconds(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    whole(stack, Duration::nanoseconds)
}

fn d_microseconds(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    whole(stack, Duration::microseconds)
}

fn d_milliseconds(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    whole(stack, Duration::milliseconds)
}

fn d_seconds(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    fractional(stack, Duration::seconds)
}

fn d_minutes(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    fractional(stack, Duration::minutes)
}

fn d_hours(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    fractional(stack, Duration::hours)
}

fn d_text(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let span = self_arg::<Span>(stack, 1)?;
    stack.push_bytes(span.0.to_string());
    Ok(Outcome::Return(1))
}

fn build_location(stack: &Stack) {
    stack.new_table(0, 1);
    stack.set_fn(-1, "string", host!(location_text));
    stack.raw_set_field(-2, "__index");
    stack.set_fn(-1, "__tostring", host!(location_text));
}

fn location_text(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let location = self_arg::<Location>(stack, 1)?;
    stack.push_bytes(location.0.name());
    Ok(Outcome::Return(1))
}
