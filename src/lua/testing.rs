//! Bare VMs for tests: runs a piece of Lua and gives its results as text, in a VM with our libraries or
//! in one of stock Lua, so that the two can be compared.
//!
//! The global `wait(...)` suspends the coroutine; it is resumed with the same values. In stock Lua it is
//! a plain function that returns them.

#![expect(unsafe_code, reason = "makes and runs raw states; R5 holds because a test owns its VM")]

use std::ffi::c_int;

use super::cx::Cx;
use super::raw::ffi::{self, lua_State};
use super::raw::{Outcome, Raise, Stack, Universe, allocate, host};
use super::stdlib;

/// A VM with the standard libraries, and nothing else of a process around it.
#[derive(Debug)]
pub(crate) struct TestVm {
    universe: Box<Universe>,
    main: *mut lua_State,
    /// What the universe's owner points to.
    _cx: Box<Cx>,
}

impl TestVm {
    pub(crate) fn new() -> TestVm {
        let vm = TestVm::bare();
        vm.with_stack(|stack| stdlib::open(stack, [1, 2]));
        vm.with_stack(|stack| {
            stack.push_globals();
            stack.set_fn(-1, "wait", host!(wait));
            stack.pop(1);
        });
        vm
    }

    /// A VM without libraries.
    pub(crate) fn bare() -> TestVm {
        let mut cx = Box::<Cx>::default();
        let universe = Universe::new(usize::MAX);
        universe.enter_host();
        let ud = std::ptr::from_ref(&*universe).cast_mut();
        // SAFETY: the universe is boxed, so its address stays, and it outlives the state.
        let main = unsafe { ffi::lua_newstate(allocate, ud.cast(), 7) };
        assert!(!main.is_null());
        // SAFETY: a fresh main thread of this universe.
        unsafe { universe.tie(main) };
        universe.set_owner((&raw mut *cx).cast());
        TestVm { universe, main, _cx: cx }
    }

    pub(crate) fn universe(&self) -> &Universe {
        &self.universe
    }

    /// Host code on the main thread's stack, which is empty before and after.
    pub(crate) fn with_stack<R>(&self, run: impl FnOnce(&Stack) -> R) -> R {
        // SAFETY: a live state, in host mode while no Lua code runs.
        let stack = unsafe { Stack::new(self.main) };
        let result = run(&stack);
        stack.set_top(0);
        result
    }

    /// The results of `source`, and how often it waited.
    pub(crate) fn run_counted(&self, source: &str) -> (String, usize) {
        self.universe.leave_loop();
        // SAFETY: a live state whose code this thread runs.
        let result = unsafe { run(self.main, source) };
        self.universe.enter_loop();
        result
    }

    /// The results of `source`, separated by commas, or `error: ` and the message.
    pub(crate) fn run(&self, source: &str) -> String {
        self.run_counted(source).0
    }
}

/// What `source` gives in our VM.
pub(crate) fn ours(source: &str) -> String {
    TestVm::new().run(source)
}

/// What `source` gives in a VM of stock Lua.
pub(crate) fn stock(source: &str) -> String {
    // SAFETY: a fresh VM of this thread, closed at the end.
    unsafe {
        let l = ffi::luaL_newstate();
        ffi::luaL_openlibs(l);
        ffi::lua_register(l, c"wait".as_ptr(), same);
        let (result, _) = run(l, source);
        ffi::lua_close(l);
        result
    }
}

fn wait(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    Ok(Outcome::Suspend(stack.top()))
}

unsafe extern "C-unwind" fn same(l: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe { ffi::lua_gettop(l) }
}

/// Runs `source` as a coroutine until it ends.
///
/// # Safety
/// `main` is the main thread of a live VM; in one of ours the libraries are open.
unsafe fn run(main: *mut lua_State, source: &str) -> (String, usize) {
    // SAFETY: the caller's duty; loading and resuming are protected.
    unsafe {
        let l = ffi::lua_newthread(main);
        let (data, len) = (source.as_ptr().cast(), source.len());
        let mut n = 0;
        let mut n_waits = 0;
        let mut status = ffi::luaL_loadbufferx(l, data, len, c"=test".as_ptr(), c"t".as_ptr());
        if status == ffi::LUA_OK {
            status = ffi::lua_resume(l, main, 0, &mut n);
            while status == ffi::LUA_YIELD {
                n_waits += 1;
                status = ffi::lua_resume(l, main, n, &mut n);
            }
        }
        let text = match status {
            ffi::LUA_OK => {
                let first = ffi::lua_gettop(l) - n + 1;
                (first..first + n).map(|index| text(l, index)).collect::<Vec<_>>().join(", ")
            }
            _ => format!("error: {}", text(l, -1)),
        };
        ffi::lua_settop(main, 0);
        (text, n_waits)
    }
}

/// A value as text: strings as they are, other objects by their type only.
unsafe fn text(l: *mut lua_State, index: c_int) -> String {
    // SAFETY: numbers are converted in place, which nobody sees any more.
    unsafe {
        match ffi::lua_type(l, index) {
            ffi::LUA_TBOOLEAN => (ffi::lua_toboolean(l, index) != 0).to_string(),
            ffi::LUA_TSTRING | ffi::LUA_TNUMBER => {
                let mut len = 0;
                let text = ffi::lua_tolstring(l, index, &mut len).cast::<u8>();
                std::slice::from_raw_parts(text, len).escape_ascii().to_string()
            }
            kind => {
                std::ffi::CStr::from_ptr(ffi::lua_typename(l, kind)).to_string_lossy().into_owned()
            }
        }
    }
}

#[test]
fn code_that_waits_gets_back_what_it_waited_for() {
    let vm = TestVm::new();
    assert_eq!(vm.run_counted("return wait(1, 'a'), wait(nil)"), ("1, nil".to_owned(), 2));
    assert_eq!(vm.run("error('no')"), "error: test:1: no");
    assert_eq!(stock("return wait(1, 'a')"), "1, a");
}
