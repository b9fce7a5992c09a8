//! Objects whose end the layer above has to hear of, without a finalizer: the allocator tells when
//! their memory is freed.
//!
//! A finalizer costs an object a protected call, and a second cycle of the collector before its
//! memory is free. The allocator sees each object go anyway.
//!
//! # Invariants
//! * **W1** The list has the address of every watched object that is alive, and no other; the
//!   header of the object says where. So a freed block is a watched object exactly if the list has
//!   its address in the place that it names: whatever other blocks of that length hold, none of
//!   them is where a live object is.

#![expect(unsafe_code, reason = "looks into blocks that are being freed; invariant W1")]

use std::ffi::c_void;
use std::mem::offset_of;

use slab::Slab;

use super::object::ObjectHeader;
use super::universe::Garbage;

/// What Lua puts in front of the Rust part of an object with one Lua value: `struct Udata`, whose
/// values are aligned as a `long double`. The tests of this file fail where it is another length.
const LUA_PART: usize = 64;

/// The Rust part of a watched object is no longer, with its header.
pub(super) const LEN_MAX: usize = 32;

/// Whether a block of so many bytes may be a watched object.
#[inline]
pub(super) fn may_be_watched(bytes: usize) -> bool {
    (LUA_PART + size_of::<ObjectHeader>()..=LUA_PART + LEN_MAX).contains(&bytes)
}

/// The place of an object that is not watched.
pub(super) const UNWATCHED: u32 = u32::MAX;

/// See the module. It keeps the room that it once needed, a fraction of what the objects took.
#[derive(Debug, Default)]
pub(super) struct Watched(Slab<(usize, Garbage)>);

impl Watched {
    /// Adds a live object; gives its place, for its header.
    pub(super) fn add(&mut self, object: *const c_void, garbage: Garbage) -> u32 {
        if self.0.capacity() == 0 {
            // Most processes have one such object, their inbox.
            self.0.reserve_exact(1);
        }
        let place = self.0.insert((object as usize, garbage));
        u32::try_from(place).expect("2^32 objects do not fit into the memory of one process")
    }

    /// Takes an object out by its place; nothing happens if it is not watched.
    pub(super) fn remove(&mut self, place: u32) {
        self.0.try_remove(place as usize);
    }

    /// What a block that is about to be freed was, if it was a watched object; that is no longer
    /// watched.
    ///
    /// # Safety
    /// `block` is a block from the arena of the VM, of a length that [`may_be_watched`].
    pub(super) unsafe fn freed(&mut self, block: *const c_void) -> Option<Garbage> {
        let object = block.wrapping_byte_add(LUA_PART);
        // SAFETY: it lies in the block, whose bytes mean nothing before W1 has been checked.
        let place: u32 = unsafe {
            object.byte_add(offset_of!(ObjectHeader, watched_at)).cast::<u32>().read_unaligned()
        };
        let (watched, garbage) = *self.0.get(place as usize)?;
        (watched == object as usize).then(|| {
            self.0.remove(place as usize);
            garbage
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lua::raw::Object;
    use crate::lua::testing::TestVm;

    #[derive(Clone, Copy, Debug)]
    struct Sample([u64; 3]);

    impl Object for Sample {
        const TAG: u32 = 0;
        const NAME: &'static str = "Sample";
        const N_VALUES: i32 = 1;
    }

    #[test]
    fn the_end_of_an_object_is_noted_unless_it_is_watched_no_longer() {
        TestVm::with_bare(|vm| {
            vm.stack(|stack| {
                for id in 1..=4 {
                    stack.new_watched_object(Sample([0; 3]), id, |_| {});
                }
                stack.unwatch::<Sample>(2);
                stack.unwatch::<Sample>(2);
                assert!(stack.object::<Sample>(2).is_some_and(|sample| sample.0 == [0; 3]));
                stack.set_top(3);
                stack.collect_garbage();
                assert_eq!(stack.universe().take_garbage(), [Garbage { tag: 0, id: 4 }]);
                stack.remove(2);
                stack.collect_garbage();
                assert_eq!(stack.universe().take_garbage(), []);
                stack.set_top(0);
                stack.collect_garbage();
                let mut ids: Vec<u64> =
                    stack.universe().take_garbage().iter().map(|garbage| garbage.id).collect();
                ids.sort_unstable();
                assert_eq!(ids, [1, 3]);
            });
        });
    }

    #[test]
    fn another_block_that_names_the_place_of_an_object_is_not_taken_for_it() {
        let mut watched = Watched::default();
        let mut blocks = [[0_u64; (LUA_PART + LEN_MAX) / 8]; 2];
        let garbage = Garbage { tag: 0, id: 1 };
        let object = blocks[0].as_ptr().wrapping_byte_add(LUA_PART).cast();
        let place = watched.add(object, garbage);
        for block in &mut blocks {
            block[LUA_PART / 8] = u64::from(place) << 32;
        }
        let mut freed = |n: usize| {
            // SAFETY: the blocks are as long as may be.
            unsafe { watched.freed(blocks[n].as_ptr().cast()) }
        };
        assert_eq!([freed(1), freed(0), freed(0)], [None, Some(garbage), None]);
    }
}
