//! What goes over from the old program of an upgrade to the new one.

use crate::channel::{Channels, Completion};
use crate::lua::cx::Cx;
use crate::lua::fiber::Resumption;
use crate::lua::inbox::Inbox;
use crate::lua::net::Sockets;
use crate::lua::operations::Operations;
use crate::lua::timers::Timers;
use crate::lua::value::Value;
use crate::lua::vm::Vm;

/// What an upgraded program takes over: undelivered messages and events; and, empty, what gives out
/// numbers, so that a timer, answer or socket of the old program is not taken for one of the new.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) inbox: Inbox,
    pub(super) timers: Timers,
    pub(super) operations: Operations,
    pub(super) sockets: Sockets,
}

/// Ends the old program of an upgrade; its undelivered messages and events are kept.
pub(super) fn give_up(vm: &Vm) -> Kept {
    let cx = vm.cx();
    cx.stop_all_timers();
    cx.close_sockets();
    cx.operations.forget_all();
    let mut inbox = std::mem::take(&mut cx.inbox);
    inbox.close_all(&mut cx.channels);
    inbox.take_back(not_received(cx));
    cx.channels = Channels::new();
    Kept {
        inbox,
        timers: std::mem::take(&mut cx.timers),
        operations: std::mem::take(&mut cx.operations),
        sockets: std::mem::take(&mut cx.sockets),
    }
}

/// Values on their way to fibers that will not run any more, in the order in which they were given
/// out.
fn not_received(cx: &mut Cx) -> Vec<Value> {
    let mut values = Vec::new();
    let mut keep = |completion| {
        if let Completion::Received { value: Some(value), .. } = completion {
            values.push(value);
        }
    };
    while let Some(fiber) = cx.fibers.next() {
        if let Some(Resumption::Channel(completion)) = cx.fibers.get_mut(fiber).resumption.take() {
            keep(completion);
        }
    }
    while let Some(wake) = cx.channels.next_wake() {
        keep(wake.completion);
    }
    values
}
