//! The `coroutine` library, and `coroutine.spawn`.
//!
//! Coroutines do not run inside of each other here: `resume` hands control to the process's loop,
//! which runs the other coroutine on top of the fiber's stack of coroutines. So a wait or the end
//! of a slice stops the whole fiber, wherever it happens, and comes back to the same place; and
//! coroutines nest without using the C stack. Only a resume from inside a C function that cannot be
//! suspended runs the other coroutine in place; nothing can wait there.

#![expect(unsafe_code, reason = "the one nested resume, and closing; nothing owned in the frames")]

use std::ffi::c_int;

use crate::channel::FiberId;
use crate::lua::cx::{Cx, Suspend};
use crate::lua::guard::guard;
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::{HostFn, LuaType, Outcome, Raise, Stack, ThreadTag, Universe, die, host};
use crate::lua::registry;

pub(crate) const CREATE: HostFn = host!(create);
pub(crate) const WRAP: HostFn = host!(wrap);
pub(crate) const RESUME: HostFn = host!(resume);
pub(crate) const YIELD: HostFn = host!(yield_values);
pub(crate) const STATUS: HostFn = host!(status);
pub(crate) const RUNNING: HostFn = host!(running);
pub(crate) const IS_YIELDABLE: HostFn = host!(is_yieldable);
pub(crate) const CLOSE: HostFn = close;
pub(crate) const SPAWN: HostFn = host!(poll spawn);
/// The functions that `coroutine.wrap` gives.
pub(crate) const WRAPPED: HostFn = wrapped;

fn function_arg(stack: &Stack) -> Result<(), Raise> {
    if stack.kind(1) == LuaType::Function {
        return Ok(());
    }
    let what = format!("function expected, got {}", stack.type_name(1));
    Err(Raise::argument(stack, 1, &what))
}

/// The coroutine at argument 1.
fn thread_arg(stack: &Stack) -> Result<Stack, Raise> {
    match stack.thread(1) {
        // SAFETY: an argument stays alive while the function runs.
        Some(thread) => Ok(unsafe { Stack::new(thread) }),
        None => {
            let got = stack.type_name(1);
            Err(Raise::argument(stack, 1, &format!("thread expected, got {got}")))
        }
    }
}

/// Pushes a coroutine that runs the function at `index`.
fn push_coroutine(stack: &Stack, index: c_int) -> Stack {
    let thread = stack.new_thread();
    stack.push_value(index);
    stack.move_to(&thread, 1);
    thread
}

fn create(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    function_arg(stack)?;
    push_coroutine(stack, 1);
    Ok(Outcome::Return(1))
}

fn wrap(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    function_arg(stack)?;
    push_coroutine(stack, 1);
    stack.push_closure(wrapped, 1);
    Ok(Outcome::Return(1))
}

/// What a coroutine can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Running,
    Normal,
    Suspended,
    Dead,
}

fn status_of(stack: &Stack, thread: &Stack) -> Status {
    // SAFETY: plain reads of a live coroutine.
    let (same, state) = unsafe { (thread.raw() == stack.raw(), ffi::lua_status(thread.raw())) };
    if same {
        Status::Running
    } else if thread.has_tag(ThreadTag::Active) {
        Status::Normal
    } else if state == ffi::LUA_YIELD {
        Status::Suspended
    } else if state != ffi::LUA_OK {
        Status::Dead
    } else if thread.place_exists() {
        Status::Normal // resumed in place, from inside a C function
    } else if thread.top() == 0 {
        Status::Dead
    } else {
        Status::Suspended // not started
    }
}

/// Main and spawned coroutines belong to the process's loop.
fn is_fiber(stack: &Stack, thread: &Stack) -> bool {
    stack.raw_get_int(ffi::LUA_REGISTRYINDEX, ffi::LUA_RIDX_MAINTHREAD);
    let main = stack.thread(-1);
    stack.pop(1);
    thread.has_tag(ThreadTag::Spawned) || main == Some(thread.raw())
}

/// How deep coroutines resume each other at most. No C stack limits it here, but a program written
/// for stock Lua, where it does, expects to fail in an endless descent, not to use up the memory of
/// the runtime.
const NESTED_MAX: usize = 190;

/// Why a coroutine cannot be resumed.
fn resume_fault(stack: &Stack, cx: &mut Cx, thread: &Stack) -> Option<&'static str> {
    if is_fiber(stack, thread) {
        return Some("cannot resume a spawned coroutine");
    }
    match status_of(stack, thread) {
        Status::Suspended => {
            let running = cx.fibers.running();
            let depth = cx.fibers.get_mut(running).stack.len();
            (depth > NESTED_MAX).then_some("C stack overflow")
        }
        Status::Dead => Some("cannot resume dead coroutine"),
        Status::Running | Status::Normal => Some("cannot resume non-suspended coroutine"),
    }
}

fn resume(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let thread = thread_arg(stack)?;
    if let Some(fault) = resume_fault(stack, cx, &thread) {
        stack.push_bool(false);
        stack.push_bytes(fault);
        return Ok(Outcome::Return(2));
    }
    if !stack.can_wait() {
        return Ok(Outcome::Nested(resume_in_place));
    }
    cx.suspend = Suspend::Resume { wrapped: false };
    // A copy of the coroutine goes along: the one at 1 keeps it alive.
    stack.push_value(1);
    let n = stack.top() - 1;
    stack.insert(2);
    Ok(Outcome::Suspend(n))
}

/// The function that `coroutine.wrap` gives.
///
/// # Safety
/// Called by Lua only.
unsafe extern "C-unwind" fn wrapped(l: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a state of a VM that is tied to a universe.
    unsafe { crate::lua::raw::call_host(l, resume_wrapped) }
}

fn resume_wrapped(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    stack.push_upvalue(1);
    let thread = stack.thread(-1).expect("the upvalue of a wrapped coroutine");
    // SAFETY: the upvalue keeps it alive.
    let thread = unsafe { Stack::new(thread) };
    if let Some(fault) = resume_fault(stack, cx, &thread) {
        return Err(Raise::Message(fault.to_owned()));
    }
    stack.insert(1);
    if !stack.can_wait() {
        return Ok(Outcome::Nested(resume_wrapped_in_place));
    }
    cx.suspend = Suspend::Resume { wrapped: true };
    Ok(Outcome::Suspend(stack.top()))
}

/// `resume(co, …)` inside a C function that cannot be suspended.
unsafe extern "C-unwind" fn resume_in_place(l: *mut lua_State) -> c_int {
    // SAFETY: the frame is `resume`'s: the coroutine at 1, its arguments above; nothing owned.
    unsafe {
        let (ok, n) = nested_resume(l);
        ffi::lua_pushboolean(l, ok.into());
        ffi::lua_insert(l, -1 - n);
        n + 1
    }
}

unsafe extern "C-unwind" fn resume_wrapped_in_place(l: *mut lua_State) -> c_int {
    // SAFETY: as `resume_in_place`.
    unsafe {
        let (ok, n) = nested_resume(l);
        if ok {
            return n;
        }
        let thread = ffi::lua_tothread(l, 1);
        let status = ffi::lua_status(thread);
        if status != ffi::LUA_OK && status != ffi::LUA_YIELD {
            // A `<close>` variable may have put another error in its place.
            ffi::lua_pop(l, 1);
            close_in_place(l, thread);
            ffi::lua_xmove(thread, l, 1);
        }
        if ffi::lua_type(l, -1) == ffi::LUA_TSTRING {
            ffi::luaL_where(l, 1);
            ffi::lua_insert(l, -2);
            ffi::lua_concat(l, 2);
        }
        ffi::lua_error(l)
    }
}

/// Resumes the coroutine at 1 with the values above it; its results, or its error, are on top
/// after.
unsafe fn nested_resume(l: *mut lua_State) -> (bool, c_int) {
    // SAFETY: `resume_fault` has found it suspended; nothing owned.
    unsafe {
        let universe = Universe::of(l);
        let thread = ffi::lua_tothread(l, 1);
        let n_args = ffi::lua_gettop(l) - 1;
        if ffi::lua_checkstack(thread, n_args + 1) == 0 {
            ffi::lua_pushstring(l, c"too many arguments to resume".as_ptr());
            return (false, 1);
        }
        ffi::lua_xmove(l, thread, n_args);
        let cx = universe.owner().cast::<Cx>();
        universe.enter_nested(l);
        (*cx).enter(thread);
        let mut n = 0;
        let status = ffi::lua_resume(thread, l, n_args, &mut n);
        (*cx).publish(l);
        // A yield ended here: the loop must not take it for one of the fiber.
        (*cx).suspend = Suspend::Interrupted;
        universe.leave_nested();
        if universe.is_dying() {
            die(l); // the hook that raised was the other coroutine's
        }
        if status != ffi::LUA_OK && status != ffi::LUA_YIELD {
            ffi::lua_xmove(thread, l, 1);
            return (false, 1);
        }
        if ffi::lua_checkstack(l, n + 1) == 0 {
            ffi::lua_pop(thread, n);
            ffi::lua_pushstring(l, c"too many results to resume".as_ptr());
            return (false, 1);
        }
        ffi::lua_xmove(thread, l, n);
        (true, n)
    }
}

/// Closes coroutine `thread` from `l`: its `<close>` variables run here, and cannot wait. The error
/// that is left, if any, is on its stack.
unsafe fn close_in_place(l: *mut lua_State, thread: *mut lua_State) -> c_int {
    // SAFETY: the coroutine is suspended or has failed; `lua_closethread` is protected by Lua
    // itself; nothing owned.
    unsafe {
        let universe = Universe::of(l);
        let cx = universe.owner().cast::<Cx>();
        universe.enter_nested(l);
        (*cx).enter(thread);
        let status = ffi::lua_closethread(thread, l);
        (*cx).publish(l);
        universe.leave_nested();
        if universe.is_dying() {
            die(l); // as above
        }
        status
    }
}

fn yield_values(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    if is_fiber(stack, stack) {
        if !stack.can_wait() {
            return Err(Raise::Plain("attempt to yield across a C-call boundary".to_owned()));
        }
        cx.suspend = Suspend::Yield;
        stack.set_top(0);
        return Ok(Outcome::Suspend(0));
    }
    if !stack.is_yieldable() {
        return Err(Raise::Plain("attempt to yield across a C-call boundary".to_owned()));
    }
    cx.suspend = Suspend::YieldValues;
    Ok(Outcome::Suspend(stack.top()))
}

fn status(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let thread = thread_arg(stack)?;
    let running = cx.fibers.running();
    let is_running_base = cx.fibers.get_mut(running).stack[0].0 == thread.raw();
    stack.push_bytes(match status_of(stack, &thread) {
        Status::Running => "running",
        Status::Suspended if is_running_base => "normal",
        Status::Normal => "normal",
        Status::Suspended => "suspended",
        Status::Dead => "dead",
    });
    Ok(Outcome::Return(1))
}

fn running(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let is_main = stack.push_this_thread();
    stack.push_bool(is_main);
    Ok(Outcome::Return(2))
}

fn is_yieldable(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let yieldable = match stack.kind(1) {
        LuaType::None => stack.is_yieldable(),
        _ => thread_arg(stack)?.is_yieldable(),
    };
    stack.push_bool(yieldable);
    Ok(Outcome::Return(1))
}

/// `coroutine.close([co])`: as in Lua, but main and spawned coroutines cannot be closed.
///
/// # Safety
/// Called by Lua only.
unsafe extern "C-unwind" fn close(l: *mut lua_State) -> c_int {
    // SAFETY: nothing owned in this frame.
    unsafe {
        crate::lua::raw::call_host(l, check_close);
        let thread = ffi::lua_tothread(l, 1);
        if thread == l {
            // Does not come back: the coroutine ends here, its resumer gets no values.
            ffi::lua_closethread(l, l);
            return 0;
        }
        if close_in_place(l, thread) == ffi::LUA_OK {
            ffi::lua_pushboolean(l, 1);
            return 1;
        }
        ffi::lua_pushboolean(l, 0);
        ffi::lua_xmove(thread, l, 1);
        2
    }
}

/// Leaves the coroutine that may be closed at 1.
fn check_close(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    if stack.top() == 0 {
        stack.push_this_thread();
    }
    let thread = thread_arg(stack)?;
    if is_fiber(stack, &thread) {
        return Err(Raise::Message("cannot close a spawned coroutine".to_owned()));
    }
    if status_of(stack, &thread) == Status::Normal {
        return Err(Raise::Message("cannot close a normal coroutine".to_owned()));
    }
    Ok(Outcome::Return(0))
}

fn spawn(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    function_arg(stack)?;
    stack.set_top(1);
    let thread = stack.new_thread();
    thread.set_tag(ThreadTag::Spawned, true);
    thread.push_fn(guard);
    stack.push_value(1);
    stack.move_to(&thread, 1);
    let fiber = cx.fibers.add(thread.raw(), 1);
    keep_thread(stack, fiber);
    if stack.can_wait() {
        cx.suspend = Suspend::Spawned(fiber);
        return Ok(Outcome::Suspend(1));
    }
    cx.fibers.queue(fiber);
    Ok(Outcome::Return(1))
}

/// Keeps the thread on top of the stack alive while its fiber lives.
fn keep_thread(stack: &Stack, fiber: FiberId) {
    if stack.raw_get_int(ffi::LUA_REGISTRYINDEX, registry::FIBERS) != LuaType::Table {
        stack.pop(1);
        stack.new_table(1, 0);
        stack.push_value(-1);
        stack.raw_set_int(ffi::LUA_REGISTRYINDEX, registry::FIBERS);
    }
    stack.push_value(-2);
    stack.raw_set_int(-2, fiber.0.into());
    stack.pop(1);
}

/// Lets go of the thread of a fiber that has ended.
pub(crate) fn forget_thread(stack: &Stack, fiber: FiberId) {
    if stack.raw_get_int(ffi::LUA_REGISTRYINDEX, registry::FIBERS) == LuaType::Table {
        stack.push_nil();
        stack.raw_set_int(-2, fiber.0.into());
    }
    stack.pop(1);
}
