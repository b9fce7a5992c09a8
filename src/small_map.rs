//! A map that is most often tiny: its first entries lie in place and are found by looking at each,
//! which is faster than a hash and takes no table. More than [`FEW`] are hashed.

use std::borrow::Borrow;
use std::hash::Hash;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// More than so many entries are hashed.
const FEW: usize = 8;

/// See the module. `N` entries need no allocation.
///
/// # Invariants
/// * **S1** Entries are in `few` or in `many`, and one of these is empty.
#[derive(Debug)]
pub(crate) struct SmallMap<K, V, const N: usize> {
    few: SmallVec<[(K, V); N]>,
    many: Option<Box<FxHashMap<K, V>>>,
}

impl<K, V, const N: usize> Default for SmallMap<K, V, N> {
    fn default() -> Self {
        Self { few: SmallVec::new(), many: None }
    }
}

impl<K: Eq + Hash, V, const N: usize> SmallMap<K, V, N> {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.few.len() + self.many.as_ref().map_or(0, |many| many.len())
    }

    #[inline]
    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        for (known, value) in &self.few {
            if known.borrow() == key {
                return Some(value);
            }
        }
        self.many.as_ref()?.get(key)
    }

    /// Adds an entry; gives the value that the key had before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.many.is_none() {
            if let Some((_, old)) = self.few.iter_mut().find(|(known, _)| *known == key) {
                return Some(std::mem::replace(old, value));
            }
            if self.few.len() < FEW {
                self.few.push((key, value));
                return None;
            }
        }
        let many = self.many.get_or_insert_default();
        many.extend(self.few.drain(..));
        many.insert(key, value)
    }

    pub(crate) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if let Some(at) = self.few.iter().position(|(known, _)| known.borrow() == key) {
            return Some(self.few.remove(at).1);
        }
        let many = self.many.as_mut()?;
        let value = many.remove(key);
        if many.is_empty() {
            self.many = None;
        }
        value
    }

    /// All entries, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let few = self.few.iter().map(|(key, value)| (key, value));
        few.chain(self.many.iter().flat_map(|many| many.iter()))
    }

    /// All values, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Takes all entries out, in no order.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (K, V)> + use<K, V, N> {
        let few = std::mem::take(&mut self.few).into_iter();
        few.chain(self.many.take().into_iter().flat_map(|many| *many))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_does_what_a_map_does(steps in prop::collection::vec((0_u8..8, 0_u64..24), 0..200)) {
            let mut map: SmallMap<u64, usize, 1> = SmallMap::default();
            let mut model = FxHashMap::default();
            for (value, (kind, key)) in steps.into_iter().enumerate() {
                match kind {
                    0..5 => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
                    5..7 => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                    _ if key == 0 => {
                        let taken: FxHashMap<_, _> = map.take().collect();
                        prop_assert_eq!(taken, std::mem::take(&mut model));
                    }
                    _ => {}
                }
                prop_assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
                for key in 0..24 {
                    prop_assert_eq!(map.get(&key), model.get(&key));
                }
                prop_assert_eq!(map.values().count(), model.len());
            }
        }
    }
}
