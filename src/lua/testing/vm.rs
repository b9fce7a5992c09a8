//! Lua for tests: pieces of code in a bare VM with our libraries, in one of stock Lua, so that the
//! two can be compared, and whole programs as processes of the simulator.
//!
//! In bare VMs the global `wait(...)` suspends the coroutine; it is resumed with the same values.
//! In stock Lua it is a plain function that returns them.

#![expect(unsafe_code, reason = "makes and runs raw states; R5 holds because a test owns its VM")]

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, mpsc};

use super::{bare_launch, environment, program, program_with};
use crate::lua::body::LuaBody;
use crate::lua::cx::Cx;
use crate::lua::program::{Module, Program};
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::{Outcome, Raise, Stack, Universe, host};
use crate::lua::stdlib;
use crate::lua::vm::Vm;
use crate::process::{
    Body, Encoded, Host, HostConfig, Limits, MonitorKey, Observer, Runtime, SharedExit,
    SpawnRequest, Step, StepEnd, Watch, Watcher,
};
use crate::scheduler::Pool;
use crate::scheduler::sim::SimPool;

/// Spawns a process with this body in a simulator, and runs that until nothing is left to do: how
/// it ended.
pub(crate) fn simulate(seed: u64, body: Box<dyn Body>) -> SharedExit {
    let runtime = Runtime::new();
    let pool = SimPool::new(seed);
    let config = HostConfig {
        id: "test:host",
        max_processes: 100,
        limits: Limits::default(),
        stop_timeout_ns: 0,
    };
    let host = Host::new(config, pool.clone(), runtime.clone());
    let (sender, exits) = mpsc::channel();
    let told = Observer::new(move |_, exit| sender.send(exit.clone()).unwrap());
    let request = SpawnRequest {
        entry: "test",
        body,
        limits: Limits::default(),
        trap_links: false,
        name: None,
        messages: Vec::new(),
        watch: Watch::Outside(Watcher::Outside(told, MonitorKey { watcher: 0, id: 1 })),
        link: false,
    };
    runtime.spawn(&host, request, None, pool.outside()).unwrap();
    pool.run_until_idle();
    exits.try_recv().expect("the process has ended")
}

/// Runs a whole program in the simulator of that seed, with slices of a random length: how it
/// ended.
pub(crate) fn simulate_program(seed: u64, source: &str) -> SharedExit {
    simulate(seed, body(program(source)))
}

/// As [`simulate_program`], for a program that may use these modules.
pub(crate) fn simulate_program_with(seed: u64, source: &str, modules: &[Module]) -> SharedExit {
    simulate(seed, body(program_with(source, modules)))
}

fn body(program: Arc<Program>) -> Box<LuaBody> {
    let (env, args) = (environment(), Encoded::default());
    Box::new(LuaBody::new(env, program, args, Limits::default()))
}

/// A process that runs Rust code in its only step.
struct Once<F>(Option<F>);

impl<F: FnOnce(&mut Step<'_>) + Send> Body for Once<F> {
    fn step(&mut self, step: &mut Step<'_>) -> StepEnd {
        if let Some(run) = self.0.take() {
            run(step);
        }
        StepEnd::Finished(Box::default())
    }

    fn end(&mut self, _: &mut Step<'_>) {}

    fn places(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A VM with the standard libraries, in a step of a process, and nothing else of a program around
/// it.
#[derive(Debug)]
pub(crate) struct TestVm(Vm);

impl TestVm {
    /// Runs `test` with a fresh VM.
    pub(crate) fn with<R: Send + 'static>(test: impl FnOnce(&TestVm) -> R + Send + 'static) -> R {
        TestVm::with_bare(|vm| {
            vm.stack(|stack| {
                stack.universe().set_seed([1, 2]);
                stdlib::open(stack);
                stack.push_globals();
                stack.set_fn(-1, "wait", host!(wait));
            });
            test(vm)
        })
    }

    /// Runs `test` with a VM without libraries.
    pub(crate) fn with_bare<R: Send + 'static>(
        test: impl FnOnce(&TestVm) -> R + Send + 'static,
    ) -> R {
        let (sender, results) = mpsc::channel();
        let run = move |step: &mut Step<'_>| {
            let vm = TestVm(Vm::new(bare_launch(), 7).unwrap());
            vm.0.cx().step.set(step);
            let result = catch_unwind(AssertUnwindSafe(|| test(&vm)));
            vm.0.cx().step.clear();
            sender.send(result).unwrap();
        };
        simulate(0, Box::new(Once(Some(run))));
        results.recv().unwrap().unwrap_or_else(|panic| resume_unwind(panic))
    }

    pub(crate) fn universe(&self) -> &Universe {
        self.0.universe()
    }

    /// Host code on the main thread's stack, which is empty before and after.
    pub(crate) fn stack<R>(&self, run: impl FnOnce(&Stack) -> R) -> R {
        let stack = self.0.stack(self.0.main());
        let result = run(&stack);
        stack.set_top(0);
        result
    }

    /// Host code as in a host function.
    pub(crate) fn host<R>(&self, run: impl FnOnce(&Stack, &mut Cx) -> R) -> R {
        self.stack(|stack| run(stack, self.0.cx()))
    }

    /// The results of `source`, and how often it waited.
    pub(crate) fn run_counted(&self, source: &str) -> (String, usize) {
        self.universe().leave_loop();
        // SAFETY: a live state whose code this thread runs.
        let result = unsafe { run(self.0.main(), source) };
        self.universe().enter_loop();
        result
    }

    /// The results of `source`, separated by commas, or `error: ` and the message.
    pub(crate) fn run(&self, source: &str) -> String {
        self.run_counted(source).0
    }
}

/// What `source` gives in our VM.
pub(crate) fn ours(source: &str) -> String {
    let source = source.to_owned();
    TestVm::with(move |vm| vm.run(&source))
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
    TestVm::with(|vm| {
        assert_eq!(vm.run_counted("return wait(1, 'a'), wait(nil)"), ("1, nil".to_owned(), 2));
        assert_eq!(vm.run("error('no')"), "error: test:1: no");
    });
    assert_eq!(stock("return wait(1, 'a')"), "1, a");
}
