//! The memory of one VM: blocks by size class from a few chunks, huge ones from the global
//! allocator, all of it freed at once when the process ends, without a walk over its Lua objects.
//!
//! # Concepts
//! * **Chunk**: a run of [pages](super::pages) that blocks are carved from; the first ones are
//!   small, because most processes are, later ones are a quarter of what there is, up to a cap.
//! * **Size class**: up to [`FINE_MAX`] bytes a block is rounded up to 16 bytes, above to a quarter
//!   of a power of two; each class has a free list.
//! * **Big block**: more than [`SMALL_MAX`] bytes; has a header in front that links it to its kin,
//!   so that a drop finds it.
//!
//! # Invariants
//! * **A1** A block belongs to the class of the size it was asked for; Lua tells that size again
//!   when it frees or grows it.
//! * **A2** Chunks never move and live as long as the arena.
//! * **A3** `used` is the sum of the sizes asked for, so it equals what Lua believes to hold.

#![expect(unsafe_code, reason = "an allocator; invariants A1 to A3")]

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ops::Range;
use std::ptr;
use std::sync::Arc;

use super::pages::{self, PAGE, RUN_PAGES_MAX};
use crate::process::Account;

const GRAIN: usize = 16;
const FINE_MAX: usize = 512;
const SMALL_MAX: usize = 16 * 1024;
const N_FINE: usize = FINE_MAX / GRAIN;
const N_CLASSES: usize = N_FINE + 4 * (SMALL_MAX / FINE_MAX).ilog2() as usize;
const _: () = assert!(RUN_PAGES_MAX * PAGE > SMALL_MAX + size_of::<Chunk>());

#[repr(C, align(16))]
struct Chunk {
    next: *mut Chunk,
    n_pages: usize,
}

#[repr(C, align(16))]
struct Big {
    next: *mut Big,
    prev: *mut Big,
    bytes: usize,
}

/// The allocator state of one VM.
#[repr(C)]
pub(crate) struct Arena {
    used: usize,
    limit: usize,
    /// What the process holds outside of the arena, and what counts like it.
    charged: usize,
    /// Bytes of all chunks.
    carved: usize,
    /// Where it is published what is held and charged, if anywhere.
    account: Option<Arc<Account>>,
    bump: *mut u8,
    bump_end: *mut u8,
    chunks: *mut Chunk,
    big: *mut Big,
    free: [*mut u8; N_CLASSES],
}

impl std::fmt::Debug for Arena {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arena").field("used", &self.used).field("limit", &self.limit).finish()
    }
}

impl Arena {
    /// An empty arena without a limit.
    pub(crate) fn new() -> Arena {
        Arena {
            used: 0,
            limit: usize::MAX,
            charged: 0,
            carved: 0,
            account: None,
            bump: ptr::null_mut(),
            bump_end: ptr::null_mut(),
            chunks: ptr::null_mut(),
            big: ptr::null_mut(),
            free: [ptr::null_mut(); N_CLASSES],
        }
    }

    /// An empty arena whose first blocks are carved from `home`, before any chunk.
    ///
    /// # Safety
    /// The memory of `home` is nobody else's while the arena lives. It starts at a multiple of 16.
    pub(crate) unsafe fn within(home: Range<*mut u8>) -> Arena {
        let carved = home.end as usize - home.start as usize;
        Arena { bump: home.start, bump_end: home.end, carved, account: None, ..Arena::new() }
    }

    /// The end of the blocks carved from `home` so far. `None` if there are blocks elsewhere.
    pub(crate) fn end_within(&self, home: &Range<*mut u8>) -> Option<*mut u8> {
        let is_inside = self.chunks.is_null() && self.big.is_null() && home.contains(&self.bump);
        is_inside.then_some(self.bump)
    }

    /// The end of what is used of `home`: all blocks carved from it lie before that.
    pub(crate) fn end_in(&self, home: &Range<*mut u8>) -> *mut u8 {
        // The bump pointer has left the home once there is a chunk.
        if self.chunks.is_null() { self.bump } else { home.end }
    }

    /// All free blocks.
    pub(crate) fn free_blocks(&self) -> impl Iterator<Item = Range<*mut u8>> {
        self.free.iter().enumerate().flat_map(|(class, first)| {
            let next = |block: &*mut u8| {
                // SAFETY: a free block's first word links to the next free one of its class.
                Some(unsafe { *(*block as *const *mut u8) }).filter(|next| !next.is_null())
            };
            std::iter::successors((!first.is_null()).then_some(*first), next)
                .map(move |block| block..block.wrapping_add(class_bytes(class)))
        })
    }

    /// An arena without free blocks, whose blocks hold `used` bytes and take the first `size` ones
    /// of `home`.
    ///
    /// # Safety
    /// As [`Arena::within`]. The blocks are there, and `size` is a multiple of 16.
    pub(crate) unsafe fn holding(used: usize, size: usize, home: Range<*mut u8>) -> Arena {
        // SAFETY: the caller's duty.
        let arena = unsafe { Arena::within(home) };
        Arena { used, bump: arena.bump.wrapping_add(size), account: None, ..arena }
    }

    pub(crate) fn used_bytes(&self) -> usize {
        self.used
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }

    /// Counts so many bytes against the limit besides its own.
    pub(crate) fn set_charged(&mut self, bytes: usize) {
        self.charged = bytes;
    }

    /// From now on `account` shows what is held and charged: as it was when [`Arena::publish`] was
    /// called last, or another chunk or big block was taken.
    pub(crate) fn set_account(&mut self, account: Arc<Account>) {
        self.account = Some(account);
    }

    pub(crate) fn has_account(&self) -> bool {
        self.account.is_some()
    }

    /// Brings the account up to date, if there is one.
    pub(crate) fn publish(&self) {
        if let Some(account) = &self.account {
            account.set(self.held_bytes());
        }
    }

    /// What is held and charged.
    pub(crate) fn held_bytes(&self) -> usize {
        self.used.saturating_add(self.charged)
    }

    /// Whether what is held and charged is above the limit.
    pub(crate) fn is_over(&self) -> bool {
        self.held_bytes() > self.limit
    }

    /// Whether `more` further bytes would go beyond the limit.
    #[inline]
    pub(crate) fn exceeds(&self, more: usize) -> bool {
        more > self.limit.saturating_sub(self.held_bytes())
    }

    /// Allocates (`old` 0), frees (`new` 0) or resizes a block. Null when the system has no memory.
    ///
    /// # Safety
    /// A `block` with `old` > 0 came from this arena with that size and is not used any more after.
    #[inline]
    pub(crate) unsafe fn reallocate(&mut self, block: *mut u8, old: usize, new: usize) -> *mut u8 {
        // SAFETY: A1: sizes are as promised by the caller; each branch keeps a block in its class.
        unsafe {
            if new == 0 {
                self.release(block, old);
                return ptr::null_mut();
            }
            if old == 0 {
                return self.obtain(new);
            }
            if old > SMALL_MAX && new > SMALL_MAX {
                return self.resize_big(block, old, new);
            }
            if old <= SMALL_MAX && new <= SMALL_MAX && class_of(old) == class_of(new) {
                self.used = self.used - old + new;
                return block;
            }
            let fresh = self.obtain(new);
            if !fresh.is_null() {
                ptr::copy_nonoverlapping(block, fresh, old.min(new));
                self.release(block, old);
            }
            fresh
        }
    }

    #[inline]
    unsafe fn obtain(&mut self, bytes: usize) -> *mut u8 {
        if bytes > SMALL_MAX {
            // SAFETY: a fresh block.
            return unsafe { self.obtain_big(bytes) };
        }
        let class = class_of(bytes);
        let head = self.free[class];
        if !head.is_null() {
            // SAFETY: a free block's first word links to the next free one of its class.
            self.free[class] = unsafe { *(head as *const *mut u8) };
            self.used += bytes;
            return head;
        }
        let size = class_bytes(class);
        if (self.bump_end as usize) - (self.bump as usize) < size && !self.grow(size) {
            return ptr::null_mut();
        }
        let block = self.bump;
        // SAFETY: the chunk has at least `size` bytes left.
        self.bump = unsafe { block.add(size) };
        self.used += bytes;
        block
    }

    #[inline]
    unsafe fn release(&mut self, block: *mut u8, bytes: usize) {
        if block.is_null() {
            return;
        }
        self.used -= bytes;
        if bytes > SMALL_MAX {
            self.publish();
            // SAFETY: big blocks have a header in front.
            unsafe {
                let big = header_of(block);
                self.unlink(big);
                dealloc(big.cast(), big_layout((*big).bytes));
            }
            return;
        }
        let class = class_of(bytes);
        // SAFETY: the block is dead and at least one word long (GRAIN).
        unsafe { *(block as *mut *mut u8) = self.free[class] };
        self.free[class] = block;
    }

    /// Starts a new chunk with room for `size` bytes; what is left of the old one goes to the free
    /// lists.
    #[cold]
    fn grow(&mut self, size: usize) -> bool {
        let least = (size + size_of::<Chunk>()).div_ceil(PAGE);
        let n_pages = (self.carved / 4 / PAGE).clamp(least, RUN_PAGES_MAX);
        let raw = pages::obtain(n_pages);
        if raw.is_null() {
            return false;
        }
        self.recycle_tail();
        let chunk = raw.cast::<Chunk>();
        // SAFETY: fresh memory of so many pages, aligned for a header.
        unsafe {
            chunk.write(Chunk { next: self.chunks, n_pages });
            self.bump = raw.add(size_of::<Chunk>());
            self.bump_end = raw.add(n_pages * PAGE);
        }
        self.chunks = chunk;
        self.carved += n_pages * PAGE;
        self.publish();
        true
    }

    fn recycle_tail(&mut self) {
        loop {
            let left = (self.bump_end as usize) - (self.bump as usize);
            let Some(class) = class_within(left) else { return };
            // SAFETY: the tail is unused memory of a live chunk and at least as long as the class.
            unsafe {
                *(self.bump as *mut *mut u8) = self.free[class];
                self.free[class] = self.bump;
                self.bump = self.bump.add(class_bytes(class));
            }
        }
    }

    unsafe fn obtain_big(&mut self, bytes: usize) -> *mut u8 {
        let Some(layout) = try_big_layout(bytes) else { return ptr::null_mut() };
        // SAFETY: the layout has a size above zero.
        let big = unsafe { alloc(layout) }.cast::<Big>();
        if big.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: fresh memory with room for the header.
        unsafe {
            big.write(Big { next: ptr::null_mut(), prev: ptr::null_mut(), bytes });
            self.link(big);
            self.used += bytes;
            self.publish();
            big.add(1).cast()
        }
    }

    unsafe fn resize_big(&mut self, block: *mut u8, old: usize, new: usize) -> *mut u8 {
        let Some(target) = try_big_layout(new) else { return ptr::null_mut() };
        // SAFETY: the header is in front; it is taken out of the list while it may move.
        unsafe {
            let big = header_of(block);
            self.unlink(big);
            let moved = realloc(big.cast(), big_layout(old), target.size()).cast::<Big>();
            if moved.is_null() {
                self.link(big);
                return ptr::null_mut();
            }
            (*moved).bytes = new;
            self.link(moved);
            self.used = self.used - old + new;
            self.publish();
            moved.add(1).cast()
        }
    }

    unsafe fn link(&mut self, big: *mut Big) {
        // SAFETY: list nodes are live headers.
        unsafe {
            (*big).prev = ptr::null_mut();
            (*big).next = self.big;
            if !self.big.is_null() {
                (*self.big).prev = big;
            }
        }
        self.big = big;
    }

    unsafe fn unlink(&mut self, big: *mut Big) {
        // SAFETY: list nodes are live headers.
        unsafe {
            let (prev, next) = ((*big).prev, (*big).next);
            if prev.is_null() {
                self.big = next;
            } else {
                (*prev).next = next;
            }
            if !next.is_null() {
                (*next).prev = prev;
            }
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: A2: every chunk and big block is on its list exactly once.
        unsafe {
            let mut chunk = self.chunks;
            while !chunk.is_null() {
                let next = (*chunk).next;
                pages::release(chunk.cast(), (*chunk).n_pages);
                chunk = next;
            }
            let mut big = self.big;
            while !big.is_null() {
                let next = (*big).next;
                dealloc(big.cast(), big_layout((*big).bytes));
                big = next;
            }
        }
    }
}

/// The class of blocks of so many bytes, 1 to [`SMALL_MAX`].
#[inline]
const fn class_of(bytes: usize) -> usize {
    if bytes <= FINE_MAX {
        return (bytes - 1) / GRAIN;
    }
    let last = bytes - 1;
    let power = last.ilog2();
    let quarter = (last >> (power - 2)) & 3;
    N_FINE + (power - FINE_MAX.ilog2()) as usize * 4 + quarter
}

/// How long the blocks of a class are.
#[inline]
const fn class_bytes(class: usize) -> usize {
    if class < N_FINE {
        return (class + 1) * GRAIN;
    }
    let (power, quarter) = ((class - N_FINE) / 4, (class - N_FINE) % 4);
    (5 + quarter) << (FINE_MAX.ilog2() as usize + power - 2)
}

/// The class with the longest blocks that fit into `bytes`.
fn class_within(bytes: usize) -> Option<usize> {
    if bytes < GRAIN {
        return None;
    }
    let bytes = bytes.min(SMALL_MAX);
    let class = class_of(bytes);
    Some(if class_bytes(class) > bytes { class - 1 } else { class })
}

fn try_big_layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.checked_add(size_of::<Big>())?, GRAIN).ok()
}

fn big_layout(bytes: usize) -> Layout {
    try_big_layout(bytes).expect("the block was allocated with this size")
}

unsafe fn header_of(block: *mut u8) -> *mut Big {
    // SAFETY: big blocks start right after their header.
    unsafe { block.cast::<Big>().sub(1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Fills a block so that an overlap with another shows.
    unsafe fn paint(block: *mut u8, bytes: usize, colour: u8) {
        // SAFETY: the block is `bytes` long.
        unsafe { ptr::write_bytes(block, colour, bytes) };
    }

    proptest! {
        #[test]
        fn blocks_keep_their_bytes_and_the_count_is_exact(
            ops in prop::collection::vec((0usize..40, prop_oneof![0usize..700, 0usize..40_000]), 1..300)
        ) {
            let mut arena = Arena::new();
            let mut blocks: Vec<(*mut u8, usize, u8)> = vec![(ptr::null_mut(), 0, 0); 40];
            for (turn, (slot, bytes)) in ops.into_iter().enumerate() {
                let (block, old, colour) = blocks[slot];
                // SAFETY: the model keeps each block's size; blocks are painted within their size.
                unsafe {
                    let fresh = arena.reallocate(block, old, bytes);
                    let keep = old.min(bytes);
                    if keep > 0 {
                        let kept = std::slice::from_raw_parts(fresh, keep);
                        prop_assert!(kept.iter().all(|byte| *byte == colour));
                    }
                    let colour = (turn % 251) as u8;
                    if bytes > 0 {
                        paint(fresh, bytes, colour);
                    }
                    blocks[slot] = (fresh, bytes, colour);
                }
                prop_assert_eq!(arena.used_bytes(), blocks.iter().map(|b| b.1).sum::<usize>());
            }
        }
    }

    #[test]
    fn classes_cover_all_sizes_with_little_waste() {
        for bytes in 1..=SMALL_MAX {
            let class = class_of(bytes);
            let size = class_bytes(class);
            assert!(class < N_CLASSES && size >= bytes && size.is_multiple_of(GRAIN));
            assert!(size - bytes < GRAIN.max(bytes / 4 + 1), "{bytes} in {size}");
            assert!(class == 0 || class_bytes(class - 1) < bytes);
            if bytes >= GRAIN {
                let within = class_within(bytes).expect("at least one grain");
                assert!(class_bytes(within) <= bytes && within + 1 >= class);
            }
        }
        assert_eq!(class_of(SMALL_MAX) + 1, N_CLASSES);
    }

    #[test]
    fn the_account_follows_what_is_taken_by_a_chunk_or_a_big_block() {
        let account = Arc::<Account>::default();
        let mut arena = Arena::new();
        arena.set_account(account.clone());
        // SAFETY: blocks are fresh, and freed once.
        unsafe {
            let mut least = 0;
            for n in 1..=1000 {
                arena.reallocate(ptr::null_mut(), 0, 1000);
                assert!((least..=n * 1000).contains(&account.bytes()));
                assert!(n * 1000 - account.bytes() <= RUN_PAGES_MAX * PAGE);
                least = account.bytes();
            }
            let big = arena.reallocate(ptr::null_mut(), 0, 1 << 20);
            assert_eq!(account.bytes(), 1_000_000 + (1 << 20));
            let big = arena.reallocate(big, 1 << 20, 1 << 21);
            assert_eq!(account.bytes(), 1_000_000 + (1 << 21));
            arena.reallocate(big, 1 << 21, 0);
            assert_eq!(account.bytes(), 1_000_000);
        }
        arena.set_charged(5);
        arena.publish();
        assert_eq!(account.bytes(), 1_000_005);
    }

    #[test]
    fn the_limit_counts_what_is_held() {
        let mut arena = Arena::new();
        arena.set_limit(1000);
        // SAFETY: fresh blocks.
        unsafe { arena.reallocate(ptr::null_mut(), 0, 600) };
        assert!(arena.exceeds(401));
        assert!(!arena.exceeds(400));
    }
}
