//! Which tables an encoding contains already, and where.

use std::collections::hash_map::Entry;
use std::ffi::c_void;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// Up to so many tables a look through the list is faster than hashing.
const LISTED: usize = 16;

/// Up to so many there is one map. Then the tables are spread over many maps, as the growth of one
/// would take long in one go.
const IN_ONE_MAP: usize = 1 << 12;
const MAPS: usize = 1 << 8;

/// Tables by identity, with the place of their tag in the encoding.
#[derive(Debug, Default)]
pub(super) struct Seen {
    list: SmallVec<[(*const c_void, usize); LISTED]>,
    map: FxHashMap<*const c_void, usize>,
    /// Empty, or [`MAPS`] of them, and the one map is not used any more.
    maps: Vec<FxHashMap<*const c_void, usize>>,
}

impl Seen {
    /// The place of `table`, if it was seen; else notes that it is at `at`.
    pub(super) fn place_or_insert(&mut self, table: *const c_void, at: usize) -> Option<usize> {
        if self.map.is_empty() && self.maps.is_empty() {
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
        match self.map_of(table).entry(table) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(free) => {
                free.insert(at);
                None
            }
        }
    }

    fn map_of(&mut self, table: *const c_void) -> &mut FxHashMap<*const c_void, usize> {
        if self.map.len() >= IN_ONE_MAP {
            self.maps.resize_with(MAPS, FxHashMap::default);
            for (table, at) in std::mem::take(&mut self.map) {
                self.maps[number(table)].insert(table, at);
            }
        }
        self.maps.get_mut(number(table)).unwrap_or(&mut self.map)
    }
}

/// The map of a table, where there are many.
fn number(table: *const c_void) -> usize {
    let address = table as usize;
    // Tables are 8 bytes apart at least, and lie together by the thousand.
    (address >> 4 ^ address >> 12 ^ address >> 20) % MAPS
}
