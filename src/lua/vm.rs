//! One VM: made, tied to its universe, and dropped with all its memory at once.

#![expect(unsafe_code, reason = "owns the raw state; see raw::R5")]

use super::cx::Cx;
use super::raw::ffi::{self, lua_State};
use super::raw::{Stack, Universe, allocate};

/// A VM and what it needs to run. Dropping it frees its arena; no Lua code runs then.
#[derive(Debug)]
pub(crate) struct Vm {
    universe: Box<Universe>,
    main: *mut lua_State,
    cx: *mut Cx,
}

// SAFETY: nothing in Lua is bound to a thread; the worker that runs the process is the only user.
unsafe impl Send for Vm {}

/// How a resume ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// The coroutine's function returned; so many results are on its stack.
    Returned(i32),
    /// It yielded; so many values are on its stack.
    Yielded(i32),
    /// It failed; the error is on top of its stack.
    Failed,
}

impl Vm {
    /// A bare VM; `seed` randomizes its string hashes. `None` when there is no memory for it.
    pub(crate) fn new(cx: Box<Cx>, seed: u32) -> Option<Vm> {
        let universe = Universe::new(usize::MAX);
        universe.enter_host();
        let ud = std::ptr::from_ref(&*universe).cast_mut();
        // SAFETY: the universe is boxed, so its address stays, and it outlives the state.
        let main = unsafe { ffi::lua_newstate(allocate, ud.cast(), seed) };
        if main.is_null() {
            return None;
        }
        // SAFETY: a fresh main thread of this universe.
        unsafe { universe.tie(main) };
        let cx = Box::into_raw(cx);
        universe.set_owner(cx.cast());
        Some(Vm { universe, main, cx })
    }

    pub(crate) fn universe(&self) -> &Universe {
        &self.universe
    }

    /// The state behind the host functions. The caller keeps no reference over a resume (C2).
    #[expect(clippy::mut_from_ref, reason = "C2: short-lived and unique")]
    pub(crate) fn cx(&self) -> &mut Cx {
        // SAFETY: made by `new`, freed by `drop`; used by one thread at a time.
        unsafe { &mut *self.cx }
    }

    pub(crate) fn main(&self) -> *mut lua_State {
        self.main
    }

    /// A handle to the stack of a coroutine of this VM.
    pub(crate) fn stack(&self, l: *mut lua_State) -> Stack {
        // SAFETY: the loop that calls this is in host mode outside of `resume` (R2).
        unsafe { Stack::new(l) }
    }

    /// Runs coroutine `l` with the `n_args` values on top of its stack, until it gives way.
    pub(crate) fn resume(&self, l: *mut lua_State, n_args: i32) -> Ran {
        let preemption = self.cx().step.get().worker.preemption();
        let mut n_results = 0;
        self.universe.leave_loop();
        self.cx().enter(l);
        // SAFETY: a live coroutine of this VM; protected by Lua itself.
        let status = unsafe { ffi::lua_resume(l, std::ptr::null_mut(), n_args, &mut n_results) };
        preemption.clear();
        self.universe.enter_loop();
        match status {
            ffi::LUA_OK => Ran::Returned(n_results),
            ffi::LUA_YIELD => Ran::Yielded(n_results),
            _ => Ran::Failed,
        }
    }

    /// Closes a suspended or failed coroutine: its pending `<close>` variables run here. The error
    /// that is left, if any, stays on its stack. They cannot wait, but the end of the slice and a kill
    /// reach them: the universe may be dying after.
    pub(crate) fn close_thread(&self, l: *mut lua_State) {
        let preemption = self.cx().step.get().worker.preemption();
        self.universe.leave_loop();
        self.universe.enter_nested(l);
        self.cx().enter(l);
        // SAFETY: a live coroutine that is not running; protected by Lua itself.
        unsafe { ffi::lua_closethread(l, std::ptr::null_mut()) };
        self.universe.leave_nested();
        preemption.clear();
        self.universe.enter_loop();
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // SAFETY: made by `new`. The state itself goes with the universe's arena.
        drop(unsafe { Box::from_raw(self.cx) });
    }
}
