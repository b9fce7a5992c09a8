//! Registered names: one flat set for the whole runtime, over all hosts.
//!
//! # Invariants
//! * **N1** A name is in the map exactly while it is in its owner's list, once. Both change under
//!   the lock of the name's shard, taken first, and then the lock of the owner's list.
//! * **N2** An ending process takes its list away for good before it removes the names: a
//!   registration that comes later finds no list and fails.

use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::pid::Pid;
use crate::small_map::SmallMap;

/// A valid name.
pub type Name = Box<str>;

const N_SHARDS: usize = 16;

/// The names that one process holds; `None` once it has ended.
#[derive(Debug)]
pub(crate) struct Held(Mutex<Option<SmallMap<Name, (), 1>>>);

impl Default for Held {
    fn default() -> Self {
        Held(Mutex::new(Some(SmallMap::default())))
    }
}

impl Held {
    /// How many names are held.
    pub(crate) fn len(&self) -> usize {
        lock(&self.0).as_ref().map_or(0, |names| names.len())
    }
}

/// Who owns a name.
pub(crate) struct Owner<'a> {
    pub(crate) pid: Pid,
    pub(crate) held: &'a Held,
}

/// Why a name was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Another live process holds it.
    By(Pid),
    /// The process that was to own it has ended.
    OwnerGone,
}

/// All names of a runtime.
#[derive(Debug)]
pub(crate) struct Names {
    shards: [Mutex<FxHashMap<Name, Pid>>; N_SHARDS],
}

impl Names {
    pub(crate) fn new() -> Names {
        Names { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    fn shard(&self, name: &str) -> MutexGuard<'_, FxHashMap<Name, Pid>> {
        let hash = FxBuildHasher.hash_one(name);
        lock(&self.shards[(hash >> 32) as usize % N_SHARDS])
    }

    /// Gives `name` to `owner`; holding it already is success. `is_alive` tells of another holder
    /// whether it has not begun to end: the name of one that has is free for the taking.
    pub(crate) fn register(
        &self,
        name: &str,
        owner: &Owner<'_>,
        is_alive: impl Fn(Pid) -> bool,
    ) -> Result<(), Taken> {
        let mut shard = self.shard(name);
        match shard.get(name) {
            Some(holder) if *holder == owner.pid => return Ok(()),
            Some(holder) if is_alive(*holder) => return Err(Taken::By(*holder)),
            _ => {}
        }
        let mut held = lock(&owner.held.0);
        held.as_mut().ok_or(Taken::OwnerGone)?.insert(name.into(), ());
        shard.insert(name.into(), owner.pid);
        Ok(())
    }

    /// Who holds `name`, dead or alive.
    pub(crate) fn lookup(&self, name: &str) -> Option<Pid> {
        self.shard(name).get(name).copied()
    }

    /// Frees `name`, whoever holds it; `held_by` finds the holder's list. False when nobody held
    /// it.
    pub(crate) fn unregister(&self, name: &str, held_by: impl FnOnce(Pid, &dyn Fn(&Held))) -> bool {
        let mut shard = self.shard(name);
        let Some(holder) = shard.remove(name) else { return false };
        held_by(holder, &|held| {
            if let Some(names) = lock(&held.0).as_mut() {
                names.remove(name);
            }
        });
        true
    }

    /// Frees every name of a process that has ended.
    pub(crate) fn release(&self, pid: Pid, held: &Held) {
        let names = lock(&held.0).take();
        for (name, ()) in names.into_iter().flat_map(|mut names| names.take()) {
            let mut shard = self.shard(&name);
            if shard.get(&name) == Some(&pid) {
                shard.remove(&name);
            }
        }
    }

    /// How many names are registered.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

/// The maps and lists are valid between any two statements, so a panic elsewhere does not spoil
/// them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a text cannot be a name; `None` when it can.
pub fn name_fault(name: &[u8]) -> Option<String> {
    let why = match std::str::from_utf8(name) {
        _ if name.is_empty() => return Some("name cannot be empty".to_owned()),
        _ if name.len() > 255 => "longer than 255 bytes",
        Err(_) => "not UTF-8",
        Ok(text) if text.chars().any(char::is_control) => "has control characters",
        Ok(text) if text.starts_with('@') => "starts with @",
        Ok(_) if super::pid::has_pid_form(name) => "has the form of a PID",
        Ok(_) => return None,
    };
    Some(format!("invalid name: {why}"))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::pid::Serial;
    use super::*;

    fn pid(n: u32) -> Pid {
        Pid::new(Serial::new(n, 0), "app:h")
    }

    #[test]
    fn a_name_has_one_live_holder() {
        let (names, a, b) = (Names::new(), Held::default(), Held::default());
        let (a, b) = (Owner { pid: pid(1), held: &a }, Owner { pid: pid(2), held: &b });
        assert_eq!(names.register("n", &a, |_| true), Ok(()));
        assert_eq!(names.register("n", &a, |_| true), Ok(()), "again is no change");
        assert_eq!(names.register("n", &b, |_| true), Err(Taken::By(a.pid)));
        assert_eq!(names.register("n", &b, |_| false), Ok(()), "a dead holder gives way");
        names.release(a.pid, a.held);
        assert_eq!(names.lookup("n"), Some(b.pid), "the late release leaves the new holder alone");
        assert_eq!(names.register("m", &a, |_| true), Err(Taken::OwnerGone));
        assert!(names.unregister("n", |_, forget| forget(b.held)));
        assert!(!names.unregister("n", |_, _| unreachable!()));
        assert_eq!(names.len(), 0);
    }

    /// What one process does with many names, against a plain map.
    #[test]
    fn each_name_is_in_the_map_and_in_its_owners_list_or_in_neither() {
        const N: usize = if cfg!(miri) { 50 } else { 20_000 };
        let name = |n: usize| format!("name {n}");
        let (names, a, b) = (Names::new(), Held::default(), Held::default());
        let (a, b) = (Owner { pid: pid(1), held: &a }, Owner { pid: pid(2), held: &b });
        for n in 0..N {
            let owner = if n % 5 == 0 { &b } else { &a };
            assert_eq!(names.register(&name(n), owner, |_| true), Ok(()));
            assert_eq!(names.register(&name(n), owner, |_| true), Ok(()), "again is no change");
        }
        // The first of many, the last, and those between.
        for n in (0..N).filter(|n| n % 2 == 0).chain((0..N).rev().filter(|n| n % 4 == 1)) {
            let held = if n % 5 == 0 { b.held } else { a.held };
            assert!(names.unregister(&name(n), |_, forget| forget(held)));
        }
        let holder = |n: usize| match n {
            n if n % 4 != 3 => None,
            n if n % 5 == 0 => Some(b.pid),
            _ => Some(a.pid),
        };
        assert!((0..N).all(|n| names.lookup(&name(n)) == holder(n)));
        let count = |pid| (0..N).filter(|n| holder(*n) == Some(pid)).count();
        assert_eq!((a.held.len(), b.held.len()), (count(a.pid), count(b.pid)));
        names.release(a.pid, a.held);
        assert_eq!((a.held.len(), names.len()), (0, count(b.pid)));
        assert!((0..N).all(|n| names.lookup(&name(n)) == holder(n).filter(|pid| *pid == b.pid)));
    }

    #[test]
    fn bad_names_are_told_why() {
        assert_eq!(name_fault(b"ok name"), None);
        for (name, why) in [
            (&b""[..], "name cannot be empty"),
            (b"@x", "invalid name: starts with @"),
            (b"a\0b", "invalid name: has control characters"),
            (b"\xff", "invalid name: not UTF-8"),
            (b"{a|b}", "invalid name: has the form of a PID"),
            (&[b'x'; 256], "invalid name: longer than 255 bytes"),
        ] {
            assert_eq!(name_fault(name).as_deref(), Some(why));
        }
    }
}
