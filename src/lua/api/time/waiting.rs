//! Waiting for a time: `sleep`, and the channels of `after`, timers and tickers.

use super::duration::duration_arg;
use crate::channel::{ChannelId, Kind};
use crate::lua::api::args::object_arg;
use crate::lua::api::channel::{Yields, check_wait, push_channel};
use crate::lua::api::refused::fail;
use crate::lua::cx::Cx;
use crate::lua::objects;
use crate::lua::raw::{Object, Outcome, Raise, Stack, host};
use crate::lua::timers::{Fires, TICKS_MAX, Token};
use crate::process::kind;

/// A Timer; its Lua value is the channel, once somebody has asked for it.
#[derive(Clone, Copy, Debug)]
struct Timer {
    token: Token,
    /// None for timers of `send_after`.
    channel: Option<TimerChannel>,
}

/// The channel of a Timer. Most are stopped before anybody asks for it, so it is made only then.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TimerChannel {
    Unasked,
    Open(ChannelId),
}

impl Object for Timer {
    const TAG: u32 = objects::TIMER;
    const NAME: &'static str = "Timer";
    const N_VALUES: i32 = 1;
}

/// A Ticker; its Lua value is the channel.
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

/// Pushes the Timer object of a running timer.
pub(crate) fn push_timer(stack: &Stack, token: Token, channel: Option<TimerChannel>) {
    let timer = Timer { token, channel };
    match channel {
        // The timer goes with this object, until its channel is open: that may outlive the object.
        Some(TimerChannel::Unasked) => stack.new_watched_object(timer, token.0, build_timer),
        _ => stack.new_object(timer, build_timer),
    }
}

fn positive_duration(stack: &Stack, n: i32, what: &str) -> Result<u64, String> {
    let nanoseconds = duration_arg(stack, n)?;
    match u64::try_from(nanoseconds) {
        Ok(nanoseconds) if nanoseconds > 0 => Ok(nanoseconds),
        _ => Err(format!("{what}: duration must be > 0")),
    }
}

pub(super) fn sleep(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
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

pub(super) fn after(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let nanoseconds = match positive_duration(stack, 1, "time.after") {
        Ok(nanoseconds) => nanoseconds,
        Err(text) => return fail(stack, kind::INVALID, text),
    };
    cx.check_room(stack)?;
    let channel = cx.channels.open(Kind::Fed);
    let at_ns = cx.now_ns().saturating_add(nanoseconds);
    let token = cx.start_timer(at_ns, Fires::Channel(channel));
    cx.timer_of.insert(channel, token);
    push_channel(stack, channel, Yields::Values);
    Ok(Outcome::Return(1))
}

pub(super) fn timer(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let nanoseconds = match positive_duration(stack, 1, "time.timer") {
        Ok(nanoseconds) => nanoseconds,
        Err(text) => return fail(stack, kind::INVALID, text),
    };
    cx.check_room(stack)?;
    let at_ns = cx.now_ns().saturating_add(nanoseconds);
    let token = cx.start_timer(at_ns, Fires::Timer);
    push_timer(stack, token, Some(TimerChannel::Unasked));
    Ok(Outcome::Return(1))
}

pub(super) fn ticker(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
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

fn timer_channel(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let timer = object_arg::<Timer>(stack, 1)?;
    if let Some(TimerChannel::Unasked) = timer.channel {
        cx.check_room(stack)?;
        stack.unwatch::<Timer>(1);
        let channel = cx.open_channel_of(timer.token);
        stack.set_object(1, Timer { channel: Some(TimerChannel::Open(channel)), ..timer });
        push_channel(stack, channel, Yields::Values);
        stack.set_object_value(1, 1);
    }
    stack.object_value(1, 1);
    Ok(Outcome::Return(1))
}

fn ticker_channel(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    object_arg::<Ticker>(stack, 1)?;
    stack.object_value(1, 1);
    Ok(Outcome::Return(1))
}

fn timer_stop(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let timer = object_arg::<Timer>(stack, 1)?;
    let was_pending = cx.stop_timer(timer.token);
    match timer.channel {
        Some(TimerChannel::Open(channel)) => {
            cx.timer_of.remove(&channel);
            cx.channels.shut(channel);
        }
        // One that has fired keeps the time of it for its channel.
        Some(TimerChannel::Unasked) if was_pending => stack.unwatch::<Timer>(1),
        _ => {}
    }
    stack.push_bool(was_pending);
    Ok(Outcome::Return(1))
}

fn timer_reset(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let timer = object_arg::<Timer>(stack, 1)?;
    let nanoseconds = positive_duration(stack, 2, "timer:reset").map_err(|text| {
        let cause = text.strip_prefix("timer:reset: ").unwrap_or(&text);
        Raise::Message(format!("timer:reset: {cause}"))
    })?;
    let at_ns = cx.now_ns().saturating_add(nanoseconds);
    let was_pending = cx.move_timer(timer.token, at_ns);
    stack.push_bool(was_pending);
    Ok(Outcome::Return(1))
}

fn ticker_stop(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let ticker = object_arg::<Ticker>(stack, 1)?;
    cx.stop_timer(ticker.token);
    cx.timer_of.remove(&ticker.channel);
    cx.channels.shut(ticker.channel);
    stack.push_bool(true);
    Ok(Outcome::Return(1))
}
