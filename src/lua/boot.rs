//! The first steps of a program: its libraries in order, its script, and what the script's result
//! says is to be called (specification of processes, section 4.2).

#![expect(unsafe_code, reason = "C-shaped functions that call Lua; nothing owned in their frames")]

use std::ffi::c_int;

use super::api::errors::push_failure;
use super::cx::Cx;
use super::program::{Program, Unit};
use super::raw::ffi::{self, lua_State};
use super::raw::{LuaType, Outcome, Raise, Stack, host};
use super::registry;
use crate::process::{Failure, kind};

/// Called with the program's arguments; its results are those of the program. Any of the calls in
/// it may wait.
///
/// # Safety
/// Called by Lua only.
pub(crate) unsafe extern "C-unwind" fn boot(l: *mut lua_State) -> c_int {
    // SAFETY: nothing owned.
    unsafe { next_unit(l, ffi::LUA_OK, 0) }
}

/// Runs unit `index`, after the one before it has left its result on top.
unsafe extern "C-unwind" fn next_unit(
    l: *mut lua_State,
    _: c_int,
    index: ffi::lua_KContext,
) -> c_int {
    // SAFETY: the frame holds the arguments, and above them what the last unit gave; nothing owned.
    unsafe {
        let mut index = index;
        loop {
            if index > 0 {
                ffi::lua_pushinteger(l, index as i64 - 1);
                call_host_fn(l, host!(pure keep_library), 2, 0);
            }
            ffi::lua_pushinteger(l, index as i64);
            call_host_fn(l, host!(pure load_unit), 1, 2);
            let is_script = ffi::lua_toboolean(l, -1) != 0;
            ffi::lua_pop(l, 1);
            if is_script {
                return run_script(l);
            }
            ffi::lua_callk(l, 0, 1, index + 1, Some(next_unit));
            index += 1;
        }
    }
}

/// Calls a host function that neither waits nor fails.
unsafe fn call_host_fn(l: *mut lua_State, function: ffi::lua_CFunction, n_args: c_int, n: c_int) {
    // SAFETY: the arguments are on top.
    unsafe {
        ffi::lua_pushcfunction(l, function);
        ffi::lua_insert(l, -1 - n_args);
        ffi::lua_call(l, n_args, n);
    }
}

/// The script's function is on top, the arguments below it.
unsafe fn run_script(l: *mut lua_State) -> c_int {
    // SAFETY: room for the copies is checked; nothing owned.
    unsafe {
        let n_args = ffi::lua_gettop(l) - 1;
        ffi::luaL_checkstack(l, n_args + 8, c"too many arguments".as_ptr());
        for arg in 1..=n_args {
            ffi::lua_pushvalue(l, arg);
        }
        let n = n_args as ffi::lua_KContext;
        ffi::lua_callk(l, n_args, ffi::LUA_MULTRET, n, Some(after_script));
        after_script(l, ffi::LUA_OK, n)
    }
}

/// The arguments are at 1 to `n_args`, the script's results above them.
unsafe extern "C-unwind" fn after_script(
    l: *mut lua_State,
    _: c_int,
    n_args: ffi::lua_KContext,
) -> c_int {
    // SAFETY: as above.
    unsafe {
        let n_args = n_args as c_int;
        match ffi::lua_type(l, n_args + 1) {
            ffi::LUA_TFUNCTION => ffi::lua_settop(l, n_args + 1),
            ffi::LUA_TTABLE => {
                ffi::lua_settop(l, n_args + 1);
                call_host_fn(l, host!(pure push_method), 0, 1);
                ffi::lua_gettable(l, -2);
                if ffi::lua_type(l, -1) != ffi::LUA_TFUNCTION {
                    call_host_fn(l, host!(raise_no_method), 0, 0);
                }
                ffi::lua_remove(l, -2);
            }
            _ => return ffi::lua_gettop(l) - n_args,
        }
        ffi::lua_insert(l, 1);
        ffi::lua_callk(l, n_args, ffi::LUA_MULTRET, 0, Some(done));
        ffi::lua_gettop(l)
    }
}

unsafe extern "C-unwind" fn done(l: *mut lua_State, _: c_int, _: ffi::lua_KContext) -> c_int {
    // SAFETY: only the results are left in the frame.
    unsafe { ffi::lua_gettop(l) }
}

/// `keep_library(result, index)`: what `require` gives for it; `true` for nothing.
fn keep_library(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let index = stack.integer(2).unwrap_or_default();
    stack.set_top(1);
    if stack.is_nil(1) {
        stack.push_bool(true);
        stack.replace(1);
    }
    push_loaded(stack);
    stack.push_value(1);
    stack.raw_set_int(-2, index + 1);
    super::api::base::set_import_globals(stack, cx, usize::try_from(index).unwrap_or_default());
    Ok(Outcome::Return(0))
}

/// Pushes the table of loaded libraries and modules.
pub(crate) fn push_loaded(stack: &Stack) {
    if stack.raw_get_int(ffi::LUA_REGISTRYINDEX, registry::LOADED) != LuaType::Table {
        stack.pop(1);
        stack.new_table(0, 2);
        stack.push_value(-1);
        stack.raw_set_int(ffi::LUA_REGISTRYINDEX, registry::LOADED);
    }
}

/// Keeps the functions of all units in a template, for [`load_unit`] in its copies; false when one
/// cannot be loaded.
pub(crate) fn load_units(stack: &Stack, program: &Program) -> bool {
    stack.new_table(program.units.len(), 0);
    for (unit, index) in program.units.iter().zip(1..) {
        if !push_code(stack, unit) {
            return false;
        }
        stack.raw_set_int(-2, index);
    }
    stack.raw_set_int(ffi::LUA_REGISTRYINDEX, registry::UNITS);
    true
}

fn push_code(stack: &Stack, unit: &Unit) -> bool {
    // SAFETY: compiled by this Lua; the program keeps the bytes, and each VM the program.
    unsafe { stack.load_shared_code(unit.code.bytes(), unit.code.name()) }
}

/// `load_unit(index)`: its function, and whether it is the script.
fn load_unit(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let index = usize::try_from(stack.integer(1).unwrap_or_default()).unwrap_or_default();
    cx.running_unit = index;
    if !push_kept_unit(stack, index) && !push_code(stack, &cx.launch.program.units[index]) {
        return Err(Raise::Top);
    }
    stack.push_bool(index + 1 == cx.launch.program.units.len());
    Ok(Outcome::Return(2))
}

/// Pushes the function of a unit that the template has loaded, and gives it up: it is called once.
fn push_kept_unit(stack: &Stack, index: usize) -> bool {
    let index = index as i64 + 1;
    if stack.raw_get_int(ffi::LUA_REGISTRYINDEX, registry::UNITS) != LuaType::Table {
        stack.pop(1);
        return false;
    }
    stack.raw_get_int(-1, index);
    stack.push_nil();
    stack.raw_set_int(-3, index);
    stack.remove(-2);
    true
}

/// As [`boot`] for a template: nothing can wait, the script gets no arguments, and the function
/// that is to be called is returned instead. Another value stands for a script that gives none.
///
/// # Safety
/// Called by Lua only.
pub(crate) unsafe extern "C-unwind" fn rehearse(l: *mut lua_State) -> c_int {
    // SAFETY: nothing owned.
    unsafe {
        for index in 0.. {
            ffi::lua_pushinteger(l, index);
            call_host_fn(l, host!(pure load_unit), 1, 2);
            let is_script = ffi::lua_toboolean(l, -1) != 0;
            ffi::lua_pop(l, 1);
            ffi::lua_call(l, 0, 1);
            if is_script {
                break;
            }
            ffi::lua_pushinteger(l, index);
            call_host_fn(l, host!(pure keep_library), 2, 0);
        }
        if ffi::lua_type(l, 1) == ffi::LUA_TTABLE {
            call_host_fn(l, host!(pure push_method), 0, 1);
            ffi::lua_gettable(l, 1);
        }
        1
    }
}

fn push_method(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    stack.push_bytes(&cx.launch.program.method);
    Ok(Outcome::Return(1))
}

fn raise_no_method(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let text = format!("method \"{}\" not found in module", cx.launch.program.method);
    push_failure(stack, &Failure::new(kind::NOT_FOUND, text).with_retryable(false));
    Err(Raise::Top)
}
