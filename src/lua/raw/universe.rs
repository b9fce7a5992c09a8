//! What one Lua VM needs of the runtime besides Lua itself, reachable from every coroutine of it.

#![expect(unsafe_code, reason = "from a state to what belongs to its VM; invariant R5")]

use std::cell::{Cell, UnsafeCell};
use std::ffi::c_void;
use std::sync::Arc;

use super::ffi::{self, lua_State};
use super::watch::{Watched, may_be_watched};
use crate::lua::arena::Arena;
use crate::process::Account;

/// Flags of one coroutine, kept in the low bits of its extra-space word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadTag {
    /// The coroutine is somewhere in a fiber's stack of coroutines: running or `normal`.
    Active = 1,
    /// The coroutine was made by `coroutine.spawn`.
    Spawned = 2,
}

const TAG_MASK: usize = 15;

/// Something whose Lua object was collected, to be released by the layer above at its next safe
/// point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Garbage {
    /// The object's type tag.
    pub(crate) tag: u32,
    /// The object's native part.
    pub(crate) id: u64,
}

/// One VM's allocator, flags and owner. Aligned so that its address leaves room for the tags. What
/// each host function looks at comes first, as a process that was not run for long finds none of
/// its memory in the caches.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Universe {
    /// Depth of running host functions: above zero the allocator grants (R2).
    host_depth: Cell<u32>,
    /// A host function allocated beyond the limit; its trampoline raises.
    over_limit: Cell<bool>,
    /// A step was stopped (see `safepoint.rs`); `over_limit` is set as well, which is looked at.
    stopped: Cell<bool>,
    /// A host function panicked, or a kill must end the VM: no Lua code of it may run any more.
    dying: Cell<bool>,
    /// What the host raises when the next resume must raise instead of return.
    raise_on_resume: Cell<bool>,
    rehearsal: Cell<Rehearsal>,
    /// Depth of coroutines that were resumed from inside a C function that cannot be suspended.
    nested: Cell<u32>,
    /// The coroutine whose C function resumed or closed the first of them.
    nested_in: Cell<*mut lua_State>,
    /// The layer above (`Cx`); null while nobody runs the VM.
    owner: Cell<*mut c_void>,
    garbage: UnsafeCell<Vec<Garbage>>,
    arena: UnsafeCell<Arena>,
    watched: UnsafeCell<Watched>,
    panic_text: UnsafeCell<Option<String>>,
    /// What `math.random` starts from.
    seed: Cell<[u64; 2]>,
    /// The state of `math.random`, once that was used; for templates.
    generator: Cell<*mut [u64; 4]>,
}

/// Whether the VM is a template for others, in which only what is the same in all of them may be
/// done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rehearsal {
    /// It is the VM of a process.
    No,
    /// A template.
    Yes,
    /// A template in which something was tried that only a process can do.
    Spoiled,
}

impl Universe {
    /// A universe whose VM gets its memory from `arena`.
    pub(crate) fn new(arena: Arena) -> Universe {
        Universe {
            arena: UnsafeCell::new(arena),
            host_depth: Cell::new(0),
            over_limit: Cell::new(false),
            stopped: Cell::new(false),
            dying: Cell::new(false),
            raise_on_resume: Cell::new(false),
            nested: Cell::new(0),
            nested_in: Cell::new(std::ptr::null_mut()),
            garbage: UnsafeCell::new(Vec::new()),
            watched: UnsafeCell::default(),
            owner: Cell::new(std::ptr::null_mut()),
            panic_text: UnsafeCell::new(None),
            rehearsal: Cell::new(Rehearsal::No),
            seed: Cell::new([0; 2]),
            generator: Cell::new(std::ptr::null_mut()),
        }
    }

    /// The universe of the VM that `l` belongs to.
    ///
    /// # Safety
    /// `l` is a live `lua_State` of a VM whose main thread was tied by [`Universe::tie`].
    #[inline]
    pub(crate) unsafe fn of<'a>(l: *mut lua_State) -> &'a Universe {
        // SAFETY: R5: the extra space holds the tied address plus tags, and new coroutines copy it.
        unsafe {
            let word = *(ffi::lua_getextraspace(l) as *const usize);
            &*((word & !TAG_MASK) as *const Universe)
        }
    }

    /// Ties a fresh main thread to this universe, before any coroutine of it is made.
    ///
    /// # Safety
    /// `l` is the main thread of a VM that was made with this universe's allocator.
    pub(crate) unsafe fn tie(&self, l: *mut lua_State) {
        // SAFETY: the extra space is one pointer wide by definition of LUA_EXTRASPACE.
        unsafe { *(ffi::lua_getextraspace(l) as *mut usize) = std::ptr::from_ref(self) as usize };
    }

    /// Whether coroutine `l` carries `tag`.
    ///
    /// # Safety
    /// As [`Universe::of`].
    pub(crate) unsafe fn has_tag(l: *mut lua_State, tag: ThreadTag) -> bool {
        // SAFETY: as in `of`.
        unsafe { *(ffi::lua_getextraspace(l) as *const usize) & tag as usize != 0 }
    }

    /// Sets or clears `tag` on coroutine `l`.
    ///
    /// # Safety
    /// As [`Universe::of`].
    pub(crate) unsafe fn set_tag(l: *mut lua_State, tag: ThreadTag, on: bool) {
        // SAFETY: as in `of`; the low bits are free because a universe is 16-byte aligned.
        unsafe {
            let word = ffi::lua_getextraspace(l) as *mut usize;
            *word = if on { *word | tag as usize } else { *word & !(tag as usize) };
        }
    }

    /// Bytes that the VM holds at this moment, by the allocator's own count.
    pub(crate) fn used_bytes(&self) -> usize {
        // SAFETY: R5: one thread at a time, and no reference into the arena is kept.
        unsafe { (*self.arena.get()).used_bytes() }
    }

    /// The allocator.
    ///
    /// # Safety
    /// No Lua code of this VM runs while the reference is alive.
    pub(crate) unsafe fn arena(&self) -> &Arena {
        // SAFETY: R5 and the caller's duty.
        unsafe { &*self.arena.get() }
    }

    pub(crate) fn rehearsal(&self) -> Rehearsal {
        self.rehearsal.get()
    }

    pub(crate) fn set_rehearsal(&self, rehearsal: Rehearsal) {
        self.rehearsal.set(rehearsal);
    }

    /// What `math.random` starts from.
    pub(crate) fn seed(&self) -> [u64; 2] {
        self.seed.get()
    }

    pub(crate) fn set_seed(&self, seed: [u64; 2]) {
        self.seed.set(seed);
    }

    /// The state of `math.random`; null before that was first used.
    pub(crate) fn generator(&self) -> *mut [u64; 4] {
        self.generator.get()
    }

    pub(crate) fn set_generator(&self, state: *mut [u64; 4]) {
        self.generator.set(state);
    }

    /// Replaces the limit of bytes; `usize::MAX` means none.
    pub(crate) fn set_memory_limit(&self, bytes: usize) {
        // SAFETY: as in `used_bytes`.
        unsafe { (*self.arena.get()).set_limit(bytes) }
    }

    /// Counts so many bytes against the limit besides those of the VM.
    pub(crate) fn set_charged(&self, bytes: usize) {
        // SAFETY: as in `used_bytes`.
        unsafe { (*self.arena.get()).set_charged(bytes) }
    }

    /// From now on `account` shows what is held and charged.
    pub(crate) fn set_account(&self, account: Arc<Account>) {
        // SAFETY: as in `used_bytes`.
        unsafe { (*self.arena.get()).set_account(account) }
    }

    /// Whether somebody adds up what is held.
    pub(crate) fn has_account(&self) -> bool {
        // SAFETY: as in `used_bytes`.
        unsafe { (*self.arena.get()).has_account() }
    }

    /// Brings the account up to date.
    pub(crate) fn publish(&self) {
        // SAFETY: as in `used_bytes`.
        unsafe { (*self.arena.get()).publish() }
    }

    /// What is held and charged.
    pub(crate) fn held_bytes(&self) -> usize {
        // SAFETY: as in `used_bytes`.
        unsafe { (*self.arena.get()).held_bytes() }
    }

    /// Whether what is held and charged is above the limit.
    pub(crate) fn is_over_limit(&self) -> bool {
        // SAFETY: as in `used_bytes`.
        unsafe { (*self.arena.get()).is_over() }
    }

    /// Whether so many bytes more would go beyond the limit.
    pub(crate) fn exceeds(&self, more: usize) -> bool {
        // SAFETY: as in `used_bytes`.
        unsafe { (*self.arena.get()).exceeds(more) }
    }

    /// Whether the VM alone is above the limit, when a collection has made what room there is.
    pub(crate) fn is_too_large(&self) -> bool {
        let is_too_large = self.used_bytes() > self.memory_limit();
        #[cfg(test)]
        let is_too_large = is_too_large || crate::lua::scarcity::lasts();
        is_too_large
    }

    pub(crate) fn memory_limit(&self) -> usize {
        // SAFETY: as in `used_bytes`.
        unsafe { (*self.arena.get()).limit() }
    }

    /// The process's loop hands over to Lua code: from now on the limit holds.
    pub(crate) fn leave_loop(&self) {
        self.host_depth.set(0);
    }

    /// The process's loop is back: pushes are granted.
    pub(crate) fn enter_loop(&self) {
        self.host_depth.set(1);
    }

    /// Whether more was allocated than the limit allows, since last asked.
    pub(crate) fn take_over_limit(&self) -> bool {
        self.over_limit.replace(false)
    }

    /// The step that runs is given up: the VM is dying, or else the step may not have the memory
    /// that it needs, whatever a collection frees.
    pub(crate) fn stop_step(&self) {
        self.over_limit.set(true);
        self.stopped.set(true);
    }

    /// Whether a step was stopped since last asked.
    pub(crate) fn take_stopped(&self) -> bool {
        self.stopped.replace(false)
    }

    pub(crate) fn enter_host(&self) {
        self.host_depth.set(self.host_depth.get() + 1);
    }

    pub(super) fn leave_host(&self) {
        self.host_depth.set(self.host_depth.get() - 1);
    }

    pub(crate) fn is_dying(&self) -> bool {
        self.dying.get()
    }

    /// From now on no Lua code of this VM may go on: waits and hooks end it.
    pub(crate) fn set_dying(&self) {
        self.dying.set(true);
    }

    pub(crate) fn set_raise_on_resume(&self) {
        self.raise_on_resume.set(true);
    }

    pub(super) fn take_raise_on_resume(&self) -> bool {
        self.raise_on_resume.replace(false)
    }

    /// A C function of coroutine `l` is about to run another coroutine in place: until
    /// [`Universe::leave_nested`] nothing can wait.
    pub(crate) fn enter_nested(&self, l: *mut lua_State) {
        if self.nested.get() == 0 {
            self.nested_in.set(l);
        }
        self.nested.set(self.nested.get() + 1);
    }

    pub(crate) fn leave_nested(&self) {
        self.nested.set(self.nested.get() - 1);
    }

    pub(crate) fn is_nested(&self) -> bool {
        self.nested.get() > 0
    }

    /// The coroutine whose C function runs others in place, if any does.
    pub(crate) fn nested_in(&self) -> Option<*mut lua_State> {
        self.is_nested().then(|| self.nested_in.get())
    }

    pub(crate) fn set_owner(&self, owner: *mut c_void) {
        self.owner.set(owner);
    }

    pub(crate) fn owner(&self) -> *mut c_void {
        self.owner.get()
    }

    /// Notes that an object was collected. Called by finalizers, in the middle of any allocation.
    pub(super) fn discard(&self, garbage: Garbage) {
        // SAFETY: R5; the vector is touched only here and in `take_garbage`, neither re-enters Lua.
        unsafe { (*self.garbage.get()).push(garbage) }
    }

    /// What was collected since the last call.
    pub(crate) fn take_garbage(&self) -> Vec<Garbage> {
        // SAFETY: as in `discard`.
        unsafe { std::mem::take(&mut *self.garbage.get()) }
    }

    pub(crate) fn has_garbage(&self) -> bool {
        // SAFETY: as in `discard`.
        unsafe { !(*self.garbage.get()).is_empty() }
    }

    /// From now on an object notes `garbage` when it is collected. Gives its place for its header.
    pub(super) fn watch(&self, object: *const c_void, garbage: Garbage) -> u32 {
        // SAFETY: R5; the list is touched only here and in the two functions below, and none of
        // them re-enters Lua.
        unsafe { (*self.watched.get()).add(object, garbage) }
    }

    pub(super) fn unwatch(&self, place: u32) {
        // SAFETY: as in `watch`.
        unsafe { (*self.watched.get()).remove(place) }
    }

    /// A block is about to be freed that may be a watched object.
    ///
    /// # Safety
    /// It is a block of this VM, of a length that [`may_be_watched`].
    unsafe fn freed(&self, block: *const c_void) {
        // SAFETY: as in `watch`, and the caller's duty.
        if let Some(garbage) = unsafe { (*self.watched.get()).freed(block) } {
            self.discard(garbage);
        }
    }

    pub(super) fn poison(&self, text: String) {
        // SAFETY: R5; no reference to the text is kept.
        unsafe { *self.panic_text.get() = Some(text) };
        self.dying.set(true);
    }

    /// The text of a panic in a host function, if that is what ends this VM.
    pub(crate) fn take_panic(&self) -> Option<String> {
        // SAFETY: as in `poison`.
        unsafe { (*self.panic_text.get()).take() }
    }
}

/// The allocator handed to Lua; `ud` is the universe.
///
/// # Safety
/// Called by Lua only: `ptr`, `old` and `new` follow the contract of `lua_Alloc`.
pub(crate) unsafe extern "C" fn allocate(
    ud: *mut c_void,
    ptr: *mut c_void,
    old: usize,
    new: usize,
) -> *mut c_void {
    // SAFETY: `ud` is the universe that the VM was made with (R5).
    let universe = unsafe { &*(ud as *const Universe) };
    if new == 0 && may_be_watched(old) && !ptr.is_null() {
        // SAFETY: `old` is the length of the block.
        unsafe { universe.freed(ptr) };
    }
    // SAFETY: R5: nobody else holds a reference into the arena while Lua runs.
    let arena = unsafe { &mut *universe.arena.get() };
    // With a null pointer `old` tells the kind of object, not a size.
    let old = if ptr.is_null() { 0 } else { old };
    let exceeds = new > old && arena.exceeds(new - old);
    #[cfg(test)]
    let exceeds = exceeds || new > old && crate::lua::scarcity::refuses();
    if exceeds {
        if universe.host_depth.get() == 0 {
            return std::ptr::null_mut();
        }
        universe.over_limit.set(true);
    }
    // SAFETY: a block that is not null came from this arena with size `old`.
    unsafe { arena.reallocate(ptr.cast(), old, new).cast() }
}

/// As [`allocate`], but what a block gains is filled with zeros, so that no byte of a template
/// depends on what was in its place before.
///
/// # Safety
/// As [`allocate`].
pub(crate) unsafe extern "C" fn allocate_zeroed(
    ud: *mut c_void,
    ptr: *mut c_void,
    old: usize,
    new: usize,
) -> *mut c_void {
    let kept = if ptr.is_null() { 0 } else { old };
    // SAFETY: the caller's duty; the block has `new` bytes.
    unsafe {
        let block = allocate(ud, ptr, old, new);
        if !block.is_null() && new > kept {
            block.cast::<u8>().add(kept).write_bytes(0, new - kept);
        }
        block
    }
}
