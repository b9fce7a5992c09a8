//! Ending a process from outside, or oneself: at once, or by asking first.

use super::cancel_request;
use super::destination::{destination_arg, not_found};
use crate::lua::api::refused::{fail, succeed};
use crate::lua::api::time::duration_text;
use crate::lua::cx::{Cx, TakenIn};
use crate::lua::raw::{Outcome, Raise, Stack};
use crate::process::{Cancel, Failure, Grace, Signal, kind};

pub(super) fn terminate(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let target = match destination_arg(stack, cx, "terminate")? {
        Ok(target) => target,
        Err(refused) => return refused.push(stack),
    };
    if target == cx.pid() {
        cx.step.get().state.kill(Failure::terminated());
        return Ok(Outcome::Die);
    }
    let step = cx.step.get();
    match step.runtime().kill(target, Failure::terminated(), step.worker) {
        true => succeed(stack),
        false => not_found(target.to_string().as_bytes()).push(stack),
    }
}

pub(super) fn cancel(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let target = match destination_arg(stack, cx, "cancel")? {
        Ok(target) => target,
        Err(refused) => return refused.push(stack),
    };
    let request = match cancel_request::read(stack, 2) {
        Ok(request) => request,
        Err(text) => return fail(stack, kind::INVALID, text),
    };
    let (now_ns, step) = (cx.now_ns(), cx.step.get());
    let at_ns = step.worker.wall_ns();
    if request.grace_ns == Some(0) {
        let failure = cancel_failure(0, &request.reason);
        if target == step.process.pid() {
            step.state.kill(failure);
            return Ok(Outcome::Die);
        }
        return match step.runtime().kill(target, failure, step.worker) {
            true => succeed(stack),
            false => not_found(target.to_string().as_bytes()).push(stack),
        };
    }
    let grace = request.grace_ns.map(|grace_ns| Grace {
        at_ns: now_ns.saturating_add(grace_ns),
        wall_ns: at_ns + i128::from(grace_ns),
        failure: Some(cancel_failure(grace_ns, &request.reason)),
    });
    let from = Some(step.process.pid());
    let cancel = Cancel { from, reason: request.reason, at_ns, grace };
    if !step.runtime().signal(target, Signal::Cancel(Box::new(cancel)), step.worker) {
        return not_found(target.to_string().as_bytes()).push(stack);
    }
    if target == cx.pid() && cx.take_in(stack) == TakenIn::Die {
        return Ok(Outcome::Die);
    }
    succeed(stack)
}

fn cancel_failure(grace_ns: u64, reason: &[u8]) -> Failure {
    let span = duration_text(i64::try_from(grace_ns).unwrap_or(i64::MAX));
    let mut message =
        format!("process terminated: cancel deadline of {span} exceeded").into_bytes();
    if !reason.is_empty() {
        message.extend_from_slice(b": ");
        message.extend_from_slice(reason);
    }
    Failure::new(kind::CANCELED, message)
}
