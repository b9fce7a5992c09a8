//! `print` and `require`, and the globals of a program.

#![expect(
    unsafe_code,
    reason = "print calls tostring, which may raise; nothing owned in its frame"
)]

use std::ffi::c_int;

use super::args::text_arg;
use super::channel::{self, ChannelModule};
use super::errors;
use super::json;
use super::logger::LoggerModule;
use super::message;
use super::module;
use super::names;
use super::net::NetModule;
use super::payload;
use super::process::ProcessModule;
use super::time::TimeModule;
use crate::lua::boot::push_loaded;
use crate::lua::cx::Cx;
use crate::lua::program::Module;
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::{HostFn, LuaType, Outcome, Raise, Stack, call_host, host};
use crate::lua::stdlib::{Library, push_library};
use crate::lua::text::push_text;
use crate::process::Signal;
use crate::writer::Ready;

/// Pushes a new table of a module.
type Open = fn(&Stack);

/// The Moonlet tables that are always there.
const MODULES: [(&str, Open); 5] = [
    ("errors", errors::open),
    ("channel", module::open::<ChannelModule>),
    ("process", module::open::<ProcessModule>),
    ("payload", payload::open),
    ("time", module::open::<TimeModule>),
];

/// `print`.
pub(crate) const PRINT: HostFn = print;

/// `require`.
pub(crate) const REQUIRE: HostFn = host!(pure require);

/// Adds the modules that the entry lists to the globals of a fresh VM.
pub(crate) fn open(stack: &Stack, cx: &mut Cx) {
    message::install_string_call(stack);
    stack.push_globals();
    let script = cx.launch.program.script();
    for module in &script.modules {
        push_module(stack, *module);
        stack.raw_set_field(-2, module.name());
    }
    stack.pop(1);
}

/// Fetches what programs of the names `is_named` will look for: members of modules, the methods of
/// channels. The libraries have fetched theirs before.
pub(crate) fn fetch(stack: &Stack, is_named: &dyn Fn(&str) -> bool) {
    let listed = Module::ALL.into_iter().map(Module::name);
    for module in MODULES.iter().map(|(name, _)| *name).chain(listed).filter(|name| is_named(name))
    {
        stack.push_globals();
        stack.raw_get_field(-1, module);
        names::fetch_members(stack, is_named);
        stack.pop(2);
    }
    if is_named("receive") {
        channel::make_type(stack);
    }
}

/// Pushes the table of a listed module, the same at each call.
fn push_module(stack: &Stack, module: Module) {
    push_loaded(stack);
    if stack.raw_get_field(-1, module.name()) == LuaType::Nil {
        stack.pop(1);
        match module {
            Module::Json => json::open(stack),
            Module::Logger => module::open::<LoggerModule>(stack),
            Module::Net => module::open::<NetModule>(stack),
        }
        stack.push_value(-1);
        stack.raw_set_field(-3, module.name());
    }
    stack.remove(-2);
}

/// Every import is also a global of its alias: sets those that library `unit`, which has just run,
/// is known by in the script.
pub(crate) fn set_import_globals(stack: &Stack, cx: &mut Cx, unit: usize) {
    for (alias, imported) in &cx.launch.program.script().imports {
        if *imported == unit {
            stack.push_globals();
            push_loaded(stack);
            stack.raw_get_int(-1, unit as i64 + 1);
            stack.remove(-2);
            stack.raw_set_field(-2, alias);
            stack.pop(1);
        }
    }
}

fn require(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let name = text_arg(stack, 1)?;
    let name = String::from_utf8_lossy(&name).into_owned();
    let unit = &cx.launch.program.units[calling_unit(stack, cx)];
    if let Some((_, import)) = unit.imports.iter().find(|(alias, _)| *alias == name) {
        push_loaded(stack);
        stack.raw_get_int(-1, *import as i64 + 1);
        return Ok(Outcome::Return(1));
    }
    if let Some(module) = Module::by_name(&name) {
        if unit.modules.contains(&module) {
            push_module(stack, module);
            return Ok(Outcome::Return(1));
        }
        let id = &unit.id;
        let text = format!("module '{name}' is not listed in modules of entry '{id}'");
        return Err(Raise::Message(text));
    }
    if let Some(library) = Library::by_name(&name)
        && library != Library::Globals
    {
        push_library(stack, library);
        return Ok(Outcome::Return(1));
    }
    if MODULES.iter().any(|(module, _)| *module == name) {
        push_builtin(stack, &name);
        return Ok(Outcome::Return(1));
    }
    Err(Raise::Message(format!("module '{name}' not found")))
}

/// Pushes a Moonlet table that is always there: made on first use, and kept aside, so that a
/// changed global does not matter.
pub(crate) fn push_builtin(stack: &Stack, name: &str) {
    push_loaded(stack);
    if stack.raw_get_field(-1, name) == LuaType::Nil
        && let Some((_, open)) = MODULES.iter().find(|(module, _)| *module == name)
    {
        stack.pop(1);
        open(stack);
        stack.push_value(-1);
        stack.raw_set_field(-3, name);
    }
    stack.remove(-2);
}

/// The unit whose code called the running function, directly or through others, such as `pcall` or
/// loaded code; where that cannot be told (a tail call, another coroutine), the one whose top level
/// runs.
fn calling_unit(stack: &Stack, cx: &Cx) -> usize {
    let callers = (1..).map_while(|level| stack.source(level));
    let unit = |name: String| cx.launch.program.units.iter().position(|unit| *unit.id == *name);
    callers.filter_map(|name| unit(name?)).next().unwrap_or(cx.running_unit)
}

/// `print(…)`: the texts are made here, where `__tostring` may be called and may fail; the rest is
/// [`print_line`].
///
/// # Safety
/// Called by Lua only.
unsafe extern "C-unwind" fn print(l: *mut lua_State) -> c_int {
    // SAFETY: nothing owned in this frame; each text replaces its argument.
    unsafe {
        for arg in 1..=ffi::lua_gettop(l) {
            push_text(l, arg);
            ffi::lua_replace(l, arg);
        }
        call_host(l, print_line)
    }
}

fn print_line(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let mut line = Vec::with_capacity(64);
    for arg in stack.rest(1) {
        if arg > 1 {
            line.push(b'\t');
        }
        line.extend_from_slice(stack.bytes(arg).unwrap_or_default());
    }
    line.push(b'\n');
    let output = cx.launch.env.output.clone();
    output.print(&line);
    if !stack.can_wait() {
        return Ok(Outcome::Return(0));
    }
    let id = cx.operations.next_id();
    let process = cx.process().clone();
    let full = output.is_full(|| -> Ready {
        Box::new(move || {
            let done = Signal::Done { id, result: Box::new(()) };
            // A process that has ended waits for nothing.
            let _ = process.signal(done, process.host().pool().outside());
        })
    });
    if full {
        stack.set_top(0);
        return Ok(cx.wait_outside(id, "print"));
    }
    Ok(Outcome::Return(0))
}
