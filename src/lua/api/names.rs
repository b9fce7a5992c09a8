//! The names of host functions for messages: of one whose caller does not tell it, `pcall(ch.send,
//! 5)`, and of one that cannot be suspended.

#![expect(unsafe_code, reason = "looks at the stack of the coroutine that runs another in place")]

use std::ffi::c_int;

use super::channel::ChannelModule;
use super::errors::Errors;
use super::json::Json;
use super::logger::LoggerModule;
use super::module::{self, Member, Module, refuse};
use super::net::NetModule;
use super::payload::{FormatNames, PayloadModule};
use super::process::{Events, ProcessModule, Registry};
use super::time::TimeModule;
use crate::lua::objects;
use crate::lua::raw::{HostFn, LuaType, Stack};
use crate::lua::stdlib::{self, Library};

/// The name by which the running function was called, and whether as a method. A caller without a
/// name for it, such as `pcall`, makes Lua name a member of its libraries with the library, and
/// everything else `?`; members of modules are then called as everywhere.
pub(crate) fn called(stack: &Stack) -> (String, bool) {
    let (name, is_method) = stack.call_name();
    if name != "?" {
        return (name, is_method);
    }
    let Some(function) = stack.function_at(0) else { return (name, is_method) };
    let known = match stdlib::function_name(function) {
        Some((library, name)) if library != Library::Globals => {
            Some(format!("{}.{name}", library.name()))
        }
        _ => known(stack, function),
    };
    (known.unwrap_or(name), is_method)
}

/// Whether the function refuses assignments to a module table.
pub(super) fn is_refuser(function: HostFn) -> bool {
    MODULES.iter().any(|module| same(module.refuse, function))
}

/// The C function that keeps the running one from waiting.
pub(crate) fn blocking(stack: &Stack) -> String {
    match stack.universe().nested_in() {
        // SAFETY: the coroutine lives, because a C function of it is running.
        Some(outer) => blocking_from(&unsafe { Stack::new(outer) }, 0),
        None => blocking_from(stack, 1),
    }
}

/// The innermost C function from call level `first` on that cannot be suspended.
fn blocking_from(stack: &Stack, first: c_int) -> String {
    let frames = (first..).map_while(|level| stack.c_frame(level));
    for frame in frames {
        let Some(function) = frame.function else { continue };
        if same(function, stdlib::MESSAGE_HANDLER) {
            return "xpcall".to_owned();
        }
        if !can_be_suspended(function) {
            let name = known(stack, function).or(frame.name);
            return name.unwrap_or_else(|| "?".to_owned());
        }
    }
    // A coroutine that closes itself, or that failed and is being closed.
    "close".to_owned()
}

/// Functions that call others in a way that lets those wait.
fn can_be_suspended(function: HostFn) -> bool {
    const NAMES: [&str; 10] = [
        "pcall", "xpcall", "sort", "gsub", "resume", "concat", "insert", "move", "remove", "unpack",
    ];
    same(function, super::coroutine::WRAPPED)
        || stdlib::function_name(function).is_some_and(|(_, name)| NAMES.contains(&name))
}

/// The name of a function that is a member of a library or module or a method of an object.
fn known(stack: &Stack, function: HostFn) -> Option<String> {
    let member = stdlib::function_name(function).map(|(_, name)| name);
    let member = member.or_else(|| module_member(function));
    member.map(str::to_owned).or_else(|| method(stack, function))
}

/// Fetches the members that `is_named` if the value on top is a module table.
pub(super) fn fetch_members(stack: &Stack, is_named: &dyn Fn(&str) -> bool) {
    if let Some(refuse) = module::refuser(stack, -1)
        && let Some(module) = MODULES.iter().find(|module| same(module.refuse, refuse))
    {
        (module.fetch)(stack, is_named);
    }
}

/// Fetches members of the module table on top.
type Fetch = fn(&Stack, &dyn Fn(&str) -> bool);

/// What is to be known of a module.
struct Known {
    members: &'static [(&'static str, Member)],
    refuse: HostFn,
    fetch: Fetch,
}

impl Known {
    const fn of<M: Module>() -> Known {
        Known { members: M::MEMBERS, refuse: refuse::<M>, fetch: module::fetch::<M> }
    }
}

/// All modules.
static MODULES: [Known; 11] = [
    Known::of::<ProcessModule>(),
    Known::of::<Events>(),
    Known::of::<Registry>(),
    Known::of::<ChannelModule>(),
    Known::of::<TimeModule>(),
    Known::of::<Errors>(),
    Known::of::<PayloadModule>(),
    Known::of::<FormatNames>(),
    Known::of::<Json>(),
    Known::of::<LoggerModule>(),
    Known::of::<NetModule>(),
];

fn module_member(function: HostFn) -> Option<&'static str> {
    MODULES.iter().flat_map(|known| known.members).find_map(|(name, member)| match member {
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
