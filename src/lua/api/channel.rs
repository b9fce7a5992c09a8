//! The `channel` module: channels and select between the coroutines of a process.

use smallvec::SmallVec;

use super::errors::push_error;
use super::event;
use super::message;
use super::module::{Member, Module};
use super::names;
use super::time::push_wall_time;
use crate::channel::{
    Case, ChannelId, CloseOutcome, Completion, Kind, ReceiveOutcome, SelectOutcome, SendOutcome,
};
use crate::lua::cx::Cx;
use crate::lua::inbox::{self, Role};
use crate::lua::objects;
use crate::lua::raw::{LuaType, Object, Outcome, Raise, Stack, host};
use crate::lua::safepoint::Safepoints;
use crate::lua::value::{Value, Waiting};
use crate::process::kind;

const SEND_ON_CLOSED: &str = "send on closed channel";
const RECEIVE_ONLY: &str = "channel is receive-only";

/// A channel as Lua sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    pub(crate) yields: Yields,
}

/// How a received value becomes a Lua value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yields {
    /// As it was sent; also times.
    Values,
    /// Message objects.
    Messages(Role),
    /// The payloads of messages.
    Payloads,
    /// Lifecycle events.
    Events,
}

impl Object for Channel {
    const TAG: u32 = objects::CHANNEL;
    const NAME: &'static str = "channel";
    /// The case object of its receive, made on first use.
    const N_VALUES: i32 = 1;
}

/// A case of a select; its Lua values are the channel, and what it sends.
#[derive(Clone, Copy, Debug)]
struct SelectCase {
    sends: bool,
}

impl Object for SelectCase {
    const TAG: u32 = objects::CASE;
    const NAME: &'static str = "channel.case";
    const N_VALUES: i32 = 2;
}

/// The module.
#[derive(Debug)]
pub(crate) struct ChannelModule;

impl Module for ChannelModule {
    const NAME: &'static str = "channel";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("new", Member::Function(host!(poll new))),
        ("select", Member::Function(host!(poll select))),
    ];
}

/// Pushes the object of a channel.
pub(crate) fn push_channel(stack: &Stack, id: ChannelId, yields: Yields) {
    stack.new_watched_object(Channel { id, yields }, id.to_bits(), build_channel);
}

/// Makes the metatable of channels, for a program that will use one.
pub(super) fn make_type(stack: &Stack) {
    stack.make_type::<Channel>(build_channel);
}

fn build_channel(stack: &Stack) {
    stack.new_table(0, 8);
    stack.set_fn(-1, "send", host!(poll send));
    stack.set_fn(-1, "receive", host!(poll receive));
    stack.set_fn(-1, "close", host!(poll close));
    stack.set_fn(-1, "case_send", host!(poll case_send));
    stack.set_fn(-1, "case_receive", host!(poll case_receive));
    stack.raw_set_field(-2, "__index");
    stack.set_fn(-1, "__tostring", host!(to_text));
}

/// The channel at argument `n`, or the error that it is none.
pub(crate) fn channel_arg(stack: &Stack, n: i32) -> Result<Channel, Raise> {
    stack.object::<Channel>(n).ok_or_else(|| {
        let got = stack.type_name(n);
        // The function is what the program called, whether by `.` or by `:`.
        let (name, _) = names::called(stack);
        Raise::Message(format!("bad argument #{n} to '{name}' (channel expected, got {got})"))
    })
}

fn new(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let capacity = match stack.kind(1) {
        LuaType::None | LuaType::Nil => 0,
        LuaType::Number => {
            stack.integral(1).filter(|n| *n <= i64::from(i32::MAX)).ok_or_else(|| {
                Raise::argument(stack, 1, "capacity must be an integer up to 2147483647")
            })?
        }
        other => {
            let what = format!("integer expected, got {}", other.name());
            return Err(Raise::argument(stack, 1, &what));
        }
    };
    let capacity = u32::try_from(capacity.max(0)).unwrap_or_default();
    cx.check_room(stack)?;
    let id = cx.channels.open(Kind::Bounded(capacity));
    push_channel(stack, id, Yields::Values);
    Ok(Outcome::Return(1))
}

fn to_text(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let channel = channel_arg(stack, 1)?;
    stack.push_bytes(format!("channel: {:016x}", channel.id.to_bits()));
    Ok(Outcome::Return(1))
}

/// Checks that the running code may wait, before anything is changed.
pub(crate) fn check_wait(stack: &Stack, call: &str) -> Result<(), Raise> {
    if stack.can_wait() {
        return Ok(());
    }
    let function = names::blocking(stack);
    Err(Raise::Message(format!("cannot wait in '{call}' inside C function '{function}'")))
}

fn send(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let channel = channel_arg(stack, 1)?;
    if channel.yields != Yields::Values || cx.channels.is_fed(channel.id) {
        return Err(Raise::Message(RECEIVE_ONLY.to_owned()));
    }
    if !cx.channels.sends_at_once(channel.id) {
        check_wait(stack, "send")?;
    }
    stack.set_top(2);
    let value = cx.keep(stack);
    let fiber = cx.fibers.running();
    match cx.channels.send(channel.id, fiber, value) {
        SendOutcome::Sent => {
            stack.push_bool(true);
            Ok(Outcome::Return(1))
        }
        SendOutcome::HandedOver | SendOutcome::MustWait => Ok(cx.wait("send")),
        SendOutcome::Closed(value) => {
            cx.drop_value(value);
            Err(Raise::Message(SEND_ON_CLOSED.to_owned()))
        }
        SendOutcome::ReceiveOnly(value) => {
            cx.drop_value(value);
            Err(Raise::Message(RECEIVE_ONLY.to_owned()))
        }
    }
}

fn receive(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let channel = channel_arg(stack, 1)?;
    let fiber = cx.fibers.running();
    if !cx.channels.receives_at_once(channel.id) {
        check_wait(stack, "receive")?;
    }
    match cx.channels.receive(channel.id, fiber) {
        ReceiveOutcome::Value(value) => {
            push_value(stack, cx, channel.yields, value)?;
            stack.push_bool(true);
            Ok(Outcome::Return(2))
        }
        ReceiveOutcome::Closed => {
            stack.push_nil();
            stack.push_bool(false);
            Ok(Outcome::Return(2))
        }
        ReceiveOutcome::HandedOver | ReceiveOutcome::MustWait => {
            stack.set_top(1);
            Ok(cx.wait("receive"))
        }
    }
}

fn close(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let channel = channel_arg(stack, 1)?;
    let fiber = cx.fibers.running();
    if cx.channels.has_waiters(channel.id) {
        check_wait(stack, "close")?;
    }
    let outcome = cx.channels.close(channel.id, fiber);
    cx.drop_discarded();
    match outcome {
        CloseOutcome::Closed => Ok(Outcome::Return(0)),
        CloseOutcome::WokeWaiters => Ok(cx.wait("close")),
        CloseOutcome::ReceiveOnly => Err(Raise::Message(RECEIVE_ONLY.to_owned())),
    }
}

fn case_receive(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    channel_arg(stack, 1)?;
    if stack.object_value(1, 1) == LuaType::Userdata {
        return Ok(Outcome::Return(1));
    }
    stack.pop(1);
    stack.new_object(SelectCase { sends: false }, |_| {});
    stack.push_value(1);
    stack.set_object_value(-2, 1);
    stack.push_value(-1);
    stack.set_object_value(1, 1);
    Ok(Outcome::Return(1))
}

fn case_send(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let channel = channel_arg(stack, 1)?;
    if cx.channels.is_fed(channel.id) {
        return Err(Raise::Message(RECEIVE_ONLY.to_owned()));
    }
    stack.set_top(2);
    stack.new_object(SelectCase { sends: true }, |_| {});
    stack.push_value(1);
    stack.set_object_value(-2, 1);
    stack.push_value(2);
    stack.set_object_value(-2, 2);
    Ok(Outcome::Return(1))
}

/// What a case of a select costs, in bytes of a stretch.
const CASE_WORK: usize = 64;

/// Where the case objects of a select begin on its stack; they stay there while it waits.
const CASES: i32 = 2;

fn select(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    if stack.kind(1) != LuaType::Table {
        let what = format!("table expected, got {}", stack.type_name(1));
        return Err(Raise::argument(stack, 1, &what));
    }
    let mut default = match stack.kind(2) {
        LuaType::None | LuaType::Nil => false,
        LuaType::Boolean => stack.truthy(2),
        _ => return Err(Raise::argument(stack, 2, "default must be true or false")),
    };
    stack.set_top(1);
    let mut cases: SmallVec<[(Channel, bool); 8]> = SmallVec::new();
    let safepoints = &mut Safepoints::new(stack, cx);
    push_cases(stack, &mut cases, &mut default, safepoints)?;
    let mut selected = std::mem::take(&mut cx.cases);
    for (position, (channel, sends)) in cases.iter().enumerate() {
        selected.push(if *sends {
            stack.object_value(CASES + position as i32, 2);
            Case::Send(channel.id, cx.keep(stack))
        } else {
            Case::Receive(channel.id)
        });
    }
    let fiber = cx.fibers.running();
    // Also a select with default is suspended when it hands over to somebody who waits.
    if !stack.can_wait() && !cx.channels.selects_at_once(&selected, default) {
        for case in selected {
            if let Case::Send(_, value) = case {
                cx.drop_value(value);
            }
        }
        check_wait(stack, "select")?;
        return Ok(Outcome::Return(0));
    }
    let outcome = cx.channels.select(fiber, &mut selected, default);
    cx.cases = selected;
    match outcome {
        SelectOutcome::Ready(completion) => {
            let n = push_selected(stack, cx, completion)?;
            cx.drop_discarded();
            Ok(Outcome::Return(n))
        }
        SelectOutcome::Default => {
            cx.drop_discarded();
            stack.new_table(0, 2);
            stack.push_bool(true);
            stack.raw_set_field(-2, "default");
            stack.push_bool(true);
            stack.raw_set_field(-2, "ok");
            Ok(Outcome::Return(1))
        }
        SelectOutcome::HandedOver | SelectOutcome::MustWait => Ok(cx.wait("select")),
    }
}

/// Pushes the case objects in order of priority: the array part, then the named ones.
fn push_cases(
    stack: &Stack,
    cases: &mut SmallVec<[(Channel, bool); 8]>,
    default: &mut bool,
    safepoints: &mut Safepoints<'_>,
) -> Result<(), Raise> {
    let mut n_array = 0;
    for key in 1.. {
        safepoints.pass(CASE_WORK)?;
        if stack.raw_get_int(1, key) == LuaType::Nil {
            stack.pop(1);
            break;
        }
        n_array = key;
        take_case(stack, cases, || format!("index {key}"))?;
    }
    push_other_cases(stack, n_array, cases, default, safepoints)
}

/// Cases behind a gap of the array, in ascending order, then the named ones; and `default`.
fn push_other_cases(
    stack: &Stack,
    n_array: i64,
    cases: &mut SmallVec<[(Channel, bool); 8]>,
    default: &mut bool,
    safepoints: &mut Safepoints<'_>,
) -> Result<(), Raise> {
    let mut behind: SmallVec<[i64; 4]> = SmallVec::new();
    let mut named = false;
    stack.push_nil();
    while stack.next(1) {
        safepoints.pass(CASE_WORK)?;
        match (stack.integer(-2), stack.bytes(-2)) {
            (Some(key), _) if key < 1 => named = true,
            (Some(key), _) if key > n_array => behind.push(key),
            (Some(_), _) => {}
            (None, Some(b"default")) => *default |= default_flag(stack)?,
            (None, _) => named = true,
        }
        stack.pop(1);
    }
    behind.sort_unstable();
    for key in behind {
        stack.raw_get_int(1, key);
        take_case(stack, cases, || format!("index {key}"))?;
    }
    if named { push_named_cases(stack, cases, safepoints) } else { Ok(()) }
}

fn default_flag(stack: &Stack) -> Result<bool, Raise> {
    stack.boolean(-1).ok_or_else(|| {
        let what = format!("boolean expected at 'default', got {}", stack.type_name(-1));
        Raise::argument(stack, 1, &what)
    })
}

fn push_named_cases(
    stack: &Stack,
    cases: &mut SmallVec<[(Channel, bool); 8]>,
    safepoints: &mut Safepoints<'_>,
) -> Result<(), Raise> {
    // The case objects pile up below the key that the traversal needs on top.
    stack.push_nil();
    while stack.next(1) {
        safepoints.pass(CASE_WORK)?;
        let is_array = stack.integer(-2).is_some_and(|key| key >= 1);
        if is_array || stack.bytes(-2) == Some(b"default") {
            stack.pop(1);
            continue;
        }
        let key = key_text(stack, -2);
        take_case(stack, cases, || key)?;
        stack.insert(-2);
    }
    Ok(())
}

fn key_text(stack: &Stack, index: i32) -> String {
    match stack.bytes(index) {
        Some(key) => format!("'{}'", String::from_utf8_lossy(key)),
        None => stack.number_text(index).unwrap_or_else(|| stack.type_name(index)),
    }
}

/// The value on top must be a case; it stays there.
fn take_case(
    stack: &Stack,
    cases: &mut SmallVec<[(Channel, bool); 8]>,
    at: impl FnOnce() -> String,
) -> Result<(), Raise> {
    if !stack.reserve(8) {
        return Err(Raise::Message("too many cases".to_owned()));
    }
    let Some(case) = stack.object::<SelectCase>(-1) else {
        let what = format!("case expected at {}, got {}", at(), stack.type_name(-1));
        return Err(Raise::argument(stack, 1, &what));
    };
    stack.object_value(-1, 1);
    let channel = stack.object::<Channel>(-1);
    stack.pop(1);
    cases.push((channel.expect("cases are made of channels"), case.sends));
    Ok(())
}

/// Pushes what a completed operation of a waiting fiber gives.
pub(crate) fn push_completion(
    stack: &Stack,
    cx: &mut Cx,
    completion: Completion<Value>,
) -> Result<i32, Raise> {
    if stack.kind(1) == LuaType::Table {
        return push_selected(stack, cx, completion);
    }
    match completion {
        Completion::Received { value: Some(value), .. } => {
            let channel = stack.object::<Channel>(1).expect("receive keeps its channel at 1");
            push_value(stack, cx, channel.yields, value)?;
            stack.push_bool(true);
            Ok(2)
        }
        Completion::Received { value: None, .. } => {
            stack.push_nil();
            stack.push_bool(false);
            Ok(2)
        }
        Completion::Sent { .. } => {
            stack.push_bool(true);
            Ok(1)
        }
        Completion::SendClosed { .. } => {
            push_send_closed(stack);
            Ok(2)
        }
        Completion::Closed => Ok(0),
    }
}

fn push_send_closed(stack: &Stack) {
    stack.push_nil();
    push_error(stack, kind::INVALID, SEND_ON_CLOSED, Some(false));
}

/// Pushes the result table of a select.
fn push_selected(stack: &Stack, cx: &mut Cx, completion: Completion<Value>) -> Result<i32, Raise> {
    let (case, received) = match completion {
        Completion::Received { case, value, .. } => (case, Some(value)),
        Completion::Sent { case, .. } => (case, None),
        Completion::SendClosed { .. } => {
            push_send_closed(stack);
            return Ok(2);
        }
        Completion::Closed => return Ok(0),
    };
    let case = CASES + case as i32;
    stack.new_table(0, 3);
    stack.object_value(case, 1);
    let channel = stack.object::<Channel>(-1).expect("cases are made of channels");
    stack.raw_set_field(-2, "channel");
    let ok = match received {
        Some(Some(value)) => {
            push_value(stack, cx, channel.yields, value)?;
            stack.raw_set_field(-2, "value");
            true
        }
        Some(None) => false,
        None => {
            stack.object_value(case, 2);
            stack.raw_set_field(-2, "value");
            true
        }
    };
    stack.push_bool(ok);
    stack.raw_set_field(-2, "ok");
    Ok(1)
}

/// Pushes a received value as the channel yields it.
fn push_value(stack: &Stack, cx: &mut Cx, yields: Yields, value: Value) -> Result<(), Raise> {
    match value {
        Value::Lua(slot) => cx.push_kept(stack, slot),
        Value::Fired(at) => push_wall_time(stack, at.0),
        Value::Event(event) => event::push(stack, &event),
        Value::Message(Waiting { mut message, .. }) => {
            inbox::delivered(cx.process(), &message);
            match yields {
                Yields::Payloads => message::push_plain(stack, cx, &mut message),
                _ => message::push(stack, cx, &mut message),
            }
        }
    }
    Ok(())
}
