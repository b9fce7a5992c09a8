//! The `process` module: one file for each thing that programs do with processes.

mod call;
mod cancel_request;
mod destination;
mod ends;
mod names;
mod options;
mod receive;
mod relations;
mod send;
mod spawn;
mod spawner;
mod upgrade;

pub(crate) use call::answer;
pub(crate) use destination::resolve;
pub(crate) use names::Registry;
pub(crate) use send::not_sent;
pub(crate) use spawner::Spawners;

use super::module::{self, Member, Module};
use crate::lua::cx::Cx;
use crate::lua::raw::{LuaType, Outcome, REGISTRY, Raise, Stack, host};
use crate::lua::registry;
use crate::process::Pid;

/// The module.
#[derive(Debug)]
pub(crate) struct ProcessModule;

impl Module for ProcessModule {
    const NAME: &'static str = "process";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("id", Member::Function(host!(poll id))),
        ("pid", Member::Function(host!(poll pid))),
        ("spawn", Member::Function(host!(poll spawn::spawn))),
        ("spawn_monitored", Member::Function(host!(poll spawn::spawn_monitored))),
        ("spawn_linked", Member::Function(host!(poll spawn::spawn_linked))),
        ("spawn_linked_monitored", Member::Function(host!(poll spawn::spawn_linked_monitored))),
        ("exec", Member::Function(host!(poll spawn::exec))),
        ("send", Member::Function(host!(poll send::send))),
        ("send_after", Member::Function(host!(poll send::send_after))),
        ("call", Member::Function(host!(poll call::call))),
        ("inbox", Member::Function(host!(poll receive::inbox))),
        ("events", Member::Function(host!(poll receive::events))),
        ("listen", Member::Function(host!(poll receive::listen))),
        ("unlisten", Member::Function(host!(poll receive::unlisten))),
        ("monitor", Member::Function(host!(poll relations::monitor))),
        ("unmonitor", Member::Function(host!(poll relations::unmonitor))),
        ("link", Member::Function(host!(poll relations::link))),
        ("unlink", Member::Function(host!(poll relations::unlink))),
        ("cancel", Member::Function(host!(poll ends::cancel))),
        ("terminate", Member::Function(host!(poll ends::terminate))),
        ("get_options", Member::Function(host!(poll options::get_options))),
        ("set_options", Member::Function(host!(poll options::set_options))),
        ("with_options", Member::Function(host!(poll spawner::with_options))),
        ("with_name", Member::Function(host!(poll spawner::with_name))),
        ("with_message", Member::Function(host!(poll spawner::with_message))),
        ("upgrade", Member::Function(host!(poll upgrade::upgrade))),
        ("event", Member::Value(module::open::<Events>)),
        ("registry", Member::Value(module::open::<Registry>)),
    ];
}

/// `process.event`.
pub(super) struct Events;

impl Module for Events {
    const NAME: &'static str = "process.event";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("CANCEL", Member::Text("pid.cancel")),
        ("EXIT", Member::Text("pid.exit")),
        ("LINK_DOWN", Member::Text("pid.link.down")),
    ];
}

fn id(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    stack.push_bytes(cx.launch.program.id.as_bytes());
    Ok(Outcome::Return(1))
}

fn pid(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    if stack.raw_get_int(REGISTRY, registry::PID) != LuaType::String {
        stack.pop(1);
        stack.push_bytes(cx.pid().text());
        stack.push_value(-1);
        stack.raw_set_int(REGISTRY, registry::PID);
    }
    Ok(Outcome::Return(1))
}

fn push_pid(stack: &Stack, pid: Pid) {
    stack.push_bytes(pid.text());
}
