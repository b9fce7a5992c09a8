//! The names of processes: `process.registry`.

use super::destination::not_found;
use super::push_pid;
use crate::lua::api::args::text_arg;
use crate::lua::api::module::{Member, Module};
use crate::lua::api::refused::{fail, succeed};
use crate::lua::cx::Cx;
use crate::lua::raw::{LuaType, Outcome, Raise, Stack, host};
use crate::process::{Registration, has_pid_form, kind, name_fault};

/// `process.registry`.
pub(crate) struct Registry;

impl Module for Registry {
    const NAME: &'static str = "process.registry";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("register", Member::Function(host!(poll register))),
        ("lookup", Member::Function(host!(poll lookup))),
        ("unregister", Member::Function(host!(poll unregister))),
        ("LOCAL", Member::Integer(0)),
    ];
}

fn register(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let name = text_arg(stack, 1)?;
    if let Some(fault) = name_fault(&name) {
        return fail(stack, kind::INVALID, fault);
    }
    let pid = match stack.kind(2) {
        LuaType::None | LuaType::Nil => cx.pid(),
        LuaType::String => {
            let wanted = stack.bytes(2).unwrap_or_default();
            if !has_pid_form(wanted) {
                let wanted = String::from_utf8_lossy(wanted);
                return fail(stack, kind::INVALID, format!("invalid pid: {wanted}"));
            }
            match cx.process().runtime().parse_pid(wanted) {
                Some(pid) => pid,
                None => return not_found(wanted).push(stack),
            }
        }
        _ => return fail(stack, kind::INVALID, "pid must be a string"),
    };
    if !stack.is_nil(3) && stack.integral(3) != Some(0) {
        return fail(stack, kind::INVALID, "scope is not supported");
    }
    cx.check_room(stack)?;
    let name = String::from_utf8_lossy(&name);
    match cx.process().runtime().register(&name, pid) {
        Registration::Done => succeed(stack),
        Registration::Taken => fail(stack, kind::ALREADY_EXISTS, "name already registered"),
        Registration::NotFound => not_found(pid.to_string().as_bytes()).push(stack),
    }
}

fn lookup(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let name = text_arg(stack, 1)?;
    match cx.process().runtime().lookup(&String::from_utf8_lossy(&name)) {
        Some(pid) => {
            push_pid(stack, pid);
            Ok(Outcome::Return(1))
        }
        None => fail(stack, kind::NOT_FOUND, "name not registered"),
    }
}

fn unregister(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let name = text_arg(stack, 1)?;
    let freed = cx.process().runtime().unregister(&String::from_utf8_lossy(&name));
    stack.push_bool(freed);
    Ok(Outcome::Return(1))
}
