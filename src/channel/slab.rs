//! A slab gives values a stable small index, and gives memory back: entries at its end that are no
//! longer in use are cut off, so that a burst of waiters does not stay paid for.
//!
//! # Invariants
//! * **S1** The last entry is occupied, or there are no more than [`KEPT`] entries: those stay, as
//!   they will be needed again at once.
//! * **S2** The vacant entries form one doubly linked list starting at `vacant`. It is doubly
//!   linked because cutting the end takes entries out of its middle.

use smallvec::SmallVec;

use super::{KEPT, reduced_capacity};

/// No entry: the end of every list of indices.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug)]
enum Entry<T> {
    Occupied(T),
    Vacant { prev: u32, next: u32 },
}

/// See the module. `N` entries need no allocation.
#[derive(Debug)]
pub(super) struct Slab<T, const N: usize> {
    entries: SmallVec<[Entry<T>; N]>,
    vacant: u32,
}

impl<T, const N: usize> Slab<T, N> {
    pub(super) fn new() -> Self {
        Self { entries: SmallVec::new(), vacant: NONE }
    }

    /// Stores `value` and returns its index, which is never [`NONE`].
    #[inline]
    pub(super) fn insert(&mut self, value: T) -> u32 {
        let index = self.vacant;
        if index == NONE {
            return self.grow(value);
        }
        self.unlink(index);
        self.entries[index as usize] = Entry::Occupied(value);
        index
    }

    /// Takes the value at `index` out.
    ///
    /// # Panics
    /// When there is none; callers hold indices of occupied entries only.
    #[inline]
    pub(super) fn remove(&mut self, index: u32) -> T {
        let entry = &mut self.entries[index as usize];
        let vacated = Entry::Vacant { prev: NONE, next: self.vacant };
        let Entry::Occupied(value) = std::mem::replace(entry, vacated) else {
            panic!("removed entry {index} of a slab twice");
        };
        if self.vacant != NONE {
            *self.vacant_links(self.vacant).0 = index;
        }
        self.vacant = index;
        if self.entries.len() > KEPT && index as usize + 1 == self.entries.len() {
            self.cut_end();
        }
        value
    }

    /// The value at `index`, if that entry is occupied.
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        match self.entries.get(index as usize) {
            Some(Entry::Occupied(value)) => Some(value),
            _ => None,
        }
    }

    /// The value at `index`, if that entry is occupied.
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        match self.entries.get_mut(index as usize) {
            Some(Entry::Occupied(value)) => Some(value),
            _ => None,
        }
    }

    #[cold]
    fn grow(&mut self, value: T) -> u32 {
        let index = u32::try_from(self.entries.len())
            .ok()
            .filter(|&index| index != NONE)
            .expect("2^32 channels or waiters do not fit into the memory of one process");
        if self.entries.len() == self.entries.capacity() {
            // Doubling from one, not from four: most processes own one or two channels.
            self.entries.reserve_exact(self.entries.len().max(1));
        }
        self.entries.push(Entry::Occupied(value));
        index
    }

    /// Re-establishes S1 after the last entry became vacant.
    #[cold]
    fn cut_end(&mut self) {
        while self.entries.len() > KEPT
            && let Some(Entry::Vacant { .. }) = self.entries.last()
        {
            self.unlink(self.entries.len() as u32 - 1);
            self.entries.pop();
        }
        if let Some(capacity) = reduced_capacity(self.entries.len(), self.entries.capacity()) {
            // `SmallVec::grow` to less than there was gives memory back.
            self.entries.grow(capacity);
        }
    }

    /// Takes a vacant entry out of the list of vacant entries.
    #[inline]
    fn unlink(&mut self, index: u32) {
        let (&mut prev, &mut next) = self.vacant_links(index);
        if next != NONE {
            *self.vacant_links(next).0 = prev;
        }
        if prev == NONE {
            self.vacant = next;
        } else {
            *self.vacant_links(prev).1 = next;
        }
    }

    fn vacant_links(&mut self, index: u32) -> (&mut u32, &mut u32) {
        match &mut self.entries[index as usize] {
            Entry::Vacant { prev, next } => (prev, next),
            Entry::Occupied(_) => panic!("S2 broken: entry {index} of a slab is not vacant"),
        }
    }
}

impl<T, const N: usize> std::ops::Index<u32> for Slab<T, N> {
    type Output = T;

    fn index(&self, index: u32) -> &T {
        self.get(index).expect("an index is kept no longer than its entry")
    }
}

impl<T, const N: usize> std::ops::IndexMut<u32> for Slab<T, N> {
    fn index_mut(&mut self, index: u32) -> &mut T {
        self.get_mut(index).expect("an index is kept no longer than its entry")
    }
}

#[cfg(any(test, fuzzing))]
impl<T, const N: usize> Slab<T, N> {
    /// All occupied entries, in order of their indices.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.entries).filter_map(|(index, entry)| match entry {
            Entry::Occupied(value) => Some((index, value)),
            Entry::Vacant { .. } => None,
        })
    }

    /// How many entries there are, vacant ones included.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Asserts S1 and S2.
    pub(super) fn check(&self) {
        let vacant_end = matches!(self.entries.last(), Some(Entry::Vacant { .. }));
        assert!(!vacant_end || self.entries.len() <= KEPT, "S1");
        let (mut prev, mut index, mut linked) = (NONE, self.vacant, 0);
        while index != NONE {
            let Entry::Vacant { prev: back, next } = self.entries[index as usize] else {
                panic!("S2: an occupied entry is linked as vacant");
            };
            assert_eq!(back, prev, "S2");
            (prev, index, linked) = (index, next, linked + 1);
        }
        assert_eq!(linked + self.iter().count(), self.entries.len(), "S2");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vacant_entries_are_used_again_before_the_slab_grows() {
        let mut slab = Slab::<_, 0>::new();
        let indices: Vec<u32> = (0..4).map(|value| slab.insert(value)).collect();
        slab.remove(indices[1]);
        slab.remove(indices[2]);
        slab.check();
        let mut again = [slab.insert(5), slab.insert(6)];
        again.sort_unstable();
        assert_eq!(again, [indices[1], indices[2]]);
        assert_eq!(slab.insert(7), 4);
    }

    #[test]
    fn the_end_is_cut_when_it_falls_vacant() {
        const N: u32 = if cfg!(miri) { 8 * KEPT as u32 } else { 10_000 };
        let mut slab = Slab::<_, 0>::new();
        for value in 0..N {
            slab.insert(value);
        }
        for index in (1..N).filter(|index| index % 2 == 0) {
            slab.remove(index);
        }
        slab.check();
        for index in (1..N).filter(|index| index % 2 == 1) {
            slab.remove(index);
        }
        slab.check();
        assert_eq!((slab[0], slab.entries.len()), (0, KEPT));
        assert!(slab.entries.capacity() <= 2 * KEPT);
    }

    #[test]
    fn a_lone_entry_takes_the_room_of_one() {
        let mut slab = Slab::<_, 0>::new();
        slab.insert(1_u64);
        assert_eq!(slab.entries.capacity(), 1);
    }
}
