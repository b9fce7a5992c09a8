//! One VM: made, tied to its universe, and dropped with all its memory at once.

#![expect(unsafe_code, reason = "owns the raw state; see raw::R5")]

use std::ops::Range;
use std::ptr::NonNull;

use super::arena::Arena;
use super::cx::{Cx, Launch};
use super::images::Generation;
use super::pages::{self, PAGE, RUN_PAGES_MAX};
use super::raw::ffi::{self, lua_State};
use super::raw::{Stack, Universe, allocate, allocate_zeroed, learn};
use super::stdlib;
use crate::stash::Shared;

/// What stands in front of a VM's first blocks in its home.
#[repr(C, align(16))]
struct Head {
    /// First: the VM's allocator knows the head by it.
    universe: Universe,
    cx: Cx,
}

/// A VM and what it needs to run. Dropping it frees its memory; no Lua code runs then.
///
/// The head and the first blocks lie in one run of pages, the **home**.
#[derive(Debug)]
pub(crate) struct Vm {
    head: NonNull<Head>,
    n_pages: u32,
    generation: Generation,
    main: *mut lua_State,
}

/// Pages of the home of a VM that is not copied from an image.
const HOME_PAGES: usize = 4;

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
    /// What the head takes of the home.
    pub(crate) const HEAD_BYTES: usize = size_of::<Head>();

    /// A bare VM; `seed` randomizes its string hashes. `None` when there is no memory for it.
    pub(crate) fn new(launch: Shared<Launch>, seed: u32) -> Option<Vm> {
        // SAFETY: `furnish` gives memory that belongs to the arena alone.
        let vm = Vm::furnish(launch, HOME_PAGES, |blocks, _| unsafe { Arena::within(blocks) })?;
        vm.start(seed, allocate)
    }

    /// As [`Vm::new`], in the largest home, and such that no byte in it depends on what was there
    /// before. [`Vm::finish_template`] ends that.
    pub(crate) fn new_template(launch: Shared<Launch>, seed: u32) -> Option<Vm> {
        let vm = Vm::furnish(launch, RUN_PAGES_MAX, |blocks, _| {
            // SAFETY: as in `new`.
            unsafe {
                let bytes = blocks.end.offset_from_unsigned(blocks.start);
                blocks.start.write_bytes(0, bytes);
                Arena::within(blocks)
            }
        })?;
        vm.start(seed, allocate_zeroed)
    }

    /// From here on the VM allocates like any other.
    pub(crate) fn finish_template(&self) {
        // SAFETY: both functions serve the same arena.
        unsafe { ffi::lua_setallocf(self.main, allocate, self.head.as_ptr().cast()) };
    }

    fn start(mut self, seed: u32, allocate: ffi::lua_Alloc) -> Option<Vm> {
        learn();
        let vm = &mut self;
        vm.universe().enter_host();
        // SAFETY: the universe stays where it is, and it outlives the state.
        vm.main = unsafe { ffi::lua_newstate(allocate, vm.head.as_ptr().cast(), seed) };
        if vm.main.is_null() {
            return None;
        }
        // SAFETY: a fresh main thread of this universe.
        unsafe { vm.universe().tie(vm.main) };
        Some(self)
    }

    /// A copy of the image of the program in `launch`, with a seed of its own for `math.random`.
    /// `None` when there is no memory or no image.
    pub(crate) fn copy(launch: Shared<Launch>, seed: [u64; 2]) -> Option<Vm> {
        let (generation, image) = launch.program.images.newest()?;
        let n_pages = image.n_pages();
        let mut main = std::ptr::null_mut();
        let mut vm = Vm::furnish(launch, n_pages, |blocks, cx| {
            let image = cx.launch.program.images.get(generation).expect("an image stays");
            // SAFETY: the memory is this VM's alone and as large as the image asks for. The
            // generator is a userdata in it.
            unsafe {
                let copied = image.copy_to(blocks);
                main = copied.main;
                if let Some(state) = copied.generator {
                    state.write_unaligned(stdlib::seeded(seed));
                }
                copied.arena
            }
        })?;
        vm.main = main;
        vm.generation = generation;
        vm.universe().set_seed(seed);
        vm.universe().enter_host();
        Some(vm)
    }

    /// A home with its head. `arena` gets the memory behind it.
    fn furnish(
        launch: Shared<Launch>,
        n_pages: usize,
        arena: impl FnOnce(Range<*mut u8>, &Cx) -> Arena,
    ) -> Option<Vm> {
        let home = NonNull::new(pages::obtain(n_pages))?;
        let head = home.cast::<Head>();
        // SAFETY: the home is page-aligned and longer than a head.
        unsafe {
            let blocks = head.add(1).cast::<u8>().as_ptr()..home.add(n_pages * PAGE).as_ptr();
            let at = &raw mut (*head.as_ptr()).cx;
            at.write(Cx::new(launch));
            let universe = Universe::new(arena(blocks, &*at));
            universe.set_owner(at.cast());
            (&raw mut (*head.as_ptr()).universe).write(universe);
        }
        let generation = Generation::default();
        Some(Vm { head, n_pages: n_pages as u32, generation, main: std::ptr::null_mut() })
    }

    /// The addresses of the home.
    pub(crate) fn home(&self) -> Range<usize> {
        let start = self.head.as_ptr() as usize;
        start..start + self.n_pages as usize * PAGE
    }

    /// What of the home each turn touches: the head, and the main coroutine with its stack, which
    /// Lua allocates one after the other.
    pub(crate) fn touched(&self) -> [Range<usize>; 2] {
        const MAIN_BYTES: usize = 640;
        let (head, main) = (self.head.as_ptr() as usize, self.main as usize);
        [head..head + Vm::HEAD_BYTES, main..main + MAIN_BYTES]
    }

    /// The memory behind the head.
    pub(crate) fn blocks(&self) -> Range<*mut u8> {
        // SAFETY: the home has so many pages.
        unsafe {
            let end = self.head.cast::<u8>().add(self.n_pages as usize * PAGE);
            self.head.add(1).cast::<u8>().as_ptr()..end.as_ptr()
        }
    }

    /// What is used of the memory behind the head.
    pub(crate) fn used_bytes_of_home(&self) -> usize {
        let blocks = self.blocks();
        // SAFETY: only its numbers are read.
        let end = unsafe { self.universe().arena() }.end_in(&blocks);
        end as usize - blocks.start as usize
    }

    pub(crate) fn universe(&self) -> &Universe {
        // SAFETY: made by `furnish`, freed by `drop`.
        unsafe { &self.head.as_ref().universe }
    }

    /// The state behind the host functions. The caller keeps no reference over a resume (C2).
    #[expect(clippy::mut_from_ref, reason = "C2: short-lived and unique")]
    pub(crate) fn cx(&self) -> &mut Cx {
        // SAFETY: made by `furnish`, freed by `drop`; used by one thread at a time.
        unsafe { &mut (*self.head.as_ptr()).cx }
    }

    /// Which image it is a copy of.
    pub(crate) fn generation(&self) -> Generation {
        self.generation
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
        let preemption = self.cx().step.get().preemption;
        let mut n_results = 0;
        self.universe().leave_loop();
        self.cx().enter(l);
        // SAFETY: a live coroutine of this VM; protected by Lua itself.
        let status = unsafe { ffi::lua_resume(l, std::ptr::null_mut(), n_args, &mut n_results) };
        preemption.clear();
        self.universe().enter_loop();
        match status {
            ffi::LUA_OK => Ran::Returned(n_results),
            ffi::LUA_YIELD => Ran::Yielded(n_results),
            _ => Ran::Failed,
        }
    }

    /// Closes a suspended or failed coroutine: its pending `<close>` variables run here. The error
    /// that is left, if any, stays on its stack. They cannot wait, but the end of the slice and a
    /// kill reach them: the universe may be dying after.
    pub(crate) fn close_thread(&self, l: *mut lua_State) {
        let preemption = self.cx().step.get().preemption;
        self.universe().leave_loop();
        self.universe().enter_nested(l);
        self.cx().enter(l);
        // SAFETY: a live coroutine that is not running; protected by Lua itself.
        unsafe { ffi::lua_closethread(l, std::ptr::null_mut()) };
        self.universe().leave_nested();
        preemption.clear();
        self.universe().enter_loop();
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // SAFETY: made by `furnish`. The arena's chunks go with the universe, the home comes last.
        unsafe {
            let head = self.head.as_ptr();
            std::ptr::drop_in_place(&raw mut (*head).cx);
            std::ptr::drop_in_place(&raw mut (*head).universe);
            pages::release(head.cast(), self.n_pages as usize);
        }
    }
}
