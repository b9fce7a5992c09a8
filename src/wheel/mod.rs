//! The timers of one worker: insert and cancel in constant time, expiry in exact order, and no
//! clock of its own, since the present time is an argument.
//!
//! # Concepts
//! * **Deadline**: `at_ns`, kept to the nanosecond. Wheel time only decides where an entry waits.
//! * **Tick**: 2^16 ns (65.5 µs), the unit of wheel time. `elapsed` is the tick of the latest
//!   advance.
//! * **Level**: 64 slots, each 64 times as long as one of the level below. Eight levels of six bits
//!   on top of the 16 bits of a tick are the 64 bits of a deadline, so there is no overflow list.
//! * **Slot**: a doubly linked list of entries, threaded through the slab that holds them.
//! * **Bound**: the deadline of an entry on level 0, the start of its slot on any other level.
//!
//! # Invariants
//! * I1 (place): an entry waits where `Place::new` puts it for the *present* value of `elapsed`:
//!   on the level of the highest six bits in which its tick and `elapsed` differ. An entry that was
//!   due before it was inserted counts as one of tick `elapsed`.
//! * I2 (time order): every entry of a level comes before every entry of the levels above it, and
//!   within a level lower slots come first. It follows from I1, as all ticks of a level have the
//!   bits above it in common with `elapsed`, and no tick is below `elapsed`.
//! * I3 (first in, first out): entries of equal deadline wait in one slot in insertion order. By I1
//!   they always share a slot; lists grow at the tail, and an advance moves them from head to tail.
//! * I4 (nearest): `nearest`, where known, is the least of all bounds, so no deadline is before it.
//! * I5 (slab): an entry is live exactly while it is in one list (in `due`, within an advance).
//!
//! # How an advance keeps I1
//! Going from tick `a` to tick `b`, let `p` be the place of `b` as seen from `a`. Levels below that
//! of `p` hold only ticks before `b`, and so do the slots of its level before that of `p`: all of
//! it has expired. The slot of `p` itself is where the present moves into: its entries expire or go
//! to lower levels, which are empty by now. All others differ from `b` in the same six bits as from
//! `a`, and stay. So an advance reads only occupied slots, however far it jumps, and moves an entry
//! at most once. When `b` is before `nearest` there is nothing in any of these slots, and nothing
//! to do.
//!
//! # Cost
//! An entry is moved at most once for each level below its first, seven times in all. `next_ns`
//! reads through a slot only after the nearest entry has gone; otherwise it answers from `nearest`.
//! Nothing is allocated while the number of entries stays within what it has been before.
//!
//! # Sources
//! G. Varghese, T. Lauck, *Hashed and hierarchical timing wheels*, SOSP 1987.

mod level;
#[cfg(any(test, fuzzing))]
pub mod model;
mod place;
mod slab;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::fmt;

use self::level::{Level, SLOT_LAST};
use self::place::{LEVELS, Place, tick_of};
pub use self::slab::Key;
use self::slab::{NIL, Slab};

/// Room kept for sorting the entries of one slot; what a bigger slot needed is given back.
const DUE_KEPT: usize = 1024;

/// A hierarchical timing wheel. Times are nanoseconds of whatever clock the caller keeps to.
pub struct Wheel<T> {
    levels: [Level; LEVELS],
    slab: Slab<T>,
    /// The tick of the latest advance; it never goes back.
    elapsed: u64,
    /// The least bound of all entries (I4), or `None` when it has to be found (or there is none).
    /// A cell, because finding it is not a change that a caller can see.
    nearest: Cell<Option<u64>>,
    /// Scratch of `expire_slot`, empty between calls.
    due: Vec<Due>,
}

/// An entry that has come due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired<T> {
    /// The deadline it was inserted with, in nanoseconds; not the time it was found due.
    pub at_ns: u64,
    /// The value it was inserted with.
    pub value: T,
}

/// An expired entry on its way out. The order of the fields is the order of expiry; `arrival` is
/// the place in the slot, which by I3 tells equal deadlines apart.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at_ns: u64,
    arrival: usize,
    index: u32,
}

impl<T> Wheel<T> {
    /// An empty wheel whose present time is `now_ns`.
    pub fn new(now_ns: u64) -> Self {
        Self {
            levels: std::array::from_fn(|_| Level::new()),
            slab: Slab::new(),
            elapsed: tick_of(now_ns),
            nearest: Cell::new(None),
            due: Vec::new(),
        }
    }

    /// Adds an entry that expires with the first advance to `at_ns` or later; when that time has
    /// passed already, with the next advance.
    pub fn insert(&mut self, at_ns: u64, value: T) -> Key {
        let place = Place::new(tick_of(at_ns), self.elapsed);
        self.note_bound(place.bound_ns(at_ns));
        let key = self.slab.insert(at_ns, value);
        self.levels[place.level()].push(place, key.index(), &mut self.slab);
        key
    }

    /// Removes an entry. `None` when it has expired or was cancelled before; a key never comes to
    /// mean another entry.
    pub fn cancel(&mut self, key: Key) -> Option<T> {
        let index = self.slab.find(key)?;
        let (at_ns, place) = (self.slab[index].at_ns, self.slab[index].place);
        if self.nearest.get() == Some(place.bound_ns(at_ns)) {
            self.nearest.set(None);
        }
        self.levels[place.level()].unlink(index, &mut self.slab);
        Some(self.slab.remove(index))
    }

    /// Moves the present to `now_ns` and appends every entry with `at_ns <= now_ns` to `expired`,
    /// ordered by deadline, then by insertion. A `now_ns` before an earlier one does no harm.
    pub fn advance(&mut self, now_ns: u64, expired: &mut Vec<Expired<T>>) {
        let before = self.elapsed;
        self.elapsed = before.max(tick_of(now_ns));
        if self.next_ns().is_none_or(|next_ns| now_ns < next_ns) {
            return;
        }
        self.nearest.set(None);
        let now = Place::new(self.elapsed, before);
        for level in 0..=now.level() {
            let last = if level == now.level() { now.slot() } else { SLOT_LAST };
            for slot in self.levels[level].occupied_through(last) {
                self.expire_slot(level, slot, now_ns, expired);
            }
        }
        self.due.shrink_to(DUE_KEPT);
    }

    /// When to call [`advance`](Self::advance) next, in nanoseconds; `None` while the wheel is
    /// empty. Never later than the earliest deadline. Exact when that is on the lowest level, which
    /// every deadline reaches when its 4.2 ms (64 ticks) begin; before that, an advance at the time
    /// given expires nothing but brings the deadline to a lower level.
    pub fn next_ns(&self) -> Option<u64> {
        if self.is_empty() {
            return None;
        }
        if self.nearest.get().is_none() {
            self.nearest.set(self.find_nearest());
        }
        self.nearest.get()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps I4 for an entry about to be inserted.
    fn note_bound(&self, bound_ns: u64) {
        if self.nearest.get().is_some_and(|nearest_ns| bound_ns < nearest_ns) {
            self.nearest.set(Some(bound_ns));
        }
    }

    /// By I2 the least bound is in the first slot of the first level that has any.
    fn find_nearest(&self) -> Option<u64> {
        let head = self.levels.iter().find_map(Level::first)?;
        let mut bound_ns = u64::MAX;
        let mut index = head;
        while index != NIL {
            let node = &self.slab[index];
            bound_ns = bound_ns.min(node.place.bound_ns(node.at_ns));
            if node.place.level() > 0 {
                break; // one bound for the whole slot
            }
            index = node.next;
        }
        Some(bound_ns)
    }

    /// Empties a slot whose time has begun: what is due goes out in order, the rest to where it
    /// belongs as seen from the new `elapsed`.
    fn expire_slot(&mut self, level: usize, slot: u8, now_ns: u64, expired: &mut Vec<Expired<T>>) {
        let mut next = self.levels[level].take(slot);
        while next != NIL {
            let index = next;
            let at_ns = self.slab[index].at_ns;
            next = self.slab[index].next;
            if at_ns <= now_ns {
                self.due.push(Due { at_ns, arrival: self.due.len(), index });
            } else {
                let place = Place::new(tick_of(at_ns), self.elapsed);
                self.levels[place.level()].push(place, index, &mut self.slab);
            }
        }
        self.due.sort_unstable();
        for due in self.due.drain(..) {
            expired.push(Expired { at_ns: due.at_ns, value: self.slab.remove(due.index) });
        }
    }
}

impl<T> fmt::Debug for Wheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wheel")
            .field("len", &self.len())
            .field("elapsed", &self.elapsed)
            .field("next_ns", &self.next_ns())
            .finish_non_exhaustive()
    }
}
