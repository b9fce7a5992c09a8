//! The name of a host function for messages, where the calling code does not tell it: `pcall(ch.send, 5)`.

use std::ffi::c_int;

use super::channel::ChannelModule;
use super::errors::Errors;
use super::json::Json;
use super::logger::LoggerModule;
use super::module::{Member, Module};
use super::process::{ProcessModule, Registry};
use super::time::TimeModule;
use crate::lua::objects;
use crate::lua::raw::{HostFn, LuaType, Stack};

/// The name of the running function, and whether it was called as a method. `?` where nothing tells it.
pub(crate) fn called(stack: &Stack) -> (String, bool) {
    let (name, is_method) = stack.call_name();
    let name = if name == "?" { running(stack).unwrap_or(name) } else { name };
    (name, is_method)
}

/// The name of the running function, if it is a member of a module or a method of an object.
fn running(stack: &Stack) -> Option<String> {
    let function = stack.running_function()?;
    module_member(function).map(str::to_owned).or_else(|| method(stack, function))
}

fn module_member(function: HostFn) -> Option<&'static str> {
    let modules = [
        ProcessModule::MEMBERS,
        Registry::MEMBERS,
        ChannelModule::MEMBERS,
        TimeModule::MEMBERS,
        Errors::MEMBERS,
        Json::MEMBERS,
        LoggerModule::MEMBERS,
    ];
    modules.into_iter().flatten().find_map(|(name, member)| match member {
        Member::Function(other) if same(*other, function) => Some(*name),
        _ => None,
    })
}

/// Looks through the methods of the types that this VM has met.
fn method(stack: &Stack, function: HostFn) -> Option<String> {
    let top = stack.top();
    let found = (0..objects::N_TAGS).find_map(|tag| {
        stack.set_top(top);
        if stack.kept_table(tag) != LuaType::Table
            || stack.raw_get_field(-1, "__index") != LuaType::Table
        {
            return None;
        }
        named(stack, stack.top(), function)
    });
    stack.set_top(top);
    found
}

fn named(stack: &Stack, methods: c_int, function: HostFn) -> Option<String> {
    stack.push_nil();
    while stack.next(methods) {
        if stack.host_function(-1).is_some_and(|other| same(other, function)) {
            return stack.bytes(-2).map(|name| String::from_utf8_lossy(name).into_owned());
        }
        stack.pop(1);
    }
    None
}

fn same(a: HostFn, b: HostFn) -> bool {
    std::ptr::fn_addr_eq(a, b)
}
