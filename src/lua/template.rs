//! Templates: the VM of a program, taken as far as every process of it comes alike. Its
//! [image](super::image) is what a spawn copies.
//!
//! # How far
//! * **Rehearsed**: libraries and script have run; what is left is to call the script's function.
//!   This needs code that does the same every time. So a host function that reaches beyond the Lua
//!   heap fails in a template and spoils it, and so does a script that looks at its arguments, one
//!   that draws a random number, or one that takes long.
//! * **Loaded**: the functions of libraries and script are there, and none of them has run. This
//!   works for every program.

#![expect(unsafe_code, reason = "runs code in a VM that no process owns; R5 holds")]

use std::ffi::c_int;

use rustc_hash::FxHashSet;

use super::api;
use super::boot::{boot, load_units, rehearse};
use super::cx::Launch;
use super::guard::guard;
use super::image::Image;
use super::pages::RUN_PAGES_MAX;
use super::program::Program;
use super::raw::ffi::{self, lua_State};
use super::raw::{LuaType, Rehearsal, Stack, spoil};
use super::stdlib;
use super::vm::Vm;
use crate::stash::Shared;

/// How often it is tried to build three templates alike.
const ATTEMPTS: usize = 3;

/// Instructions that a rehearsal may take.
const INSTRUCTIONS_MAX: c_int = 100_000;

/// Makes the image of a program, if it can be copied. `seed` is that of its string hashes.
pub(crate) fn make(launch: &Shared<Launch>, seed: u32) -> Option<Image> {
    let program = &launch.program;
    let image = [Stage::Rehearsed, Stage::Loaded].into_iter().find_map(|stage| {
        if stage == Stage::Rehearsed && program.script().looks_at_arguments() {
            return None;
        }
        let build = || {
            scrub_stack();
            build(launch.clone(), seed, stage)
        };
        for _ in 0..ATTEMPTS {
            // A template that cannot be built cannot be built the next time either.
            let vms = [build()?, build()?, build()?];
            if let Some(image) = Image::of(&vms) {
                return Some(image);
            }
        }
        None
    });
    match &image {
        Some(image) => tracing::debug!(entry = program.id, "processes are copied: {image:?}"),
        None => tracing::debug!(entry = program.id, "processes are built one by one"),
    }
    image
}

/// Fills the part of the native stack with zeros that the caller's next calls will use. Where a
/// value needs no more than its type, Lua copies what happens to be there, and so into the heap.
#[inline(never)]
fn scrub_stack() {
    std::hint::black_box(&mut [0_u8; 128 * 1024]);
}

/// How far a template is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Rehearsed,
    Loaded,
}

/// A template. On its main coroutine are the function to resume and the function that this is to
/// call, ready for the arguments.
#[inline(never)]
fn build(launch: Shared<Launch>, seed: u32, stage: Stage) -> Option<Vm> {
    let vm = Vm::new_template(launch, seed)?;
    let (universe, stack) = (vm.universe(), vm.stack(vm.main()));
    universe.set_rehearsal(Rehearsal::Yes);
    stdlib::open(&stack);
    api::open(&stack, vm.cx());
    if !load_units(&stack, &vm.cx().launch.program) {
        return None;
    }
    fetch_named(&stack, &vm.cx().launch.program);
    stack.push_fn(guard);
    match stage {
        Stage::Loaded => stack.push_fn(boot),
        Stage::Rehearsed => push_rehearsed(&vm, &stack)?,
    }
    universe.set_rehearsal(Rehearsal::No);
    // Twice: what the first one finds dead may have kept others alive.
    stack.collect_garbage();
    stack.collect_garbage();
    vm.finish_template();
    Some(vm)
}

/// Fetches all members of libraries and modules whose names are in the sources. Programs cannot
/// tell, but each process would have to do it when it first uses them.
fn fetch_named(stack: &Stack, program: &Program) {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let names: FxHashSet<&[u8]> = program
        .units
        .iter()
        .flat_map(|unit| unit.text().split(|byte| !is_part(byte)))
        .filter(|name| !name.is_empty())
        .collect();
    let is_named = |name: &str| names.contains(name.as_bytes());
    stdlib::fetch(stack, &is_named);
    api::fetch(stack, &is_named);
}

/// Runs libraries and script, and pushes the function that every process begins with.
fn push_rehearsed(vm: &Vm, stack: &Stack) -> Option<()> {
    let universe = vm.universe();
    // More than an image holds.
    universe.set_memory_limit(2 * RUN_PAGES_MAX * super::pages::PAGE);
    universe.leave_loop();
    // SAFETY: a VM of our own; the call is protected, and nothing owned is on the way.
    let status = unsafe {
        let l = stack.raw();
        ffi::lua_sethook(l, Some(over_budget), ffi::LUA_MASKCOUNT, INSTRUCTIONS_MAX);
        ffi::lua_pushcfunction(l, rehearse);
        let status = ffi::lua_pcall(l, 0, 1, 0);
        ffi::lua_sethook(l, None, 0, 0);
        status
    };
    universe.enter_loop();
    universe.set_memory_limit(usize::MAX);
    let is_untouched = universe.rehearsal() == Rehearsal::Yes && !has_drawn(vm);
    let is_function = status == ffi::LUA_OK && stack.kind(-1) == LuaType::Function;
    (is_untouched && is_function).then_some(())
}

/// Whether `math.random` or `math.randomseed` was called.
fn has_drawn(vm: &Vm) -> bool {
    let state = vm.universe().generator();
    // SAFETY: the state is kept alive by the library.
    !state.is_null() && unsafe { state.read_unaligned() } != stdlib::seeded(vm.universe().seed())
}

/// The hook at the end of the budget, and from then on at each instruction, so that nothing that
/// catches errors goes on for long.
unsafe extern "C-unwind" fn over_budget(l: *mut lua_State, _: *mut ffi::lua_Debug) {
    // SAFETY: called by Lua; nothing owned.
    unsafe {
        ffi::lua_sethook(l, Some(over_budget), ffi::LUA_MASKCOUNT, 1);
        spoil(l);
    }
}

// AddressSanitizer leaves words of its own on the native stack, so that some templates differ.
#[cfg(test)]
#[cfg(not(any(loom, asan)))]
mod tests {
    use super::*;
    use crate::lua::testing::{environment, program};

    fn stage_of(source: &str) -> Option<Stage> {
        let program = program(source);
        let image = |stage| {
            let build = || {
                scrub_stack();
                build(Launch::new(environment(), program.clone()), 7, stage)
            };
            let vms = [build()?, build()?, build()?];
            Image::of(&vms)
        };
        let rehearsed = !program.script().looks_at_arguments();
        if rehearsed && image(Stage::Rehearsed).is_some() {
            return Some(Stage::Rehearsed);
        }
        image(Stage::Loaded).map(|_| Stage::Loaded)
    }

    #[test]
    fn code_that_does_the_same_in_every_process_is_rehearsed() {
        for source in [
            "return function() end",
            "local M = {} function M.main() end return M",
            "local time = require('time') local s = time.SECOND return function() return s end",
            "local random = math.random return function() return random(6) end",
            "local t = setmetatable({}, { __mode = 'k' }) t.x = print return function() end",
            "local s = ('x'):rep(100):gsub('x', function() return 'y' end) return function() return s end",
            "local t = { 3, 1, 2 } table.sort(t) return function() return t end",
            "local t = {} for k, v in pairs(string) do t[k] = v end return function() end",
            "local t = { [print] = 1 } return function() return t[print] end",
        ] {
            assert_eq!(stage_of(source), Some(Stage::Rehearsed), "{source}");
        }
    }

    #[test]
    fn code_that_may_do_otherwise_in_another_process_is_only_loaded() {
        for source in [
            "local a = ... return function() end",
            "return function(...) return select('#', ...) end, ...",
            "print('started') return function() end",
            "local me = process.id() return function() return me end",
            "pcall(process.id) return function() end",
            "local started = time.now() return function() end",
            "local n = math.random(6) return function() return n end",
            "math.randomseed(1) return function() end",
            "local c = channel.new() return function() end",
            "local c = coroutine.create(function() end) return function() return c end",
            "local t = { [{}] = 1 } return function() return t end",
            "local name = tostring({}) return function() return name end",
            "local n = collectgarbage('count') return function() return n end",
            "for i = 1, 1e9 do end return function() end",
            "while true do pcall(function() while true do end end) end",
            "local s = ('x'):rep(1e6) return function() return s end",
            "local f = load('return 1 + 1') return function() return f() end",
            "error('no')",
            "return 7",
            "return {}",
            "return setmetatable({}, { __index = function() return process.id() end })",
        ] {
            assert_eq!(stage_of(source), Some(Stage::Loaded), "{source}");
        }
    }
}
