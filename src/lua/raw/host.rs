//! The trampoline: how a safe Rust function becomes a C function that Lua can call.

use std::any::Any;
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::ffi::{self, lua_State};
use super::stack::Stack;
use super::universe::Universe;
use crate::lua::cx::Cx;

/// The C shape of a host function.
pub(crate) type HostFn = ffi::lua_CFunction;

/// How a host function ends well.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// The top n values of the stack are the results.
    Return(c_int),
    /// The fiber waits, or hands control to the process's loop for another reason that is noted in
    /// `Cx`. The top n values are handed to the loop. What the loop pushes before it resumes are the
    /// results; with `set_raise_on_resume` the top one is raised instead.
    Suspend(c_int),
    /// The process must end now: no Lua code of it goes on.
    Die,
    /// A C-shaped function goes on in the same frame: for what must call back into Lua.
    Nested(HostFn),
}

/// How a host function fails: with a Lua error.
#[derive(Debug)]
pub(crate) enum Raise {
    /// A message, to which the place of the calling Lua code is prepended.
    Message(String),
    /// A message as it is.
    Plain(String),
    /// The value on top of the stack.
    Top,
}

impl Raise {
    /// `bad argument #<n> to '<fn>' (<what>)`, numbered as the caller wrote it.
    pub(crate) fn argument(stack: &Stack, n: c_int, what: &str) -> Raise {
        let (name, is_method) = stack.call_name();
        match (is_method, n) {
            (true, 1) => Raise::Message(format!("calling '{name}' on bad self ({what})")),
            (true, _) => Raise::Message(format!("bad argument #{} to '{name}' ({what})", n - 1)),
            (false, _) => Raise::Message(format!("bad argument #{n} to '{name}' ({what})")),
        }
    }
}

/// What a trampoline does after the host function has dropped everything it owned.
enum After {
    Return(c_int),
    Suspend(c_int),
    Die,
    Nested(HostFn),
    Raise,
    OutOfMemory,
}

/// Runs a host function under the rules R1 to R3. Use [`host!`] to make the C function around it.
///
/// # Safety
/// Called by Lua only, with the state of a VM that is tied to a universe whose owner is a `Cx`.
pub(crate) unsafe fn call_host(
    l: *mut lua_State,
    function: impl FnOnce(&Stack, &mut Cx) -> Result<Outcome, Raise>,
) -> c_int {
    // SAFETY: the caller's duty; nothing owned is alive when `finish` raises or yields.
    unsafe {
        let after = run(l, function);
        finish(l, after)
    }
}

unsafe fn run(
    l: *mut lua_State,
    function: impl FnOnce(&Stack, &mut Cx) -> Result<Outcome, Raise>,
) -> After {
    // SAFETY: R5; the owner is the `Cx` of the running turn, and host functions do not nest: none of
    // them runs Lua code while it holds the reference (R1).
    let (universe, stack, cx) = unsafe {
        let universe = Universe::of(l);
        (universe, Stack::new(l), &mut *universe.owner().cast::<Cx>())
    };
    universe.enter_host();
    let result = catch_unwind(AssertUnwindSafe(|| function(&stack, cx)));
    let after = match result {
        Ok(Ok(Outcome::Return(n))) => After::Return(n),
        Ok(Ok(Outcome::Suspend(n))) => After::Suspend(n),
        Ok(Ok(Outcome::Die)) => After::Die,
        Ok(Ok(Outcome::Nested(function))) => After::Nested(function),
        Ok(Err(Raise::Top)) => After::Raise,
        Ok(Err(Raise::Plain(text))) => {
            stack.push_bytes(text);
            After::Raise
        }
        Ok(Err(Raise::Message(text))) => {
            let place = stack.place(1);
            stack.push_bytes(place + &text);
            After::Raise
        }
        Err(panic) => {
            universe.poison(panic_text(panic.as_ref()));
            After::Die
        }
    };
    // R2: what was granted beyond the limit is asked for now. As Lua does it, a full collection comes
    // first; when that makes room, nothing has happened.
    let over_limit = universe.take_over_limit() && {
        stack.collect_garbage();
        universe.used_bytes() > universe.memory_limit()
    };
    universe.leave_host();
    match after {
        After::Return(_) | After::Nested(_) if over_limit => After::OutOfMemory,
        after => after,
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic in a host function".to_owned())
}

unsafe fn finish(l: *mut lua_State, after: After) -> c_int {
    // SAFETY: R1: no owned value is alive in this frame or in `call_host`.
    unsafe {
        match after {
            After::Return(n) => n,
            After::Suspend(n) => {
                let base = ffi::lua_gettop(l) - n;
                ffi::lua_yieldk(l, n, base as ffi::lua_KContext, Some(continue_host))
            }
            After::Die => die(l),
            After::Nested(function) => function(l),
            After::Raise => ffi::lua_error(l),
            After::OutOfMemory => out_of_memory(l),
        }
    }
}

/// Ends the running code for good: by a yield that nobody resumes where that is possible, else by an
/// error, which the kill hook repeats until the code is out.
///
/// # Safety
/// As [`call_host`], with nothing owned in any Rust frame above.
pub(crate) unsafe fn die(l: *mut lua_State) -> c_int {
    // SAFETY: the caller's duty.
    unsafe {
        let universe = Universe::of(l);
        universe.set_dying();
        if ffi::lua_isyieldable(l) != 0 && universe.nested().get() == 0 {
            return ffi::lua_yieldk(l, 0, 0, Some(continue_host));
        }
        crate::lua::preempt::arm_kill(l);
        ffi::lua_pushlightuserdata(l, std::ptr::null_mut());
        ffi::lua_error(l)
    }
}

/// Raises Lua's `not enough memory`.
unsafe fn out_of_memory(l: *mut lua_State) -> c_int {
    // SAFETY: as `finish`.
    unsafe {
        ffi::lua_pushstring(l, c"not enough memory".as_ptr());
        ffi::lua_error(l)
    }
}

/// What runs when a suspended host function is resumed: its results are what was pushed meanwhile.
unsafe extern "C-unwind" fn continue_host(
    l: *mut lua_State,
    _status: c_int,
    base: ffi::lua_KContext,
) -> c_int {
    // SAFETY: called by Lua; nothing owned.
    unsafe {
        if Universe::of(l).take_raise_on_resume() {
            return ffi::lua_error(l);
        }
        ffi::lua_gettop(l) - base as c_int
    }
}

/// Makes a [`HostFn`] of a host function given by path: `host!(send)`.
///
/// `host!(poll send)` first takes in the signals that wait for the process, as every function of the
/// `process`, `channel` and `time` modules must (specification of processes, section 1).
macro_rules! host {
    (poll $function:path) => {
        $crate::lua::raw::host!(|stack, cx| {
            if cx.take_in(stack) == $crate::lua::cx::TakenIn::Die {
                return Ok($crate::lua::raw::Outcome::Die);
            }
            $function(stack, cx)
        })
    };
    (|$stack:ident, $cx:ident| $body:expr) => {{
        #[expect(unsafe_code, reason = "the trampoline around a host function")]
        unsafe extern "C-unwind" fn trampoline(
            l: *mut $crate::lua::raw::ffi::lua_State,
        ) -> std::ffi::c_int {
            // SAFETY: Lua calls this with a state of a VM that is tied to a universe.
            unsafe { $crate::lua::raw::call_host(l, |$stack, $cx| $body) }
        }
        trampoline
    }};
    ($function:path) => {
        $crate::lua::raw::host!(|stack, cx| $function(stack, cx))
    };
}
pub(crate) use host;
