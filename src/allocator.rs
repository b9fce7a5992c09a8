//! The global allocator of the command: mimalloc. Builds that look for faults in memory use the
//! system's, which their sanitizers see into.

#![expect(unsafe_code, reason = "hands mimalloc's functions to Rust")]

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys as mi;

/// mimalloc without the detour over its functions for aligned memory, which cost twice as much and
/// are needed for next to nothing: all its blocks are aligned to 16 bytes, or to their size where
/// that is 8.
pub(crate) struct Mimalloc;

/// Whether every block of such a size is aligned as the layout asks.
const fn is_aligned_anyway(layout: Layout) -> bool {
    layout.align() <= 8 || layout.align() == 16 && layout.size() >= 16
}

// SAFETY: mimalloc's blocks are what the trait asks for, aligned as `is_aligned_anyway` says; a
// block may be freed and resized by any function, however it was made.
unsafe impl GlobalAlloc for Mimalloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the size is not zero.
        unsafe {
            if is_aligned_anyway(layout) {
                return mi::mi_malloc(layout.size()).cast();
            }
            mi::mi_malloc_aligned(layout.size(), layout.align()).cast()
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the size is not zero.
        unsafe {
            if is_aligned_anyway(layout) {
                return mi::mi_zalloc(layout.size()).cast();
            }
            mi::mi_zalloc_aligned(layout.size(), layout.align()).cast()
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller's duty: a block of this allocator.
        unsafe { mi::mi_free(block.cast()) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let wanted = Layout::from_size_align(size, layout.align());
        // SAFETY: the caller's duty: a block of this allocator, and a size that is not zero.
        unsafe {
            if wanted.is_ok_and(is_aligned_anyway) {
                return mi::mi_realloc(block.cast(), size).cast();
            }
            mi::mi_realloc_aligned(block.cast(), size, layout.align()).cast()
        }
    }
}

/// Gives what the calling thread has freed back to the system.
pub(crate) fn trim() {
    // SAFETY: may be called at any time on any thread; it frees nothing that is in use.
    unsafe { mi::mi_collect(true) };
}
