//! Where the entries of a wheel live: numbered nodes that are used again, under keys that are not.
//!
//! # Concepts
//! * **Node**: room for one entry, with its links. A vacant node is linked into the free list.
//! * **Generation**: how often a node has been vacated. A key is a node's index and its generation
//!   at the time of insertion.
//! * **Floor**: the generation that the nodes of a block begin with.
//!
//! # Invariants
//! * S1: no two insertions get the same key. The generation of a node only grows; when nodes are
//!   given back to the allocator, the greatest generation of their block stays as its floor; and a
//!   node whose generation has reached `RETIRED` is never used again.
//! * S2: the free list holds every vacant node that is not retired, the latest vacated first, as
//!   that is the one most likely in cache.
//!
//! # Giving memory back
//! Nodes never move, so only a vacant tail can go. It is looked for when the slab gets empty; and,
//! while it is sparse, each time that an eighth of its nodes has been vacated, so that the look
//! costs a vacation eight nodes at most. The free list then starts over with the lowest nodes,
//! which lets the tail run dry. Up to `NODES_KEPT` nodes always stay.

use std::ops::{Index, IndexMut};

use super::place::Place;

/// No node.
pub(super) const NIL: u32 = u32::MAX;

/// The generation of a node that has used up all its keys. A node is lost every 2^32 insertions.
const RETIRED: u32 = u32::MAX;

/// Nodes that share a floor.
const BLOCK: usize = 64;

/// A slab of this size or less is never shrunk.
const NODES_KEPT: usize = if cfg!(miri) { 2 * BLOCK } else { 1024 };

/// A slab is sparse while less than one node in this many is in use.
const SPARSE: usize = 8;

const _: () = assert!(NODES_KEPT.is_multiple_of(BLOCK));

/// Names an entry of a wheel, also after it has gone. Converts to a number and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    pub(super) fn index(self) -> u32 {
        self.index
    }
}

/// Bits 0–31 are the index, bits 32–63 the generation.
impl From<Key> for u64 {
    fn from(key: Key) -> Self {
        Self::from(key.generation) << 32 | Self::from(key.index)
    }
}

impl From<u64> for Key {
    fn from(bits: u64) -> Self {
        Self { index: bits as u32, generation: (bits >> 32) as u32 }
    }
}

pub(super) struct Node<T> {
    pub(super) at_ns: u64,
    /// Links of the list the entry is in; `next` is that of the free list while vacant.
    pub(super) prev: u32,
    pub(super) next: u32,
    generation: u32,
    pub(super) place: Place,
    /// `None` while vacant.
    value: Option<T>,
}

pub(super) struct Slab<T> {
    nodes: Vec<Node<T>>,
    /// The head of the free list.
    free: u32,
    /// Nodes in use.
    len: usize,
    /// Nodes vacated since the tail was last looked at.
    n_vacated: usize,
    /// By block; a block beyond the end has floor 0.
    floors: Vec<u32>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { nodes: Vec::new(), free: NIL, len: 0, n_vacated: 0, floors: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds an entry that is in no list yet.
    pub(super) fn insert(&mut self, at_ns: u64, value: T) -> Key {
        if self.free == NIL {
            self.grow();
        }
        let index = self.free;
        let node = &mut self.nodes[index as usize];
        self.free = node.next;
        node.at_ns = at_ns;
        node.value = Some(value);
        self.len += 1;
        Key { index, generation: node.generation }
    }

    /// The node of a live entry; `None` for a key whose entry is gone.
    pub(super) fn find(&self, key: Key) -> Option<u32> {
        let node = self.nodes.get(key.index as usize)?;
        // A vacant node has a generation not handed out yet, but a key may come from any number.
        (node.generation == key.generation && node.value.is_some()).then_some(key.index)
    }

    /// Removes a live entry that is in no list.
    pub(super) fn remove(&mut self, index: u32) -> T {
        let node = &mut self.nodes[index as usize];
        let value = node.value.take().expect("a list of the wheel holds live entries only (I5)");
        node.generation += 1;
        if node.generation != RETIRED {
            node.next = self.free;
            self.free = index;
        }
        self.len -= 1;
        self.n_vacated += 1;
        if self.nodes.len() > NODES_KEPT && self.is_worth_shrinking() {
            self.shrink();
        }
        value
    }

    /// Adds a node to the free list, passing over blocks that have used up their keys.
    #[cold]
    fn grow(&mut self) {
        while self.free == NIL {
            let index = self.nodes.len();
            assert!(index < NIL as usize, "fewer than 2^32 timers at a time");
            let generation = self.floors.get(index / BLOCK).copied().unwrap_or(0);
            let place = Place::new(0, 0);
            self.nodes.push(Node {
                at_ns: 0,
                prev: NIL,
                next: NIL,
                generation,
                place,
                value: None,
            });
            if generation != RETIRED {
                self.free = index as u32;
            }
        }
    }

    fn is_worth_shrinking(&self) -> bool {
        let share = self.nodes.len() / SPARSE;
        self.len == 0 || self.len < share && self.n_vacated >= share
    }

    /// Gives back the vacant tail, in whole blocks.
    #[cold]
    fn shrink(&mut self) {
        self.n_vacated = 0;
        let n_used = self.nodes.iter().rposition(|node| node.value.is_some()).map_or(0, |i| i + 1);
        let n_kept = n_used.next_multiple_of(BLOCK).max(NODES_KEPT).min(self.nodes.len());
        let n_blocks = self.nodes.len().div_ceil(BLOCK).max(self.floors.len());
        self.floors.resize(n_blocks, 0);
        for (index, node) in self.nodes.iter().enumerate().skip(n_kept) {
            let floor = &mut self.floors[index / BLOCK];
            *floor = node.generation.max(*floor);
        }
        self.nodes.truncate(n_kept);
        self.nodes.shrink_to_fit();
        self.link_vacant();
    }

    /// Makes the free list anew (S2), in ascending order.
    fn link_vacant(&mut self) {
        self.free = NIL;
        for (index, node) in self.nodes.iter_mut().enumerate().rev() {
            if node.value.is_none() && node.generation != RETIRED {
                node.next = self.free;
                self.free = index as u32;
            }
        }
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = Node<T>;

    fn index(&self, index: u32) -> &Node<T> {
        &self.nodes[index as usize]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, index: u32) -> &mut Node<T> {
        &mut self.nodes[index as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: usize = 20 * NODES_KEPT;

    fn fill(slab: &mut Slab<usize>, n: usize) -> Vec<Key> {
        (0..n).map(|value| slab.insert(0, value)).collect()
    }

    #[test]
    fn a_key_survives_its_conversion_to_a_number() {
        let key = Key { index: 7, generation: u32::MAX - 1 };
        assert_eq!(Key::from(u64::from(key)), key);
    }

    #[test]
    fn a_key_is_stale_once_its_entry_is_gone_and_its_node_used_again() {
        let mut slab = Slab::new();
        let old = slab.insert(0, 'a');
        assert_eq!(slab.remove(old.index()), 'a');
        assert_eq!(slab.find(old), None);
        let new = slab.insert(0, 'b');
        assert_eq!(new.index(), old.index());
        assert_eq!(slab.find(old), None);
        assert_eq!(slab.find(new), Some(new.index()));
    }

    #[test]
    fn a_key_nobody_was_given_finds_nothing() {
        let mut slab = Slab::new();
        let key = slab.insert(0, 'a');
        slab.remove(key.index());
        assert_eq!(slab.find(Key { generation: key.generation + 1, ..key }), None);
        assert_eq!(slab.find(Key { index: 1, generation: 0 }), None);
        assert_eq!(slab.find(Key { index: NIL, generation: RETIRED }), None);
    }

    #[test]
    fn a_node_whose_keys_are_used_up_is_never_used_again() {
        let mut slab = Slab::new();
        let first = slab.insert(0, 'a').index();
        slab.nodes[first as usize].generation = RETIRED - 1;
        slab.remove(first);
        assert_ne!(slab.insert(0, 'b').index(), first);
    }

    #[test]
    fn memory_comes_back_when_the_slab_gets_empty_after_a_burst() {
        let mut slab = Slab::new();
        for key in fill(&mut slab, BURST) {
            slab.remove(key.index());
        }
        assert!(slab.nodes.capacity() <= NODES_KEPT);
        assert!(slab.floors.capacity() * size_of::<u32>() < BURST / 8, "floors are all that stays");
    }

    #[test]
    fn memory_comes_back_after_a_burst_although_early_entries_stay() {
        let mut slab = Slab::new();
        let stay = fill(&mut slab, 3);
        let burst = fill(&mut slab, BURST);
        let later = fill(&mut slab, 3);
        burst.iter().for_each(|key| _ = slab.remove(key.index()));
        later.iter().for_each(|key| _ = slab.remove(key.index()));
        // The burst alone may fall short of paying for the last look; ordinary use pays the rest.
        for _ in 0..BURST / SPARSE {
            let key = slab.insert(0, 0);
            slab.remove(key.index());
        }
        assert!(slab.nodes.capacity() <= NODES_KEPT);
        assert!(stay.iter().all(|key| slab.find(*key).is_some()));
    }

    #[test]
    fn a_slab_in_steady_use_does_not_allocate() {
        let mut slab = Slab::new();
        let mut keys = fill(&mut slab, NODES_KEPT);
        let capacity = slab.nodes.capacity();
        for round in 0..10 * NODES_KEPT {
            let slot = round * 7 % keys.len();
            slab.remove(keys[slot].index());
            keys[slot] = slab.insert(0, round);
        }
        assert_eq!(slab.nodes.capacity(), capacity);
    }

    #[test]
    fn keys_stay_unique_although_memory_was_given_back_between() {
        let mut slab = Slab::new();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..3 {
            let keys = fill(&mut slab, 2 * NODES_KEPT);
            assert!(keys.iter().all(|key| seen.insert(u64::from(*key))));
            keys.iter().for_each(|key| _ = slab.remove(key.index()));
            assert_eq!(slab.nodes.len(), NODES_KEPT);
        }
    }

    #[test]
    fn a_block_that_comes_back_retired_is_passed_over() {
        let mut slab = Slab::new();
        let keys = fill(&mut slab, NODES_KEPT + 1);
        slab.nodes[NODES_KEPT].generation = RETIRED - 1;
        keys.iter().for_each(|key| _ = slab.remove(key.index()));
        let keys = fill(&mut slab, NODES_KEPT + 1);
        assert_eq!(keys[NODES_KEPT].index() as usize, NODES_KEPT + BLOCK);
    }
}
