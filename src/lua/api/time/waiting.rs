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

/// Pushes the Timer object of a running timer, with the channel object on top of the stack if it
/// has a channel.
pub(crate) fn push_timer(stack: &Stack, token: Token, channel: Option<ChannelId>) {
    stack.new_object(Timer { token, channel }, build_timer);
    if channel.is_some() {
        stack.push_value(-2);
        stack.set_object_value(-2, 1);
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

pub(super) fn timer(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let nanoseconds = match positive_duration(stack, 1, "time.timer") {
        Ok(nanoseconds) => nanoseconds,
        Err(text) => return fail(stack, kind::INVALID, text),
    };
    cx.check_room(stack)?;
    let (token, channel) = start_channel_timer(stack, cx, nanoseconds);
    push_timer(stack, token, Some(channel));
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

fn timer_channel(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    object_arg::<Timer>(stack, 1)?;
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
    if let Some(channel) = timer.channel {
        cx.timer_of.remove(&channel);
        cx.channels.shut(channel);
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
    let ticker = object_arg::<Ticker>(stack, 1)?;
    cx.stop_timer(ticker.token);
    cx.timer_of.remove(&ticker.channel);
    cx.channels.shut(ticker.channel);
    stack.push_bool(true);
    Ok(Outcome::Return(1))
}
