//! The channels that a process receives on: its inbox, its events, and one for each topic.

use crate::lua::api::args::text_arg;
use crate::lua::api::channel::{Channel, Yields, push_channel};
use crate::lua::api::errors::push_error;
use crate::lua::api::refused::{fail, succeed};
use crate::lua::cx::Cx;
use crate::lua::inbox::Role;
use crate::lua::raw::{LuaType, Outcome, REGISTRY, Raise, Stack};
use crate::lua::registry;
use crate::process::{Topic, kind};

pub(super) fn inbox(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = cx.inbox.open_inbox(&mut cx.channels);
    push_single(stack, registry::INBOX, || {
        push_channel(stack, id, Yields::Messages(Role::Inbox));
    })
}

pub(super) fn events(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = cx.inbox.open_events(&mut cx.channels);
    push_single(stack, registry::EVENTS, || push_channel(stack, id, Yields::Events))
}

/// Pushes the object in a registry slot, made on first use.
fn push_single(stack: &Stack, slot: i64, make: impl FnOnce()) -> Result<Outcome, Raise> {
    if stack.raw_get_int(REGISTRY, slot) != LuaType::Userdata {
        stack.pop(1);
        make();
        stack.push_value(-1);
        stack.raw_set_int(REGISTRY, slot);
    }
    Ok(Outcome::Return(1))
}

pub(super) fn listen(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let topic = text_arg(stack, 1)?;
    match topic.first() {
        None => return fail(stack, kind::INVALID, "topic cannot be empty"),
        Some(b'@') => return fail(stack, kind::INVALID, "cannot listen to @ topics"),
        Some(_) => {}
    }
    let messages = stack.kind(2) == LuaType::Table && {
        stack.raw_get_field(2, "message");
        stack.boolean(-1) == Some(true)
    };
    push_listen_table(stack);
    stack.push_bytes(&topic);
    if stack.raw_get(-2) == LuaType::Userdata {
        if messages && let Some(channel) = stack.object::<Channel>(-1) {
            let yields = Yields::Messages(Role::Listen);
            stack.set_object(-1, Channel { yields, ..channel });
        }
        return Ok(Outcome::Return(1));
    }
    stack.pop(1);
    let yields = if messages { Yields::Messages(Role::Listen) } else { Yields::Payloads };
    let id = cx.inbox.open_listen(&mut cx.channels, Topic::from_slice(&topic));
    push_channel(stack, id, yields);
    stack.push_bytes(&topic);
    stack.push_value(-2);
    stack.raw_set(-4);
    Ok(Outcome::Return(1))
}

fn push_listen_table(stack: &Stack) {
    if stack.raw_get_int(REGISTRY, registry::LISTEN) != LuaType::Table {
        stack.pop(1);
        stack.new_table(0, 1);
        stack.push_value(-1);
        stack.raw_set_int(REGISTRY, registry::LISTEN);
    }
}

pub(super) fn unlisten(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let Some(channel) = stack.object::<Channel>(1) else {
        let what = format!("channel expected, got {}", stack.type_name(1));
        return Err(Raise::argument(stack, 1, &what));
    };
    let Some((role, topic)) = cx.inbox.close(&mut cx.channels, channel.id) else {
        stack.push_bool(false);
        push_error(stack, kind::NOT_FOUND, "channel not found", Some(false));
        return Ok(Outcome::Return(2));
    };
    match (role, topic) {
        (Role::Listen, Some(topic)) => {
            push_listen_table(stack);
            stack.push_bytes(&topic);
            stack.push_nil();
            stack.raw_set(-3);
        }
        (Role::Events, _) => clear_slot(stack, registry::EVENTS),
        _ => clear_slot(stack, registry::INBOX),
    }
    succeed(stack)
}

fn clear_slot(stack: &Stack, slot: i64) {
    stack.push_nil();
    stack.raw_set_int(REGISTRY, slot);
}
