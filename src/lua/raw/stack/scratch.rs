//! Scratch blocks: memory of the VM in which a host function keeps plain data between two of its
//! calls, so that it counts against the limit, moves with the VM, and needs nobody to free it.

#![expect(unsafe_code, reason = "a userdata whose bytes are ours alone; invariants S1 and R4")]

use std::cell::Cell;
use std::ffi::c_int;

use super::Stack;
use crate::lua::objects;
use crate::lua::raw::ffi;
use crate::lua::raw::object::ObjectHeader;
use crate::lua::raw::watch::UNWATCHED;

/// How many words a block has besides its bytes.
const WORDS: usize = 8;

/// What a block begins with; its bytes follow.
#[repr(C)]
struct Head {
    header: ObjectHeader,
    words: [Cell<u64>; WORDS],
}

/// The contents of a block. It is good as long as the block stays on the stack.
#[derive(Debug)]
pub(crate) struct Scratch<'a> {
    pub(crate) words: &'a [Cell<u64>; WORDS],
    pub(crate) bytes: &'a [Cell<u8>],
}

impl Stack {
    /// Pushes a block with so many bytes, all of it zeros. It has no metatable, and should not get
    /// where Lua code sees it.
    pub(crate) fn push_scratch(&self, n_bytes: usize) {
        // SAFETY: S1; granted (R2). The block is fresh and large enough; R4: the header is written.
        unsafe {
            let block = ffi::lua_newuserdatauv(self.l, size_of::<Head>() + n_bytes, 0);
            block.cast::<u8>().write_bytes(0, size_of::<Head>() + n_bytes);
            let header = ObjectHeader { tag: objects::SCRATCH, watched_at: UNWATCHED };
            block.cast::<ObjectHeader>().write(header);
        }
    }

    /// The block at `index`; `None` when there is something else.
    #[inline]
    pub(crate) fn scratch(&self, index: c_int) -> Option<Scratch<'_>> {
        let head = self.header(index)?.cast::<Head>();
        // SAFETY: R4: the tag tells what is behind the header. Cells may be shared (R5).
        unsafe {
            if (*head).header.tag != objects::SCRATCH {
                return None;
            }
            let n_bytes = self.raw_len(index) - size_of::<Head>();
            let bytes = std::slice::from_raw_parts(head.add(1).cast::<Cell<u8>>(), n_bytes);
            Some(Scratch { words: &(*head).words, bytes })
        }
    }

    /// Pushes the first `n` bytes of the block at `index` as a string.
    ///
    /// # Panics
    /// When it is no block, or has not so many.
    pub(crate) fn push_scratch_bytes(&self, index: c_int, n: usize) {
        let bytes = &self.scratch(index).expect("the caller's own block").bytes[..n];
        // SAFETY: S1; granted (R2). Lua copies the bytes before anything else can write there.
        unsafe { ffi::lua_pushlstring(self.l, bytes.as_ptr().cast(), n) };
    }

    /// Pops the `n` strings on top, one at least, and pushes them joined.
    pub(crate) fn concat(&self, n: c_int) {
        // SAFETY: S1; granted (R2), and strings have no metamethod for it.
        unsafe { ffi::lua_concat(self.l, n) }
    }
}
