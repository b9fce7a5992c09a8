//! Whether a wake-up is on its way, so that of many wakers only one pays for a system call.
//!
//! # Protocol
//! * Waker: W1 publish the work; W2 [`raise`](Pending::raise) the flag; W3 if it was down, ring the
//!   bell (write the eventfd).
//! * Waiter: P1 wait for the bell or something else; P2 [`take`](Pending::take) the flag down, each
//!   time and whatever ended P1; P3 look for work.
//!
//! # Lost wake-up
//! A waker that rings is heard: the bell stays rung until a P1 hears it. A waker that does not ring
//! found the flag up, so in the order of changes of the flag its W2 lies between the W2 of one that
//! rings and the next P2. Either that P2 is still to come, and is reached as the other's bell is
//! heard; or the waiter has come there for another reason. In both cases P2 reads from a chain of
//! W2s that has this one in it, and P3 sees its work. A bell that is heard after its flag was taken
//! down ends one wait for nothing.
//!
//! P2 has to be a read-modify-write: a plain read may miss the W2 of a bell just heard, and leave
//! up a flag that no bell belongs to. That W2 comes before P2 because W3 and P1 go through the same
//! lock in the kernel.
//!
//! # Ordering
//! W2 is Release so that P2, which is Acquire, sees W1. A W2 on top of another carries on its
//! release sequence, being a read-modify-write. Nothing is read after W2 or written before P2 that
//! would need the other halves.

use crate::sync::atomic::{AtomicBool, Ordering};

pub(super) struct Pending {
    is_up: AtomicBool,
}

impl Pending {
    pub(super) fn new() -> Self {
        Self { is_up: AtomicBool::new(false) }
    }

    /// Puts the flag up. `true` when the caller is the one who has to ring.
    pub(super) fn raise(&self) -> bool {
        // Release: pairs with the Acquire in `take`.
        !self.is_up.swap(true, Ordering::Release)
    }

    /// Takes the flag down. `true` when it was up.
    pub(super) fn take(&self) -> bool {
        // Acquire: pairs with the Release of every `raise` since the last `take`.
        self.is_up.swap(false, Ordering::Acquire)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_of_many_wakers_rings() {
        let pending = Pending::new();
        assert!(pending.raise());
        assert!(!pending.raise());
        assert!(pending.take());
        assert!(!pending.take());
        assert!(pending.raise());
    }
}

#[cfg(test)]
#[cfg(loom)]
mod loom_models {
    use super::*;
    use crate::sync::atomic::AtomicUsize;
    use crate::sync::{Arc, Condvar, Mutex};

    /// An eventfd in the eyes of an edge-triggered epoll.
    #[derive(Default)]
    struct Bell {
        is_rung: Mutex<bool>,
        heard: Condvar,
    }

    impl Bell {
        fn ring(&self) {
            *self.is_rung.lock().unwrap() = true;
            self.heard.notify_one();
        }

        fn wait(&self) {
            let mut is_rung = self.is_rung.lock().unwrap();
            while !*is_rung {
                is_rung = self.heard.wait(is_rung).unwrap();
            }
            *is_rung = false;
        }
    }

    /// loom reports a waiter that waits for ever.
    fn model(waiter_looks_first: bool) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(move || {
            let shared = Arc::new((Pending::new(), Bell::default(), AtomicUsize::new(0)));
            for _ in 0..2 {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || {
                    let (pending, bell, work) = &*shared;
                    work.fetch_add(1, Ordering::Relaxed);
                    if pending.raise() {
                        bell.ring();
                    }
                });
            }
            let (pending, bell, work) = &*shared;
            if waiter_looks_first {
                pending.take(); // a wait that something else has ended
            }
            while work.load(Ordering::Relaxed) < 2 {
                bell.wait();
                pending.take();
            }
        });
    }

    #[test]
    fn no_wake_up_is_lost() {
        model(false);
    }

    #[test]
    fn no_wake_up_is_lost_when_something_else_ends_a_wait() {
        model(true);
    }
}
