//! Which tables an encoding contains already, and where.

use std::ffi::c_void;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// Up to so many tables a look through the list is faster than hashing.
const LISTED: usize = 16;

/// Tables by identity, with the place of their tag in the encoding.
#[derive(Debug, Default)]
pub(super) struct Seen {
    list: SmallVec<[(*const c_void, usize); LISTED]>,
    map: FxHashMap<*const c_void, usize>,
}

impl Seen {
    /// The place of `table`, if it was seen; else notes that it is at `at`.
    pub(super) fn place_or_insert(&mut self, table: *const c_void, at: usize) -> Option<usize> {
        if self.map.is_empty() {
            let known = self.list.iter().find(|(seen, _)| *seen == table);
            if let Some((_, place)) = known {
                return Some(*place);
            }
            if self.list.len() < LISTED {
                self.list.push((table, at));
                return None;
            }
            self.map.extend(self.list.drain(..));
        }
        match self.map.entry(table) {
            std::collections::hash_map::Entry::Occupied(known) => Some(*known.get()),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(at);
                None
            }
        }
    }
}
