//! How many processes a host has room for, given out without a line of memory that all workers
//! write to: each thread has some of it in advance.
//!
//! # Invariants
//! * **R1** Room is in one place: unclaimed, in a stripe, in the hands of a thread that moves it,
//!   or taken by a process. So no more processes live than there is room for.
//! * **R2** A process is refused only if there is no room left, but for what other threads are
//!   just moving.

use crossbeam_utils::CachePadded;

use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::striped::Striped;

/// How much a thread claims, or gives back, at a time.
const BATCH: usize = if cfg!(loom) { 2 } else { 64 };

/// See the module.
#[derive(Debug)]
pub(super) struct Room {
    size: usize,
    unclaimed: CachePadded<AtomicUsize>,
    claimed: Striped<AtomicUsize>,
}

impl Room {
    /// Room for `size` processes.
    pub(super) fn new(size: usize) -> Room {
        let unclaimed = CachePadded::new(AtomicUsize::new(size));
        Room { size, unclaimed, claimed: Striped::default() }
    }

    /// Takes room for one process; false when there is none.
    pub(super) fn take(&self) -> bool {
        let own = self.claimed.own();
        if take_up_to(own, 1) == 1 {
            return true;
        }
        let batch = take_up_to(&self.unclaimed, BATCH);
        if batch > 0 {
            own.fetch_add(batch - 1, Ordering::Relaxed);
            return true;
        }
        self.claimed.iter().any(|claimed| take_up_to(claimed, 1) == 1)
    }

    /// Gives the room of one process back.
    pub(super) fn give_back(&self) {
        let own = self.claimed.own();
        if own.fetch_add(1, Ordering::Relaxed) >= 2 * BATCH {
            self.unclaimed.fetch_add(take_up_to(own, BATCH), Ordering::Relaxed);
        }
    }

    /// Whether there seems to be room.
    pub(super) fn is_left(&self) -> bool {
        let some = |count: &AtomicUsize| count.load(Ordering::Relaxed) > 0;
        some(self.claimed.own()) || some(&self.unclaimed) || self.claimed.iter().any(some)
    }

    /// For how many processes it is taken. Exact when no thread takes or gives back.
    pub(super) fn n_taken(&self) -> usize {
        let claimed: usize = self.claimed.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        self.size.saturating_sub(claimed + self.unclaimed.load(Ordering::Relaxed))
    }
}

/// Takes `n`, or what there is, away from `count`.
fn take_up_to(count: &AtomicUsize, n: usize) -> usize {
    // Relaxed: the counts order nothing, and a change never takes more than there is.
    let taken = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |there| {
        (there > 0).then(|| there - there.min(n))
    });
    taken.map_or(0, |there| there.min(n))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_to_the_last_wherever_it_lies() {
        let room = Room::new(1_000);
        std::thread::scope(|scope| {
            scope.spawn(|| assert!((0..400).all(|_| room.take())));
        });
        std::thread::scope(|scope| {
            scope.spawn(|| (0..300).for_each(|_| room.give_back()));
        });
        assert_eq!(room.n_taken(), 100);
        assert!((0..900).all(|_| room.is_left() && room.take()));
        assert!(!room.is_left() && !room.take());
        assert_eq!(room.n_taken(), 1_000);
        room.give_back();
        assert!(room.is_left() && room.take());
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;
    use crate::sync::striped::set_thread_number;

    /// One who comes and goes beside one who takes what he can: never more than there is room for,
    /// and nothing is lost.
    #[test]
    fn loom_room_is_neither_made_nor_lost() {
        loom::model(|| {
            let room = Arc::new(Room::new(3));
            let other = {
                let room = room.clone();
                thread::spawn(move || {
                    set_thread_number(1);
                    if room.take() {
                        room.give_back();
                    }
                })
            };
            let taken = (0..3).filter(|_| room.take()).count();
            assert!(taken <= 3);
            other.join().unwrap();
            assert_eq!(room.n_taken(), taken);
            let rest = (0..4).filter(|_| room.take()).count();
            assert_eq!(taken + rest, 3);
            (0..3).for_each(|_| room.give_back());
            assert_eq!(room.n_taken(), 0);
        });
    }
}
