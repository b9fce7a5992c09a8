//! Base functions that differ from stock Lua's: they fill lazy tables before anybody could see that
//! they are lazy, ignore `__gc`, and leave the collector to the runtime.

use super::catalog::stock;
use super::lazy::fill_if_lazy;
use crate::lua::api::logger::escaped;
use crate::lua::api::module::refuser;
use crate::lua::cx::Cx;
use crate::lua::raw::{HostFn, LuaType, Outcome, Raise, Stack, guarded};

/// A full collection of so many bytes may take longer than a turn should last.
const LARGE_HEAP: usize = 1 << 20;

pub(super) fn getmetatable(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    fill_if_lazy(stack, 1);
    Ok(Outcome::Nested(stock().getmetatable))
}

/// As stock, but does not mark the table for finalization: Lua looks for `__gc` in the moment when
/// the metatable is set, and only then. So the field is out of the metatable in that moment.
pub(super) fn setmetatable(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    fill_if_lazy(stack, 1);
    if !has_finalizer(stack, 2) || stack.kind(1) != LuaType::Table || is_protected(stack, 1) {
        return Ok(Outcome::Nested(stock().setmetatable));
    }
    stack.set_top(2);
    stack.raw_get_field(2, "__gc");
    stack.push_nil();
    stack.raw_set_field(2, "__gc");
    stack.push_value(2);
    stack.set_metatable(1);
    stack.raw_set_field(2, "__gc");
    stack.set_top(1);
    Ok(Outcome::Return(1))
}

fn has_finalizer(stack: &Stack, metatable: i32) -> bool {
    stack.kind(metatable) == LuaType::Table && {
        let found = stack.raw_get_field(metatable, "__gc");
        stack.pop(1);
        found != LuaType::Nil
    }
}

/// Whether the table's metatable has a `__metatable` field.
fn is_protected(stack: &Stack, table: i32) -> bool {
    stack.push_metatable(table) && {
        let found = stack.raw_get_field(-1, "__metatable");
        stack.pop(2);
        found != LuaType::Nil
    }
}

pub(super) fn rawget(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    fill_if_lazy(stack, 1);
    Ok(Outcome::Nested(stock().rawget))
}

pub(super) fn rawset(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    if let Some(refuse) = refuser(stack, 1) {
        return Ok(Outcome::Nested(refuse));
    }
    fill_if_lazy(stack, 1);
    Ok(Outcome::Nested(stock().rawset))
}

/// `next`: the start of a walk fills a lazy table; the steps are stock Lua's. `pairs` hands out the
/// function of stock Lua, so its loops pay nothing for this.
pub(super) const NEXT: HostFn = guarded!(starts, next, (stock().next));

fn starts(stack: &Stack) -> bool {
    stack.is_nil(2)
}

fn next(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    fill_if_lazy(stack, 1);
    Ok(Outcome::Nested(stock().next))
}

/// `collectgarbage`: programs may ask and collect; how the collector runs is not theirs to say.
pub(super) fn collectgarbage(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let option = match stack.kind(1) {
        LuaType::None | LuaType::Nil => b"collect".as_slice(),
        LuaType::String => stack.bytes(1).unwrap_or_default(),
        LuaType::Number => b"",
        _ => return Ok(Outcome::Nested(stock().collectgarbage)), // raises
    };
    match option {
        b"count" => stack.push_num(stack.universe().used_bytes() as f64 / 1024.0),
        b"collect" => {
            if stack.universe().used_bytes() > LARGE_HEAP {
                cx.before_long_step();
            }
            stack.collect_garbage();
            cx.count_pause();
            stack.push_int(0);
        }
        _ => stack.push_int(0),
    }
    Ok(Outcome::Return(1))
}

/// `warn`: one log line of the joined arguments. A single argument that starts with `@` is a
/// control message, and there is nothing to control.
pub(super) fn warn(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let mut text = Vec::new();
    for index in 1..=stack.top().max(1) {
        match (stack.bytes(index), stack.number_text(index)) {
            (Some(part), _) => text.extend_from_slice(part),
            (None, Some(number)) => text.extend_from_slice(number.as_bytes()),
            (None, None) => return Ok(Outcome::Nested(stock().warn)), // raises
        }
    }
    if stack.top() > 1 || !text.starts_with(b"@") {
        let (pid, entry) = (cx.pid(), cx.process().entry());
        tracing::warn!(%pid, %entry, "{}", escaped(&text));
    }
    Ok(Outcome::Return(0))
}
