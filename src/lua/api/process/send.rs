//! Messages to other processes, now or later.

use super::destination::{find, not_found, resolve};
use crate::lua::api::args::{text_arg, text_argument};
use crate::lua::api::refused::{Refused, fail, succeed};
use crate::lua::api::time::{duration_arg, push_timer};
use crate::lua::cx::Cx;
use crate::lua::raw::{Outcome, Raise, Stack};
use crate::lua::timers::{Destination, Fires, Later};
use crate::lua::transfer;
use crate::process::{
    Encoded, Letter, Message, Pid, Runtime, SendError, Topic, has_pid_form, kind, size_text,
};

pub(super) fn send(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    if stack.top() < 2 {
        let text = "send requires at least destination and topic arguments";
        return fail(stack, kind::INVALID, text);
    }
    let dest = text_argument(stack, 1)?;
    let topic = text_argument(stack, 2)?;
    if topic.first() == Some(&b'@') {
        return fail(stack, kind::INVALID, "cannot send to @ topics");
    }
    match send_now(stack, cx, dest, Topic::from_slice(topic)) {
        Ok(()) => succeed(stack),
        Err(refused) => refused.push(stack),
    }
}

fn send_now(stack: &Stack, cx: &mut Cx, dest: &[u8], topic: Topic) -> Result<(), Refused> {
    let step = cx.step.get();
    let (process, worker) = (step.process, step.worker);
    let to = find(process.runtime(), dest)?;
    let payload = payload_args(stack, cx, 3)?;
    let from = Some(process.pid());
    let letter = Letter::new(Message { topic, from, payload, call: None, attachment: None });
    let sent = Runtime::post(&to, letter, worker);
    sent.map_err(|error| not_sent(error, to.pid(), dest))
}

/// Encodes the payload arguments from `first` on.
pub(super) fn payload_args(stack: &Stack, cx: &mut Cx, first: i32) -> Result<Encoded, Refused> {
    if stack.top() < first {
        return Ok(Encoded::default());
    }
    transfer::encode(stack, cx, stack.rest(first))
        .map_err(|error| Refused::new(kind::INVALID, error.to_string()))
}

/// What tells a program that its message to `to`, which it called `dest`, was not queued.
pub(crate) fn not_sent(error: SendError, to: Pid, dest: &[u8]) -> Refused {
    match error {
        SendError::NotFound if has_pid_form(dest) => not_found(dest),
        SendError::NotFound => not_found(to.to_string().as_bytes()),
        SendError::TooLarge(bytes) => {
            let size = size_text(bytes as u64);
            Refused::new(kind::LIMIT_EXCEEDED, format!("message too large: {size}"))
        }
        SendError::Full => Refused::for_now(kind::RATE_LIMITED, "mailbox full"),
    }
}

pub(super) fn send_after(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    if stack.top() < 3 {
        let text = "send_after requires at least duration, destination and topic arguments";
        return fail(stack, kind::INVALID, text);
    }
    let delay = match duration_arg(stack, 1) {
        Ok(delay) => delay,
        Err(text) => return fail(stack, kind::INVALID, text),
    };
    let dest = text_arg(stack, 2)?;
    let topic = text_arg(stack, 3)?;
    if topic.first() == Some(&b'@') {
        return fail(stack, kind::INVALID, "cannot send to @ topics");
    }
    let to = match resolve(cx, &dest) {
        Ok(to) => to,
        Err(refused) => return refused.push(stack),
    };
    let payload = match payload_args(stack, cx, 4) {
        Ok(payload) => payload,
        Err(refused) => return refused.push(stack),
    };
    let to = match std::str::from_utf8(&dest) {
        Ok(name) if !has_pid_form(&dest) => Destination::Name(name.into()),
        _ => Destination::Pid(to),
    };
    cx.check_room(stack)?;
    let later = Later { to, topic: Topic::from_slice(&topic), payload };
    let at_ns = cx.now_ns().saturating_add(delay.max(0).unsigned_abs());
    let token = cx.start_timer(at_ns, Fires::Send(Box::new(later)));
    push_timer(stack, token, None);
    Ok(Outcome::Return(1))
}

impl Cx {
    /// A delayed message is due; one that nobody can receive any more is dropped.
    pub(crate) fn send_later(&mut self, later: Later) {
        let step = self.step.get();
        let to = match later.to {
            Destination::Pid(pid) => Some(pid),
            Destination::Name(name) => step.runtime().lookup(&name),
        };
        if let Some(to) = to {
            let from = Some(step.process.pid());
            let (topic, payload) = (later.topic, later.payload);
            let message = Message { topic, from, payload, call: None, attachment: None };
            let _ = step.runtime().send(to, message, step.worker);
        }
    }
}
