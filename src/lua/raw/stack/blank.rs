//! Blank strings: long strings whose bytes are written after they were made, piece by piece, so
//! that their maker can give way in between.
//!
//! # Invariants
//! * **K1** A blank is a string of its own, made by [`Stack::push_blank`], that only the frame of
//!   the host function that made it holds until all of its bytes are written. So nobody reads it
//!   before, and Lua keeps nothing that depends on its bytes: it hashes long strings when they
//!   become keys.
//! * **K2** Lua frees the block by the allocator that gave it, and by its true length.

#![expect(unsafe_code, reason = "writes into strings of Lua; invariants S1, K1 and K2")]

use std::ffi::c_int;
use std::ptr;

use super::Stack;
use crate::lua::raw::ffi;

/// Shorter strings are copied when they are made, so that they cannot be written later.
const LEN_MIN: usize = 64;

impl Stack {
    /// Pushes a blank of `len` bytes, at least 64; false (nothing pushed) when there is not enough
    /// memory, of which nothing was touched then.
    #[must_use]
    pub(crate) fn push_blank(&self, len: usize) -> bool {
        assert!(len >= LEN_MIN, "K1: short strings are Lua's to make");
        if isize::try_from(len).is_err() || !self.has_room(len + 1) {
            return false;
        }
        let mut ud = ptr::null_mut();
        // SAFETY: S1. The allocator is that of the VM; as for Lua, no block has an old length, but
        // the kind of object. K2: the block has `len` bytes and a final NUL. The collector is told
        // of them, as it counts no blocks that were not its own to ask for.
        unsafe {
            let allocate = ffi::lua_getallocf(self.l, &mut ud);
            let block = allocate(ud, ptr::null_mut(), ffi::LUA_TSTRING as usize, len + 1);
            if block.is_null() {
                return false;
            }
            block.cast::<u8>().add(len).write(0);
            ffi::lua_pushexternalstring(self.l, block.cast(), len, Some(allocate), ud);
            ffi::lua_gc(self.l, ffi::LUA_GCSTEP, len);
        }
        true
    }

    /// Whether the limit allows so many bytes more, if need be after a collection.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let universe = self.universe();
        !universe.exceeds(bytes) || {
            self.collect_garbage();
            !universe.exceeds(bytes)
        }
    }

    /// Writes bytes from number `at` (from 0) on of the blank at `index`.
    ///
    /// # Panics
    /// When it is not so long.
    pub(crate) fn write_blank(&self, index: c_int, at: usize, bytes: &[u8]) {
        let (block, len) = self.blank(index);
        assert!(at <= len && bytes.len() <= len - at, "a blank is written within its length");
        // SAFETY: K1, and within the block. Nobody has a reference to these bytes, which have not
        // been written before.
        unsafe { ptr::copy(bytes.as_ptr(), block.add(at), bytes.len()) }
    }

    /// Writes `len` bytes of the blank at `index` from number `to` on that are those from number
    /// `from` on.
    ///
    /// # Panics
    /// When it is not so long, or those in front of `to` are not so many.
    pub(crate) fn repeat_in_blank(&self, index: c_int, from: usize, to: usize, len: usize) {
        let (block, whole) = self.blank(index);
        assert!(from <= to && len <= to - from && len <= whole - to, "only what is there repeats");
        // SAFETY: K1; both are within the block, and the first ends before the second begins.
        unsafe { ptr::copy_nonoverlapping(block.add(from), block.add(to), len) }
    }

    fn blank(&self, index: c_int) -> (*mut u8, usize) {
        let mut len = 0;
        // SAFETY: S1; a string is not converted, so nothing is allocated.
        let block = unsafe { ffi::lua_tolstring(self.l, index, &mut len) };
        (block.cast_mut().cast(), len)
    }
}
