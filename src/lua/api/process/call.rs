//! A message that wants an answer: `process.call`, and what the answer does.

use super::destination::{not_found, resolve};
use super::send::{not_sent, payload_args};
use crate::lua::api::args::text_arg;
use crate::lua::api::channel::check_wait;
use crate::lua::api::refused::{Refused, fail};
use crate::lua::api::time::{duration_arg, duration_text};
use crate::lua::cx::Cx;
use crate::lua::raw::{Outcome, Raise, Stack};
use crate::lua::timers::Fires;
use crate::process::{CallRef, Encoded, Failure, Message, Signal, Topic, kind};

/// How long a call waits where the program does not say so.
const CALL_TIMEOUT_NS: i64 = 5_000_000_000;

pub(super) fn call(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    if stack.top() < 2 {
        let text = "call requires at least destination and topic arguments";
        return fail(stack, kind::INVALID, text);
    }
    check_wait(stack, "call")?;
    let dest = text_arg(stack, 1)?;
    let topic = text_arg(stack, 2)?;
    if topic.first() == Some(&b'@') {
        return fail(stack, kind::INVALID, "cannot send to @ topics");
    }
    let timeout = match stack.is_nil(4) {
        true => CALL_TIMEOUT_NS,
        false => match duration_arg(stack, 4) {
            Ok(timeout) => timeout,
            Err(text) => return fail(stack, kind::INVALID, text),
        },
    };
    stack.set_top(3);
    match begin_call(stack, cx, &dest, &topic) {
        Ok((id, watch)) => {
            let at_ns = cx.now_ns().saturating_add(timeout.max(0).unsigned_abs());
            let timer = cx.start_timer(at_ns, Fires::GiveUp { operation: id });
            cx.wait_call(id, watch, timer, duration_text(timeout))
        }
        Err(refused) => refused.push(stack),
    }
}

/// Watches the target, then sends; gives the numbers of the call and of the watch.
fn begin_call(
    stack: &Stack,
    cx: &mut Cx,
    dest: &[u8],
    topic: &[u8],
) -> Result<(u64, u64), Refused> {
    let to = resolve(cx, dest)?;
    let payload = payload_args(stack, cx, 3)?;
    let id = cx.operations.next_id();
    let watch = cx.step.get().watch(to).ok_or_else(|| not_found(to.to_string().as_bytes()))?;
    let call = CallRef { caller: cx.pid(), id };
    let (topic, from) = (Topic::from_slice(topic), Some(cx.pid()));
    let message = Message { topic, from, payload, call: Some(call), attachment: None };
    let step = cx.step.get();
    step.runtime().send(to, message, step.worker).map_err(|error| {
        step.unwatch(watch);
        not_sent(error, to, dest)
    })?;
    Ok((id, watch))
}

/// Answers a call: false when the caller has ended. One that has given up lets the answer go.
pub(crate) fn answer(cx: &Cx, call: CallRef, result: Result<Encoded, Box<Failure>>) -> bool {
    let step = cx.step.get();
    step.runtime().signal(call.caller, Signal::Reply { id: call.id, result }, step.worker)
}
