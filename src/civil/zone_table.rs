//! Named zones that live as long as the program, each made once.
//!
//! Values that point into this table are `Copy` and need no destructor; the price is that entries
//! are never freed. That is bounded: the database has a few hundred names, and zones with a name
//! and offset of the program's own choice are refused past [`FIXED_MAX`].

use std::collections::hash_map::Entry as Slot;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::error::Error;
use super::rules::Rules;

/// A zone of the table. Two are equal only if they are the same entry.
#[derive(Debug)]
pub(crate) struct NamedZone {
    pub(crate) name: Box<[u8]>,
    pub(crate) offsets: Offsets,
}

#[derive(Debug)]
pub(crate) enum Offsets {
    Fixed(i32),
    Rules(Rules),
}

impl PartialEq for NamedZone {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for NamedZone {}

/// Zones with a long name and a fixed offset that a program may make.
const FIXED_MAX: usize = 4_096;
/// Bytes of the name of such a zone.
const NAME_LEN_MAX: usize = 255;

/// Entries by name, and by offset where that is fixed.
type Table = FxHashMap<(Box<[u8]>, Option<i32>), &'static NamedZone>;

static TABLE: Mutex<Table> = Mutex::new(FxHashMap::with_hasher(FxBuildHasher));

/// The zone that the IANA database calls `name`, letter by letter.
pub(crate) fn load(name: &str) -> Option<&'static NamedZone> {
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    match table.entry((name.as_bytes().into(), None)) {
        Slot::Occupied(slot) => Some(slot.get()),
        Slot::Vacant(slot) => {
            // jiff finds names in any case; the database has one spelling.
            let zone = TimeZoneDatabase::bundled().get(name).ok();
            let zone = zone.filter(|zone| zone.iana_name() == Some(name))?;
            Some(slot.insert(leak(name.as_bytes(), Offsets::Rules(Rules::new(zone)))))
        }
    }
}

/// The zone with this name and offset.
pub(crate) fn fixed(name: &[u8], offset_s: i32) -> Result<&'static NamedZone, Error> {
    if name.len() > NAME_LEN_MAX {
        return Err(Error::invalid(format!(
            "zone name must have at most {NAME_LEN_MAX} bytes, has {}",
            name.len()
        )));
    }
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    let is_full = || table.keys().filter(|(_, offset)| offset.is_some()).count() >= FIXED_MAX;
    let key = (name.into(), Some(offset_s));
    if !table.contains_key(&key) && is_full() {
        return Err(Error::invalid(format!(
            "too many zones with long names (at most {FIXED_MAX}): reuse them, or use short names"
        )));
    }
    Ok(table.entry(key).or_insert_with(|| leak(name, Offsets::Fixed(offset_s))))
}

/// The zone of the machine, UTC where that cannot be found out. Looked up once.
pub(crate) fn local() -> &'static Rules {
    static LOCAL: OnceLock<Rules> = OnceLock::new();
    LOCAL.get_or_init(|| Rules::new(TimeZone::try_system().unwrap_or(TimeZone::UTC)))
}

fn leak(name: &[u8], offsets: Offsets) -> &'static NamedZone {
    Box::leak(Box::new(NamedZone { name: name.into(), offsets }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_database_loads() {
        for name in TimeZoneDatabase::bundled().available() {
            assert!(name.as_str() == "UTC" || load(name.as_str()).is_some(), "{name}");
        }
    }

    #[test]
    fn a_zone_is_made_once() {
        assert_eq!(load("Asia/Tokyo"), load("Asia/Tokyo"));
        assert_eq!(fixed(b"a long name", 60), fixed(b"a long name", 60));
        assert_ne!(fixed(b"a long name", 60), fixed(b"a long name", 61));
        assert_ne!(load("Asia/Tokyo").ok_or(()), fixed(b"Asia/Tokyo", 0).map_err(|_| ()));
    }
}
