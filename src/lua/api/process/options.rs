//! What a process can say about itself while it runs.

use crate::lua::api::errors::push_error;
use crate::lua::api::refused::succeed;
use crate::lua::cx::Cx;
use crate::lua::raw::{LuaType, Outcome, Raise, Stack};
use crate::process::kind;

pub(super) fn get_options(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    stack.new_table(0, 1);
    stack.push_bool(cx.step.get().state.trap_links);
    stack.raw_set_field(-2, "trap_links");
    Ok(Outcome::Return(1))
}

pub(super) fn set_options(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    match read_options(stack) {
        Ok(Some(trap_links)) => cx.step.get().state.trap_links = trap_links,
        Ok(None) => {}
        Err(text) => {
            stack.push_bool(false);
            push_error(stack, kind::INVALID, &text, Some(false));
            return Ok(Outcome::Return(2));
        }
    }
    succeed(stack)
}

fn read_options(stack: &Stack) -> Result<Option<bool>, String> {
    if stack.kind(1) != LuaType::Table {
        return Err("options parameter must be a table".to_owned());
    }
    let mut trap_links = None;
    stack.push_nil();
    while stack.next(1) {
        match stack.bytes(-2) {
            Some(b"trap_links") => {
                let value = stack.boolean(-1).ok_or("trap_links must be a boolean")?;
                trap_links = Some(value);
            }
            Some(key) => {
                let key = String::from_utf8_lossy(key);
                return Err(format!("option {key} is not supported"));
            }
            None => {}
        }
        stack.pop(1);
    }
    Ok(trap_links)
}
