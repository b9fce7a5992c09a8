//! The image of a VM: what lies in its home, in a form that can be copied to any other address. A
//! copy costs a fraction of a microsecond, a VM that is built step by step some ten of them.
//!
//! # How it works
//! The same VM is built three times at different addresses, by the same steps. Words that differ by
//! exactly the distance between two homes are addresses within the home; all others must be equal.
//! A copy is the words of the first without its [gaps], with the distance added to its addresses.
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
use gaps::Gaps;

mod gaps;

const WORD: usize = size_of::<usize>();

/// Room in a copy for what a process adds before it needs a chunk of its own, in bytes.
const SLACK: usize = 1024;

/// See the module.
pub(crate) struct Image {
    /// What the first VM's home held behind the head, with its gaps closed.
    words: Box<[usize]>,
    /// For each of them whether it is an address within the home: all bits set, or none.
    is_address: Box<[i8]>,
    /// Where the first word was.
    from: usize,
    /// Bytes that Lua believes to hold.
    used: usize,
    /// Where the main coroutine is.
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
        let [first, second, third] = vms.each_ref().map(Content::of);
        let (first, second, third) = (first?, second?, third?);
        let mut is_address = differences(&first, &second)?;
        if is_address != differences(&first, &third)? {
            return None;
        }
        let vm = &vms[0];
        let from = first.start;
        let words = first.close(&mut is_address);
        let closed = |address: usize| first.gaps.close(address - from);
        let generator = vm.universe().generator();
        // SAFETY: no Lua code runs here.
        let used = unsafe { vm.universe().arena().used_bytes() };
        let size = words.len() * WORD;
        let image = Image {
            words,
            is_address,
            from,
            used,
            main: closed(vm.main() as usize)?,
            generator: match generator.is_null() {
                true => None,
                false => Some(closed(generator as usize)?),
            },
            n_pages: (Vm::HEAD_BYTES + size + SLACK).div_ceil(PAGE),
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
                arena: Arena::holding(self.used, self.words.len() * WORD, blocks),
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
    // SAFETY: the feature was just asked for.
    unsafe {
        if is_x86_feature_detected!("avx512f") {
            return move_words_avx512(copy, words, is_address, distance);
        }
        if is_x86_feature_detected!("avx2") {
            return move_words_avx2(copy, words, is_address, distance);
        }
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

/// As [`move_each_word`], eight words at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn move_words_avx512(
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

/// What lies behind the head of a VM, without the gaps.
struct Content {
    words: Vec<usize>,
    gaps: Gaps,
    /// Where the first word is.
    start: usize,
    /// All addresses of the home, from its head to the end of its blocks.
    home: Range<usize>,
}

impl Content {
    /// `None` if there are blocks elsewhere (I1).
    fn of(vm: &Vm) -> Option<Content> {
        let blocks = vm.blocks();
        let start = blocks.start as usize;
        // SAFETY: no Lua code runs here. All words were filled with zeros before Lua got them.
        let (words, free) = unsafe {
            let arena = vm.universe().arena();
            let n_words = (arena.end_within(&blocks)? as usize - start) / WORD;
            (std::slice::from_raw_parts(blocks.start.cast::<usize>(), n_words), arena.free_blocks())
        };
        let gaps =
            Gaps::new(free.map(|b| b.start as usize - start..b.end as usize - start).collect());
        let bytes = words.len() * WORD;
        let kept = gaps.between(bytes).flat_map(|kept| &words[kept.start / WORD..kept.end / WORD]);
        let home = vm.home().start..start + bytes;
        Some(Content { words: kept.copied().collect(), gaps, start, home })
    }

    /// The words, where those that are addresses tell what lies where once the gaps are closed.
    /// What tells of a place within a gap is a rest that Lua does not look at (a free slot of the
    /// stack, the key of a removed field), and becomes zero.
    fn close(&self, is_address: &mut [i8]) -> Box<[usize]> {
        let close = |(&word, is_address): (&usize, &mut i8)| {
            // The head stays where it is.
            if *is_address == 0 || word < self.start {
                return word;
            }
            let closed = self.gaps.close(word - self.start);
            *is_address = if closed.is_some() { *is_address } else { 0 };
            closed.map_or(0, |at| self.start + at)
        };
        self.words.iter().zip(is_address).map(close).collect()
    }
}

/// Which words are addresses within their home; none if other words differ (I2).
fn differences(a: &Content, b: &Content) -> Option<Box<[i8]>> {
    if a.gaps != b.gaps || a.words.len() != b.words.len() {
        return None;
    }
    let distance = b.start.wrapping_sub(a.start);
    let is_address = |(&in_a, &in_b): (&usize, &usize)| {
        if in_a == in_b {
            (!a.home.contains(&in_a) && !b.home.contains(&in_a)).then_some(0)
        } else {
            (in_b.wrapping_sub(in_a) == distance && a.home.contains(&in_a)).then_some(-1)
        }
    };
    a.words.iter().zip(&b.words).map(is_address).collect()
}
