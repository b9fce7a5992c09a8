//! A bare VM for tests: Lua's own libraries, and whatever a test opens on top.

#![expect(unsafe_code, reason = "makes and drops a Lua VM")]

use std::ffi::c_int;
use std::ptr;

use crate::lua::arena::Arena;
use crate::lua::cx::Cx;
#[cfg(test)]
use crate::lua::raw::HostFn;
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::{Outcome, Stack, Universe, allocate, call_host};
use crate::lua::testing::bare_cx;

/// A VM tied to a universe and an empty context.
#[derive(Debug)]
pub(crate) struct TestVm {
    l: *mut lua_State,
    _cx: Box<Cx>,
    // Last: its arena holds the VM.
    _universe: Box<Universe>,
}

type Job<'a> = dyn FnMut(&Stack) + 'a;

impl TestVm {
    pub(crate) fn new() -> TestVm {
        let universe = Box::new(Universe::new(Arena::new()));
        let mut cx = bare_cx();
        universe.set_owner(ptr::from_mut(&mut *cx).cast());
        let ud = ptr::from_ref(&*universe).cast_mut().cast();
        // SAFETY: the universe is the allocator's and outlives the VM (R5).
        let l = unsafe {
            let l = ffi::lua_newstate(allocate, ud, 1);
            universe.tie(l);
            ffi::luaL_openlibs(l);
            l
        };
        TestVm { l, _cx: cx, _universe: universe }
    }

    /// Runs `job` as a host function of this VM, with an empty stack.
    pub(crate) fn with<R>(&self, mut job: impl FnMut(&Stack) -> R) -> R {
        let mut result = None;
        let mut job = |stack: &Stack| result = Some(job(stack));
        let mut job: &mut Job<'_> = &mut job;
        // SAFETY: the job outlives the call, which is protected.
        unsafe {
            ffi::lua_pushcfunction(self.l, run);
            ffi::lua_pushlightuserdata(self.l, ptr::from_mut(&mut job).cast());
            let status = ffi::lua_pcall(self.l, 1, 0, 0);
            assert_eq!(status, ffi::LUA_OK);
        }
        result.expect("the job ran")
    }
}

impl TestVm {
    /// Runs a chunk; the text of its first result, or of its error, by `tostring`.
    pub(crate) fn eval(&self, code: &str) -> Result<String, String> {
        // SAFETY: protected calls on an idle VM.
        unsafe {
            ffi::lua_settop(self.l, 0);
            let (text, len) = (code.as_ptr().cast(), code.len());
            let mut status =
                ffi::luaL_loadbufferx(self.l, text, len, c"=test".as_ptr(), c"t".as_ptr());
            if status == ffi::LUA_OK {
                status = ffi::lua_pcall(self.l, 0, 1, 0);
            }
            let mut len = 0;
            let text = ffi::luaL_tolstring(self.l, -1, &mut len);
            let text = std::slice::from_raw_parts(text.cast::<u8>(), len);
            let text = String::from_utf8_lossy(text).into_owned();
            ffi::lua_settop(self.l, 0);
            if status == ffi::LUA_OK { Ok(text) } else { Err(text) }
        }
    }
}

#[cfg(test)]
impl TestVm {
    /// Pops nothing, pushes a value by `push` and makes it the global `name`.
    pub(crate) fn set_global(&self, name: &str, push: impl Fn(&Stack)) {
        self.with(|stack| {
            push(stack);
            stack.raw_get_int(crate::lua::raw::REGISTRY, ffi::LUA_RIDX_GLOBALS);
            stack.insert(-2);
            stack.raw_set_field(-2, name);
        });
    }

    /// From now on the collector is always in the middle of a cycle, and goes on in small steps.
    pub(crate) fn collect_in_steps(&self) {
        // SAFETY: an idle VM.
        unsafe {
            ffi::lua_gc(self.l, ffi::LUA_GCPARAM, ffi::LUA_GCPPAUSE, 0 as c_int);
            ffi::lua_gc(self.l, ffi::LUA_GCPARAM, ffi::LUA_GCPSTEPSIZE, 100 as c_int);
        }
    }

    /// From now on the collector looks again and again through what is young.
    pub(crate) fn collect_the_young(&self) {
        // SAFETY: an idle VM.
        unsafe {
            ffi::lua_gc(self.l, ffi::LUA_GCGEN);
            ffi::lua_gc(self.l, ffi::LUA_GCPARAM, ffi::LUA_GCPMINORMUL, 1 as c_int);
        }
    }

    /// Pushes the global `name`.
    pub(crate) fn push_global(&self, stack: &Stack, name: &str) {
        stack.raw_get_int(crate::lua::raw::REGISTRY, ffi::LUA_RIDX_GLOBALS);
        stack.raw_get_field(-1, name);
        stack.remove(-2);
    }

    /// Runs a chunk that must raise under `handler`; `look` sees what the handler gives on top.
    pub(crate) fn throw<R>(
        &self,
        code: &str,
        handler: HostFn,
        mut look: impl FnMut(&Stack) -> R,
    ) -> R {
        // SAFETY: protected calls on an idle VM.
        unsafe {
            ffi::lua_pushcfunction(self.l, handler);
            let (text, len) = (code.as_ptr().cast(), code.len());
            let status = ffi::luaL_loadbufferx(self.l, text, len, c"=test".as_ptr(), c"t".as_ptr());
            assert_eq!(status, ffi::LUA_OK, "{code}");
            assert_eq!(ffi::lua_pcall(self.l, 0, 0, 1), ffi::LUA_ERRRUN, "{code}");
            ffi::lua_setglobal(self.l, c"thrown".as_ptr());
            ffi::lua_settop(self.l, 0);
        }
        self.with(|stack| {
            self.push_global(stack, "thrown");
            look(stack)
        })
    }

    /// Runs a chunk of assertions.
    #[track_caller]
    pub(crate) fn run(&self, code: &str) {
        if let Err(text) = self.eval(code) {
            panic!("{text}");
        }
    }
}

unsafe extern "C-unwind" fn run(l: *mut lua_State) -> c_int {
    // SAFETY: called by `with` only, with the job.
    unsafe {
        let job = ffi::lua_touserdata(l, 1).cast::<&mut Job<'_>>();
        ffi::lua_settop(l, 0);
        call_host(l, |stack, _| {
            (*job)(stack);
            Ok(Outcome::Return(0))
        })
    }
}
