//! The trampoline: how a safe Rust function becomes a C function that Lua can call.

#![expect(unsafe_code, reason = "the trampolines; invariants R1 to R3")]

use std::any::Any;
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::ffi::{self, lua_State};
use super::stack::Stack;
use super::universe::{Rehearsal, Universe};
use crate::lua::cx::{Cx, TakenIn};

/// The C shape of a host function.
pub(crate) type HostFn = ffi::lua_CFunction;

/// How a host function ends well, or goes on as something else.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// The top n values of the stack are the results.
    Return(c_int),
    /// The fiber waits, or hands control to the process's loop for another reason that is noted in
    /// `Cx`. The top n values are handed to the loop. What the loop pushes before it resumes are
    /// the results; with `set_raise_on_resume` the top one is raised instead.
    Suspend(c_int),
    /// The process must end now: no Lua code of it goes on.
    Die,
    /// A C-shaped function goes on in the same frame, with the stack as it is: errors, positions
    /// and results are those of a direct call.
    Nested(HostFn),
    /// As `Nested`, but `then` goes on with what the C function returned.
    Through(HostFn, Continuation),
    /// There is more to do, and the frame says how far this got: `then` goes on with it, after
    /// others had their turn if the slice is over. For loops of ours that may be long; one stretch
    /// between two pauses should take some ten microseconds. Raises in a template, where nothing
    /// may be long.
    Pause(Continuation),
    /// Calls the function that is below its `n_args` arguments on top of the stack, for `n_results`
    /// results ([`ALL`] for all); `then` goes on with them. Code inside of the call may wait.
    Call { n_args: c_int, n_results: c_int, then: Continuation },
    /// As `Call` for all results, but an error comes to `then` instead of being raised.
    Protect {
        n_args: c_int,
        /// Stack index of a message handler, 0 for none.
        handler: c_int,
        /// Whether code inside of the call may wait.
        can_wait: bool,
        then: Continuation,
    },
}

/// Asks a call for all results.
pub(crate) const ALL: c_int = ffi::LUA_MULTRET;

/// What a continuation finds on top of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// As many results.
    Results(c_int),
    /// An error value (only after [`Outcome::Protect`]).
    Error,
}

/// How a host function goes on after a call: another host function that works on the same stack
/// frame, where everything it must remember is kept. Use [`continuation!`] to make one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Continuation {
    step: Step,
    /// What Lua calls when the call was suspended meanwhile.
    resumed: ffi::lua_KFunction,
}

/// The safe part of a continuation.
pub(crate) type Step = fn(&Stack, &mut Cx, Came) -> Result<Outcome, Raise>;

impl Continuation {
    /// For [`continuation!`]: `resumed` calls [`call_continuation`] with `step`.
    pub(crate) const fn new(step: Step, resumed: ffi::lua_KFunction) -> Continuation {
        Continuation { step, resumed }
    }
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
    /// What Lua itself raises when a request for memory is refused.
    #[cold]
    pub(crate) fn out_of_memory() -> Raise {
        Raise::Plain("not enough memory".to_owned())
    }

    /// `bad argument #<n> to '<fn>' (<what>)`, numbered as the caller wrote it.
    pub(crate) fn argument(stack: &Stack, n: c_int, what: &str) -> Raise {
        let (name, is_method) = crate::lua::api::names::called(stack);
        match (is_method, n) {
            (true, 1) => Raise::Message(format!("calling '{name}' on bad self ({what})")),
            (true, _) => Raise::Message(format!("bad argument #{} to '{name}' ({what})", n - 1)),
            (false, _) => Raise::Message(format!("bad argument #{n} to '{name}' ({what})")),
        }
    }
}

/// What a trampoline does after the host function has dropped everything it owned.
enum After {
    Outcome(Outcome),
    Raise,
    OutOfMemory,
}

/// Runs a host function under the rules R1 to R3. Use [`host!`] to make the C function around it.
/// In a template it raises an error instead.
///
/// # Safety
/// Called by Lua only, with the state of a VM that is tied to a universe whose owner is a `Cx`.
pub(crate) unsafe fn call_host(
    l: *mut lua_State,
    function: impl FnOnce(&Stack, &mut Cx) -> Result<Outcome, Raise>,
) -> c_int {
    // SAFETY: the caller's duty.
    unsafe {
        match Universe::of(l).rehearsal() {
            Rehearsal::No => call_pure(l, function),
            _ => spoil(l),
        }
    }
}

/// As [`call_host`], for a function that does the same in every VM in which the same was done
/// before: it reads and changes the Lua heap alone, so that a template may call it.
///
/// # Safety
/// As [`call_host`].
pub(crate) unsafe fn call_pure(
    l: *mut lua_State,
    function: impl FnOnce(&Stack, &mut Cx) -> Result<Outcome, Raise>,
) -> c_int {
    // SAFETY: the caller's duty; nothing owned is alive when `drive` raises or yields.
    unsafe {
        match run(l, function) {
            After::Outcome(Outcome::Return(n)) => n,
            after => drive(l, after),
        }
    }
}

/// Runs a continuation when Lua comes back to it after a suspension. `base` is the height of the
/// stack below the results.
///
/// # Safety
/// Called by Lua only, as [`call_host`].
pub(crate) unsafe fn call_continuation(
    l: *mut lua_State,
    status: c_int,
    base: ffi::lua_KContext,
    step: Step,
) -> c_int {
    // SAFETY: the caller's duty; nothing owned is alive when `drive` raises or yields.
    unsafe {
        let after = go_on(l, status, base as c_int, step);
        drive(l, after)
    }
}

unsafe fn go_on(l: *mut lua_State, status: c_int, base: c_int, step: Step) -> After {
    // SAFETY: as in `call_host`.
    unsafe {
        let came = match status {
            ffi::LUA_OK | ffi::LUA_YIELD => Came::Results(ffi::lua_gettop(l) - base),
            _ => Came::Error,
        };
        run(l, |stack, cx| step(stack, cx, came))
    }
}

unsafe fn run(
    l: *mut lua_State,
    function: impl FnOnce(&Stack, &mut Cx) -> Result<Outcome, Raise>,
) -> After {
    // SAFETY: R5; the owner is the `Cx` of the running turn, and host functions do not nest: none
    // of them runs Lua code while it holds the reference (R1).
    let (universe, stack, cx) = unsafe {
        let universe = Universe::of(l);
        (universe, Stack::new(l), &mut *universe.owner().cast::<Cx>())
    };
    universe.enter_host();
    let result = catch_unwind(AssertUnwindSafe(|| function(&stack, cx)));
    let after = match result {
        Ok(Ok(outcome)) => After::Outcome(outcome),
        Ok(Err(Raise::Top)) => After::Raise,
        Ok(Err(Raise::Plain(text))) => {
            push_alone(&stack, text);
            After::Raise
        }
        Ok(Err(Raise::Message(text))) => {
            let place = stack.place(1);
            push_alone(&stack, place + &text);
            After::Raise
        }
        Err(panic) => {
            universe.poison(panic_text(panic.as_ref()));
            After::Outcome(Outcome::Die)
        }
    };
    // R2: what was granted beyond the limit is asked for now. As Lua does it, a full collection
    // comes first; when that makes room, nothing has happened.
    let over_limit = universe.take_over_limit() && {
        if universe.take_stopped() {
            return stopped(universe);
        }
        stack.collect_garbage();
        universe.is_too_large()
    };
    universe.leave_host();
    match after {
        After::Outcome(Outcome::Suspend(_) | Outcome::Die) | After::Raise => after,
        After::Outcome(_) if over_limit => After::OutOfMemory,
        after => after,
    }
}

/// Pushes the text of an error. A call may have filled the frame with its results.
fn push_alone(stack: &Stack, text: String) {
    stack.set_top(0);
    stack.push_bytes(text);
}

/// A step of the host function was stopped: what it gave or raised is not meant.
#[cold]
fn stopped(universe: &Universe) -> After {
    universe.leave_host();
    if universe.is_dying() { After::Outcome(Outcome::Die) } else { After::OutOfMemory }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic in a host function".to_owned())
}

/// Makes the calls that the host function and its continuations ask for, until one of them ends.
unsafe fn drive(l: *mut lua_State, mut after: After) -> c_int {
    // SAFETY: R1: no owned value is alive in this frame or in those of the callers, so the calls
    // may raise or yield through here.
    unsafe {
        loop {
            let (base, status, then) = match after {
                After::Outcome(Outcome::Call { n_args, n_results, then }) => {
                    let base = ffi::lua_gettop(l) - n_args - 1;
                    ffi::lua_callk(l, n_args, n_results, base as _, Some(then.resumed));
                    (base, ffi::LUA_OK, then)
                }
                After::Outcome(Outcome::Protect { n_args, handler, can_wait, then }) => {
                    let base = ffi::lua_gettop(l) - n_args - 1;
                    let resumed = can_wait.then_some(then.resumed);
                    (base, ffi::lua_pcallk(l, n_args, ALL, handler, base as _, resumed), then)
                }
                After::Outcome(Outcome::Through(function, then)) => {
                    let n = function(l);
                    (ffi::lua_gettop(l) - n, ffi::LUA_OK, then)
                }
                After::Outcome(Outcome::Pause(_)) if is_in_template(l) => return spoil(l),
                After::Outcome(Outcome::Pause(then)) => {
                    (*Universe::of(l).owner().cast::<Cx>()).count_pause();
                    (ffi::lua_gettop(l), ffi::LUA_OK, then)
                }
                last => return finish(l, last),
            };
            if status == ffi::LUA_OK
                && let Some(n) = give_way(l, base, then)
            {
                return n;
            }
            after = go_on(l, status, base, then.step);
        }
    }
}

unsafe fn is_in_template(l: *mut lua_State) -> bool {
    // SAFETY: as `drive`.
    unsafe { Universe::of(l).rehearsal() != Rehearsal::No }
}

/// Between two stretches of a host function: a loop of calls to C functions meets no hook, so it
/// must ask itself whether its process is dead or its slice over.
unsafe fn give_way(l: *mut lua_State, base: c_int, then: Continuation) -> Option<c_int> {
    // SAFETY: as `drive`; the reference to the owner ends before anything is called.
    unsafe {
        let universe = Universe::of(l);
        if universe.is_dying() {
            return Some(die(l));
        }
        let cx = &mut *universe.owner().cast::<Cx>();
        if !cx.slice_is_over() {
            return None;
        }
        if ffi::lua_isyieldable(l) != 0 && !universe.is_nested() {
            return Some(ffi::lua_yieldk(l, 0, base as _, Some(then.resumed)));
        }
        (cx.held_up() == TakenIn::Die).then(|| die(l))
    }
}

unsafe fn finish(l: *mut lua_State, after: After) -> c_int {
    // SAFETY: R1: no owned value is alive in this frame or in those of the callers.
    unsafe {
        match after {
            After::Outcome(Outcome::Return(n)) => n,
            After::Outcome(Outcome::Suspend(n)) => {
                let base = ffi::lua_gettop(l) - n;
                ffi::lua_yieldk(l, n, base as ffi::lua_KContext, Some(continue_host))
            }
            After::Outcome(Outcome::Nested(function)) => function(l),
            After::Outcome(_) => die(l),
            After::Raise => ffi::lua_error(l),
            After::OutOfMemory => out_of_memory(l),
        }
    }
}

/// Ends the running code for good: by a yield that nobody resumes where that is possible, else by
/// an error, which the kill hook repeats until the code is out.
///
/// # Safety
/// As [`call_host`], with nothing owned in any Rust frame above.
pub(crate) unsafe fn die(l: *mut lua_State) -> c_int {
    // SAFETY: the caller's duty.
    unsafe {
        let universe = Universe::of(l);
        universe.set_dying();
        if ffi::lua_isyieldable(l) != 0 && !universe.is_nested() {
            return ffi::lua_yieldk(l, 0, 0, Some(continue_host));
        }
        crate::lua::preempt::arm_kill(l);
        ffi::lua_settop(l, 0); // makes room
        ffi::lua_pushlightuserdata(l, std::ptr::null_mut());
        ffi::lua_error(l)
    }
}

/// Raises an error because code that is not for templates was called in one.
///
/// # Safety
/// As [`call_host`], with nothing owned in any Rust frame above.
pub(crate) unsafe fn spoil(l: *mut lua_State) -> c_int {
    // SAFETY: the caller's duty.
    unsafe {
        Universe::of(l).set_rehearsal(Rehearsal::Spoiled);
        ffi::lua_settop(l, 0); // makes room
        ffi::lua_pushnil(l);
        ffi::lua_error(l)
    }
}

/// Raises Lua's `not enough memory`.
unsafe fn out_of_memory(l: *mut lua_State) -> c_int {
    // SAFETY: as `finish`.
    unsafe {
        ffi::lua_settop(l, 0); // makes room
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
            ffi::lua_error(l)
        }
        ffi::lua_gettop(l) - base as c_int
    }
}

/// Makes a [`HostFn`] of a host function given by path: `host!(send)`.
///
/// `host!(poll send)` first takes in the signals that wait for the process, as every function of
/// the `process`, `channel` and `time` modules must (specification of processes, section 1).
///
/// `host!(pure rawget)` may also be called in a template; see [`call_pure`].
macro_rules! host {
    (poll $function:path) => {
        $crate::lua::raw::host!(|stack, cx| {
            if cx.take_in(stack) == $crate::lua::cx::TakenIn::Die {
                return Ok($crate::lua::raw::Outcome::Die);
            }
            $function(stack, cx)
        })
    };
    (pure $function:path) => {{
        #[expect(unsafe_code, reason = "the trampoline around a host function")]
        unsafe extern "C-unwind" fn trampoline(
            l: *mut $crate::lua::raw::ffi::lua_State,
        ) -> std::ffi::c_int {
            // SAFETY: Lua calls this with a state of a VM that is tied to a universe.
            unsafe { $crate::lua::raw::call_pure(l, $function) }
        }
        trampoline as $crate::lua::raw::HostFn
    }};
    (|$stack:ident, $cx:ident| $body:expr) => {{
        #[expect(unsafe_code, reason = "the trampoline around a host function")]
        unsafe extern "C-unwind" fn trampoline(
            l: *mut $crate::lua::raw::ffi::lua_State,
        ) -> std::ffi::c_int {
            // SAFETY: Lua calls this with a state of a VM that is tied to a universe.
            unsafe { $crate::lua::raw::call_host(l, |$stack, $cx| $body) }
        }
        trampoline as $crate::lua::raw::HostFn
    }};
    ($function:path) => {
        $crate::lua::raw::host!(|stack, cx| $function(stack, cx))
    };
}
pub(crate) use host;

/// Makes a [`Continuation`] of a host function that takes a [`Came`] as well, given by path.
macro_rules! continuation {
    ($step:path) => {{
        #[expect(unsafe_code, reason = "the trampoline around a continuation")]
        unsafe extern "C-unwind" fn resumed(
            l: *mut $crate::lua::raw::ffi::lua_State,
            status: std::ffi::c_int,
            base: $crate::lua::raw::ffi::lua_KContext,
        ) -> std::ffi::c_int {
            // SAFETY: Lua calls this with a state of a VM that is tied to a universe.
            unsafe { $crate::lua::raw::call_continuation(l, status, base, $step) }
        }
        $crate::lua::raw::Continuation::new($step, resumed)
    }};
}
pub(crate) use continuation;

/// Makes a [`HostFn`] that is a stock function of Lua, except when the guard, which may only look
/// at the stack, finds a case for our own function: `guarded!(has_object, convert, stock().len)`.
/// Costs next to nothing in the other cases.
///
/// `guarded!(pure is_long, in_pieces, stock().reverse)`: our function may be called in a template,
/// see [`call_pure`].
macro_rules! guarded {
    (pure $guard:path, $special:path, $stock:expr) => {
        $crate::lua::raw::guarded!(call_pure: $guard, $special, $stock)
    };
    ($guard:path, $special:path, $stock:expr) => {
        $crate::lua::raw::guarded!(call_host: $guard, $special, $stock)
    };
    ($call:ident: $guard:path, $special:path, $stock:expr) => {{
        #[expect(unsafe_code, reason = "a guard in front of a stock function")]
        unsafe extern "C-unwind" fn guarded(
            l: *mut $crate::lua::raw::ffi::lua_State,
        ) -> std::ffi::c_int {
            // SAFETY: Lua calls this with a state of a VM that is tied to a universe; the guard
            // pushes nothing and owns nothing; both functions find the stack as the caller left it.
            unsafe {
                if $guard(&$crate::lua::raw::Stack::new(l)) {
                    return $crate::lua::raw::$call(l, $special);
                }
                $stock(l)
            }
        }
        guarded
    }};
}
pub(crate) use guarded;
