//! The image of a VM: what lies in its home, in a form that can be copied to any other address. A
//! copy costs a fraction of a microsecond, a VM that is built step by step some ten of them.
//!
//! # How it works
//! The same VM is built three times at different addresses, by the same steps. Words that differ by
//! exactly the distance between two homes are addresses within the home; all others must be equal.
//! A copy is the words of the first, with the distance added to its addresses.
//!
//! # Invariants
//! * **I1** All blocks of the VM lie in its home, so that a copy needs nothing else.
//! * **I2** Each word either is the same in all three homes, or differs between each two of them by
//!   the distance of these.
//! * **I3** No table has a key that is hashed by an address within the home.
//! * **I4** Nothing outside of the VM is reached from it but what lives as long as the program: its
//!   code, C functions, constant data.
//!
//! A VM that does not keep them has no image; its processes are built step by step.

#![expect(unsafe_code, reason = "reads and writes the memory of VMs; invariants I1 to I4")]

use std::mem::MaybeUninit;
use std::ops::Range;

use super::arena::Arena;
use super::pages::PAGE;
use super::raw::ffi::lua_State;
use super::stdlib::GeneratorState;
use super::vm::Vm;
use super::walk;

const WORD: usize = size_of::<usize>();

/// Room in a copy for what a process adds before it needs a chunk of its own, in bytes.
const SLACK: usize = 1024;

/// See the module.
pub(crate) struct Image {
    /// What the first VM's home held behind the head, up to the end of its blocks.
    words: Box<[usize]>,
    /// For each of them whether it is an address within the home: all bits set, or none.
    is_address: Box<[i8]>,
    /// Where the first word was.
    from: usize,
    arena: Arena,
    main: usize,
    /// Where the state of `math.random` is, if that is in use.
    generator: Option<usize>,
    n_pages: usize,
}

// SAFETY: the addresses in it are never followed; they are numbers to add to.
unsafe impl Send for Image {}
// SAFETY: as above; it does not change.
unsafe impl Sync for Image {}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.words.len() * WORD;
        let n_addresses = self.is_address.iter().filter(|is_address| **is_address != 0).count();
        f.debug_struct("Image").field("bytes", &bytes).field("addresses", &n_addresses).finish()
    }
}

/// What [`Image::copy_to`] made.
pub(crate) struct Copied {
    pub(crate) arena: Arena,
    pub(crate) main: *mut lua_State,
    /// The state of `math.random`, if that is in use.
    pub(crate) generator: Option<*mut GeneratorState>,
}

impl Image {
    /// The image of `vms`, which were built by the same steps; none if they break an invariant.
    pub(crate) fn of(vms: &[Vm; 3]) -> Option<Image> {
        let [first, second, third] = vms.each_ref().map(content);
        let (first, second, third) = (first?, second?, third?);
        let is_address = differences(first, second)?;
        if is_address != differences(first, third)? {
            return None;
        }
        let words: Box<[usize]> = first.into();
        let from = first.as_ptr() as usize;
        let vm = &vms[0];
        let generator = vm.universe().generator();
        let used = Vm::HEAD_BYTES + words.len() * WORD;
        let image = Image {
            words,
            is_address,
            from,
            // SAFETY: no Lua code runs here.
            arena: unsafe { vm.universe().arena().moved(vm.blocks().start, vm.blocks()) },
            main: vm.main() as usize - from,
            generator: (!generator.is_null()).then(|| generator as usize - from),
            n_pages: (used + SLACK).div_ceil(PAGE),
        };
        // Last, since it uses the VM.
        (!walk::has_keys_by_address(vm)).then_some(image)
    }

    /// Pages of the home of a copy.
    pub(crate) fn n_pages(&self) -> usize {
        self.n_pages
    }

    /// Makes a copy of the VM in the memory behind the head of a home.
    ///
    /// # Safety
    /// `blocks` is the memory behind a head in a home of [`Image::n_pages`] pages, used by nobody
    /// else.
    pub(crate) unsafe fn copy_to(&self, blocks: Range<*mut u8>) -> Copied {
        let to = blocks.start;
        let distance = (to as usize).wrapping_sub(self.from);
        // SAFETY: the memory holds all words and some slack.
        unsafe {
            let copy = std::slice::from_raw_parts_mut(to.cast(), self.words.len());
            move_words(copy, &self.words, &self.is_address, distance);
            Copied {
                arena: self.arena.moved(self.from as *mut u8, blocks),
                main: to.add(self.main).cast(),
                generator: self.generator.map(|at| to.add(at).cast()),
            }
        }
    }
}

/// Copies words, and adds `distance` to those that are addresses.
fn move_words(
    copy: &mut [MaybeUninit<usize>],
    words: &[usize],
    is_address: &[i8],
    distance: usize,
) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: it was just asked for.
        return unsafe { move_words_avx2(copy, words, is_address, distance) };
    }
    move_each_word(copy, words, is_address, distance);
}

/// As [`move_each_word`], four words at a time: 350 ns instead of 550 for the copy of 14 KB.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn move_words_avx2(
    copy: &mut [MaybeUninit<usize>],
    words: &[usize],
    is_address: &[i8],
    distance: usize,
) {
    move_each_word(copy, words, is_address, distance);
}

#[inline(always)]
fn move_each_word(
    copy: &mut [MaybeUninit<usize>],
    words: &[usize],
    is_address: &[i8],
    distance: usize,
) {
    for ((to, word), is_address) in copy.iter_mut().zip(words).zip(is_address) {
        // No branch: the compiler makes vectors of it.
        to.write(word.wrapping_add(*is_address as usize & distance));
    }
}

/// The words behind the head of a VM, up to the end of its blocks (I1).
fn content(vm: &Vm) -> Option<&[usize]> {
    let blocks = vm.blocks();
    // SAFETY: no Lua code runs here. All words were filled with zeros before Lua got them.
    unsafe {
        let end = vm.universe().arena().end_within(&blocks)?;
        let bytes = end as usize - blocks.start as usize;
        Some(std::slice::from_raw_parts(blocks.start.cast(), bytes / WORD))
    }
}

/// Which words are addresses within their home; none if other words differ (I2).
fn differences(a: &[usize], b: &[usize]) -> Option<Box<[i8]>> {
    if a.len() != b.len() {
        return None;
    }
    let (from, to) = (a.as_ptr() as usize, b.as_ptr() as usize);
    let distance = to.wrapping_sub(from);
    let home = |start: usize, len: usize| start / PAGE * PAGE..start + len * WORD;
    let (of_a, of_b) = (home(from, a.len()), home(to, b.len()));
    let is_address = |(&in_a, &in_b): (&usize, &usize)| {
        if in_a == in_b {
            (!of_a.contains(&in_a) && !of_b.contains(&in_a)).then_some(0)
        } else {
            (in_b.wrapping_sub(in_a) == distance && of_a.contains(&in_a)).then_some(-1)
        }
    };
    a.iter().zip(b).map(is_address).collect()
}
