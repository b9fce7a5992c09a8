//! VMs at rest: the home of a process that has been idle for long is kept as its difference from a
//! [pattern](super::pattern), and its pages are handed back to the system. It is restored at the
//! same address, word for word, so nothing that points into it needs to know.
//!
//! # Invariants
//! * **Z1** Nobody reaches a VM at rest: there is a [`Rested`] in place of the [`Vm`]. So its Rust
//!   values, whose bytes are kept like all others, are neither used nor dropped meanwhile.
//! * **Z2** All that the VM uses of its home lies between the start of the home and the end of its
//!   blocks, and all of that is kept.
//!
//! # Patterns
//! The first copies of an image that go to rest become its patterns, up to [`PATTERNS_MAX`], unless
//! they are like one that is there. A process that is like none is collected first, which
//! also leaves the marks of its objects as they are in others. One that is still unlike all of them
//! stays as it is.

#![expect(unsafe_code, reason = "reads and writes the memory of VMs; invariants Z1 and Z2")]

#[cfg(test)]
#[cfg(not(loom))]
mod tests;

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::pages::{self, PAGE, RUN_PAGES_MAX};
use super::pattern::{Pattern, Scratch};
use super::vm::Vm;
use crate::process::{Span, Vacated};

/// Patterns of one image. Processes that wait at different places are not much alike, but few
/// programs have many such places.
const PATTERNS_MAX: usize = 4;

/// One part in so many of a home that a difference may take.
const WORTH_WHILE: usize = 3;
/// The same, for one that is like its pattern. Where all marks of the collector are turned over the
/// difference is longer.
const ALIKE: usize = 10;

/// Heap in bytes up to which a VM is collected for a smaller difference; bounds how long it takes.
const COLLECTED_MAX: usize = RUN_PAGES_MAX * PAGE;

/// The patterns of the copies of an image.
#[derive(Debug, Default)]
pub(crate) struct Patterns([OnceLock<Arc<Pattern>>; PATTERNS_MAX]);

impl Patterns {
    #[cfg(all(test, not(loom)))]
    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    fn iter(&self) -> impl Iterator<Item = &Arc<Pattern>> {
        self.0.iter().map_while(OnceLock::get)
    }

    /// Adds one if there is room.
    fn add(&self, pattern: impl Fn() -> Arc<Pattern>) -> Option<&Arc<Pattern>> {
        let free = self.0.iter().find(|place| place.get().is_none())?;
        // Another thread may be quicker: then it is its pattern.
        Some(free.get_or_init(pattern))
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// See the module. Dropping it drops the VM.
#[derive(Debug)]
pub(crate) struct Rested {
    vm: ManuallyDrop<Vm>,
    pattern: Arc<Pattern>,
    difference: Box<[u8]>,
    n_words: u16,
}

impl Rested {
    /// Puts a VM to rest, or gives it back if that would not save much. `vacated` gets the home,
    /// and is to be dropped before the result is woken or dropped.
    pub(crate) fn of(vm: Vm, vacated: &mut Vacated) -> Result<Rested, Vm> {
        // Their homes are not in a region.
        if cfg!(any(miri, asan)) || vm.universe().is_dying() {
            return Err(vm);
        }
        let Some((pattern, difference)) = SCRATCH.with_borrow_mut(|scratch| shrink(&vm, scratch))
        else {
            return Err(vm);
        };
        let n_words = words(&vm).len() as u16;
        let Range { start, end } = vm.home();
        vacated.add(Span { start, bytes: end - start }, hand_back);
        Ok(Rested { vm: ManuallyDrop::new(vm), pattern, difference, n_words })
    }

    /// The VM as it was.
    pub(crate) fn wake(self) -> Vm {
        let mut rested = ManuallyDrop::new(self);
        rested.restore();
        let Rested { vm, pattern, difference, .. } = &mut *rested;
        // SAFETY: each field is taken or dropped once, since `rested` is not dropped.
        unsafe {
            std::ptr::drop_in_place(pattern);
            std::ptr::drop_in_place(difference);
            ManuallyDrop::take(vm)
        }
    }

    fn restore(&mut self) {
        let home = self.vm.home();
        let n_words = usize::from(self.n_words);
        // SAFETY: Z1: the home is nobody else's. It is that of `words`, and any bytes are words.
        let words = unsafe {
            pages::take_back(home.start, n_words * size_of::<usize>(), home.len());
            std::slice::from_raw_parts_mut(home.start as *mut usize, n_words)
        };
        self.pattern.restore(words, home.start, &self.difference);
    }

    /// Bytes of the difference.
    pub(crate) fn bytes(&self) -> usize {
        self.difference.len()
    }
}

impl Drop for Rested {
    fn drop(&mut self) {
        self.restore();
        // SAFETY: restored, and dropped once.
        unsafe { ManuallyDrop::drop(&mut self.vm) };
    }
}

/// Hands back the homes of VMs that were put to rest. Only [`Rested::of`] passes it on.
fn hand_back(homes: Vec<Span>) {
    // SAFETY: Z1: the homes are used by nobody until they are restored, which comes after this.
    unsafe { pages::vacate(homes) };
}

/// The difference from the pattern that is most like the VM, if it is small enough.
fn shrink(vm: &Vm, scratch: &mut Scratch) -> Option<(Arc<Pattern>, Box<[u8]>)> {
    let program = &vm.cx().launch.program;
    // A program with few processes needs no patterns.
    let patterns = program.images.patterns(vm.generation())?;
    let home = vm.home();
    if patterns.iter().next().is_some() {
        if let Some(found) = compare(patterns, vm, scratch, home.len() / ALIKE) {
            return Some(found);
        }
        // Twice, since each collection turns all marks over.
        for _ in 0..2 {
            let stack = vm.stack(vm.main());
            if stack.is_collected() && vm.universe().used_bytes() <= COLLECTED_MAX {
                stack.collect_garbage();
                if let Some(found) = compare(patterns, vm, scratch, home.len() / ALIKE) {
                    return Some(found);
                }
            }
        }
    }
    patterns.add(|| Arc::new(Pattern::of(words(vm), &home)));
    compare(patterns, vm, scratch, home.len() / WORTH_WHILE)
}

/// The difference from the first pattern that is like the VM, else the shortest; none if it is
/// longer than `max_bytes`.
fn compare(
    patterns: &Patterns,
    vm: &Vm,
    scratch: &mut Scratch,
    max_bytes: usize,
) -> Option<(Arc<Pattern>, Box<[u8]>)> {
    let home = vm.home();
    let mut best: Option<(&Arc<Pattern>, Box<[u8]>)> = None;
    for pattern in patterns.iter() {
        let max_bytes = best.as_ref().map_or(max_bytes, |(_, best)| best.len().saturating_sub(1));
        if pattern.compare(words(vm), &home, scratch, max_bytes) {
            best = Some((pattern, scratch.difference.as_slice().into()));
            if scratch.difference.len() <= home.len() / ALIKE {
                break;
            }
        }
    }
    best.map(|(pattern, difference)| (pattern.clone(), difference))
}

/// What the VM uses of its home (Z2).
fn words(vm: &Vm) -> &[usize] {
    let home = vm.home();
    // SAFETY: no Lua code runs here. The home is this VM's alone. Of the Rust values at its start
    // some bytes may be of no value; the pointer is hidden, so that they are read as what they are.
    unsafe {
        let blocks = vm.blocks();
        let end = vm.universe().arena().end_in(&blocks) as usize;
        let start = std::hint::black_box(home.start as *const usize);
        std::slice::from_raw_parts(start, (end - home.start) / size_of::<usize>())
    }
}
