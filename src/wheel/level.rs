//! One level of the wheel: 64 lists of entries and a word that tells which of them are not empty.
//!
//! # Invariants
//! * L1: bit `n` of `occupied` is set exactly while list `n` has an entry.
//! * L2: a list is linked both ways, from `head` (first in) to `tail` (last in), and ends in `NIL`.
//!   While a list is empty, `tail` is `NIL` and `head` means nothing.

use super::place::Place;
use super::slab::{NIL, Slab};

/// A slot number has six bits, so that the bits of one word stand for all slots of a level.
pub(super) const SLOT_BITS: u32 = 6;

/// The last slot of a level.
pub(super) const SLOT_LAST: u8 = (1 << SLOT_BITS) - 1;

const SLOTS: usize = 1 << SLOT_BITS;

const _: () = assert!(SLOTS == u64::BITS as usize);

pub(super) struct Level {
    occupied: u64,
    lists: [List; SLOTS],
}

/// The ends of a list, as indices into the slab.
#[derive(Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

impl List {
    const EMPTY: Self = Self { head: NIL, tail: NIL };
}

impl Level {
    pub(super) fn new() -> Self {
        Self { occupied: 0, lists: [List::EMPTY; SLOTS] }
    }

    /// Appends an entry that is in no list to the list of `place`.
    pub(super) fn push<T>(&mut self, place: Place, index: u32, slab: &mut Slab<T>) {
        let list = &mut self.lists[usize::from(place.slot())];
        let node = &mut slab[index];
        node.place = place;
        node.prev = list.tail;
        node.next = NIL;
        if list.tail == NIL {
            list.head = index;
            self.occupied |= 1 << place.slot();
        } else {
            slab[list.tail].next = index;
        }
        list.tail = index;
    }

    /// Takes an entry out of its list, which is one of this level.
    pub(super) fn unlink<T>(&mut self, index: u32, slab: &mut Slab<T>) {
        let node = &slab[index];
        let (slot, prev, next) = (node.place.slot(), node.prev, node.next);
        let list = &mut self.lists[usize::from(slot)];
        if prev == NIL {
            list.head = next;
        } else {
            slab[prev].next = next;
        }
        if next == NIL {
            list.tail = prev;
        } else {
            slab[next].prev = prev;
        }
        if list.tail == NIL {
            self.occupied &= !(1 << slot);
        }
    }

    /// Empties an occupied slot. Its entries stay linked by `next`, from the one returned.
    pub(super) fn take(&mut self, slot: u8) -> u32 {
        self.occupied &= !(1 << slot);
        std::mem::replace(&mut self.lists[usize::from(slot)], List::EMPTY).head
    }

    /// The first entry of the first occupied slot.
    pub(super) fn first(&self) -> Option<u32> {
        let slot = Slots(self.occupied).next()?;
        Some(self.lists[usize::from(slot)].head)
    }

    /// The slots up to and with `last` that are occupied now, in ascending order.
    pub(super) fn occupied_through(&self, last: u8) -> Slots {
        Slots(self.occupied & (u64::MAX >> (SLOT_LAST - last)))
    }
}

/// The set bits of a word, lowest first.
pub(super) struct Slots(u64);

impl Iterator for Slots {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as u8;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A level with one entry in each of the given slots.
    fn level(slots: &[u8]) -> (Level, Slab<u8>, Vec<u32>) {
        let (mut level, mut slab) = (Level::new(), Slab::new());
        let indices = slots
            .iter()
            .map(|&slot| {
                let index = slab.insert(0, slot).index();
                level.push(Place::new(u64::from(slot), 0), index, &mut slab);
                index
            })
            .collect();
        (level, slab, indices)
    }

    fn chain(mut index: u32, slab: &Slab<u8>) -> Vec<u32> {
        let mut chain = Vec::new();
        while index != NIL {
            chain.push(index);
            index = slab[index].next;
        }
        chain
    }

    #[test]
    fn occupied_slots_come_in_ascending_order_and_end_where_told() {
        let (level, ..) = level(&[63, 0, 7, 6]);
        assert_eq!(level.occupied_through(63).collect::<Vec<_>>(), [0, 6, 7, 63]);
        assert_eq!(level.occupied_through(62).collect::<Vec<_>>(), [0, 6, 7]);
        assert_eq!(level.occupied_through(6).collect::<Vec<_>>(), [0, 6]);
        assert_eq!(level.occupied_through(0).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn a_list_keeps_its_order_when_any_entry_leaves() {
        for leaving in 0..3 {
            let (mut level, mut slab, mut indices) = level(&[9, 9, 9]);
            level.unlink(indices[leaving], &mut slab);
            indices.remove(leaving);
            assert_eq!(chain(level.take(9), &slab), indices);
        }
    }

    #[test]
    fn a_slot_is_vacant_once_its_last_entry_has_left() {
        let (mut level, mut slab, indices) = level(&[9, 9, 20]);
        level.unlink(indices[1], &mut slab);
        assert_eq!(level.first(), Some(indices[0]));
        level.unlink(indices[0], &mut slab);
        assert_eq!(level.first(), Some(indices[2]));
        level.take(20);
        assert_eq!(level.first(), None);
    }
}
