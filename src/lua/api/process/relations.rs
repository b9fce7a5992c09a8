//! Hearing of the ends of others: monitors and links.

use super::destination::{destination_arg, not_found, past_destination};
use crate::lua::api::args::text_arg;
use crate::lua::api::refused::{fail, succeed};
use crate::lua::cx::Cx;
use crate::lua::raw::{Outcome, Raise, Stack};
use crate::process::{kind, parse_pid_text};

pub(super) fn monitor(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let target = match destination_arg(stack, cx, "monitor")? {
        Ok(target) => target,
        Err(refused) => return refused.push(stack),
    };
    cx.check_room(stack)?;
    let step = cx.step.get();
    if step.is_monitoring(target) {
        return fail(stack, kind::ALREADY_EXISTS, format!("already monitoring {target}"));
    }
    match step.monitor(target) {
        true => succeed(stack),
        false => not_found(target.to_string().as_bytes()).push(stack),
    }
}

pub(super) fn unmonitor(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    match past_destination(stack, cx, "unmonitor")? {
        Ok(Some(target)) => cx.step.get().demonitor(target),
        Ok(None) => {}
        Err(refused) => return refused.push(stack),
    }
    succeed(stack)
}

pub(super) fn link(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let target = match destination_arg(stack, cx, "link")? {
        Ok(target) => target,
        Err(refused) => return refused.push(stack),
    };
    cx.check_room(stack)?;
    match cx.step.get().link(target) {
        true => succeed(stack),
        false => not_found(target.to_string().as_bytes()).push(stack),
    }
}

pub(super) fn unlink(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    match past_destination(stack, cx, "unlink")? {
        Ok(Some(target)) => cx.step.get().unlink(target),
        Ok(None) => {
            // The peer has ended; a LINK_DOWN of it that is still on its way must not kill either.
            if let Some((_, serial)) = parse_pid_text(&text_arg(stack, 1)?) {
                cx.step.get().forget_link(serial);
            }
        }
        Err(refused) => return refused.push(stack),
    }
    succeed(stack)
}
