//! The lock-free queue of signals of one process, which is also its state word: one atomic pointer
//! tells what is queued, whether the process is parked, and whether it has ended.
//!
//! # Concepts
//! * **Producer**: any thread; pushes by compare-and-swap on `head`.
//! * **Owner**: whoever runs the process at this moment, one thread at a time; drains, parks,
//!   closes.
//! * **Head**: `EMPTY`, `PARKED`, `CLOSED`, or the newest node; each node points to the next older
//!   one.
//!
//! # Invariants
//! * **M1** The owner exists exactly while `head` is not `PARKED` and not `CLOSED`: the process is
//!   then scheduled, running or claimed. The producer whose push replaces `PARKED` becomes
//!   responsible for scheduling it, and nobody else is. Who claims it becomes its owner, and
//!   responsible for scheduling it if it cannot be parked again.
//! * **M2** Once `CLOSED`, `head` never changes again; every later push fails and returns its
//!   value.
//! * **M3** Nodes reachable from `head` belong to the queue; a drain takes all of them at once.
//! * **M4** Values of one producer come out in the order in which it pushed them: a push links to
//!   the older head, the drain reverses the list.
//!
//! # Protocol
//! push: link to the old head, then CAS it in (release: the value is visible to the drain that
//! takes it; acquire: what the parking owner wrote is visible to the worker that this push
//! schedules). park: CAS `EMPTY` → `PARKED` (release); fails when something came in, so no wake-up
//! is lost: whichever of push and park comes second in `head`'s modification order sees the first.
//! close: swap in `CLOSED`; what it returns was pushed before the end, what fails came after.
//!
//! # Rejected
//! A separate state word beside a queue needs a store-load fence on both sides to not lose
//! wake-ups, and leaves a gap between "closed" and "not resolvable"; one word needs neither.
//!
//! # Sources
//! R. K. Treiber, "Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986: the push.
//! Taking the whole list at once avoids the ABA problem of popping single nodes.

#![expect(unsafe_code, reason = "hands nodes between threads; invariants M1 to M4")]

#[cfg(any(test, fuzzing))]
#[cfg(not(loom))]
pub mod model;

use std::ops::{Deref, DerefMut};
use std::ptr;

use crate::sync::atomic::{AtomicPtr, Ordering};

/// A node of the queue.
struct Node<T> {
    older: *mut Node<T>,
    value: T,
}

/// A value in the block of memory in which it goes through a mailbox: nothing is allocated or moved
/// on the way, and the receiver may keep it as it is.
pub struct Parcel<T>(Box<Node<T>>);

// SAFETY: `older` means something only while the node is in a queue.
unsafe impl<T: Send> Send for Parcel<T> {}

impl<T> Parcel<T> {
    /// Packs a value.
    #[inline]
    pub fn new(value: T) -> Parcel<T> {
        Parcel(Box::new(Node { older: ptr::null_mut(), value }))
    }

    /// Unpacks the value.
    #[inline]
    pub fn into_inner(self) -> T {
        self.0.value
    }
}

impl<T> Deref for Parcel<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> DerefMut for Parcel<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0.value
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Parcel<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Parcel").field(&self.0.value).finish()
    }
}

fn parked<T>() -> *mut Node<T> {
    ptr::without_provenance_mut(1)
}

fn closed<T>() -> *mut Node<T> {
    ptr::without_provenance_mut(2)
}

fn is_node<T>(head: *mut Node<T>) -> bool {
    head.addr() > 2
}

/// What a successful [`Mailbox::push`] obliges the producer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a parked process that nobody schedules never runs again"]
pub enum Pushed {
    /// Nothing: the process is scheduled or running and will look.
    Queued,
    /// The process was parked: the producer must schedule it (M1).
    MustWake,
}

/// The queue of one process.
pub struct Mailbox<T> {
    head: AtomicPtr<Node<T>>,
}

// SAFETY: M3: a node is handed over whole, by a release push and an acquire drain; the values are
// Send.
unsafe impl<T: Send> Send for Mailbox<T> {}
// SAFETY: as above; shared access is through the atomic head only.
unsafe impl<T: Send> Sync for Mailbox<T> {}

impl<T> std::fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Mailbox::new()
    }
}

impl<T> Mailbox<T> {
    /// An empty queue whose process is about to be scheduled by its maker.
    pub fn new() -> Mailbox<T> {
        Mailbox { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Queues a value; gives it back when the process has ended.
    pub fn push(&self, value: T) -> Result<Pushed, T> {
        self.post(Parcel::new(value)).map_err(Parcel::into_inner)
    }

    /// As [`Mailbox::push`], for a value that is packed already.
    pub fn post(&self, parcel: Parcel<T>) -> Result<Pushed, Parcel<T>> {
        // Relaxed: only a guess for the CAS below.
        let mut head = self.head.load(Ordering::Relaxed);
        let node = Box::into_raw(parcel.0);
        loop {
            if head == closed() {
                // SAFETY: the node was never published.
                return Err(Parcel(unsafe { Box::from_raw(node) }));
            }
            let older = if is_node(head) { head } else { ptr::null_mut() };
            // SAFETY: the node is still private to this call.
            unsafe { (*node).older = older };
            // Release pairs with the acquire of `take`; acquire pairs with the release of `park`.
            match self.head.compare_exchange_weak(head, node, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(seen) if seen == parked() => return Ok(Pushed::MustWake),
                Ok(_) => return Ok(Pushed::Queued),
                Err(seen) => head = seen,
            }
        }
    }

    /// Whether something waits to be drained. A hint for producers, exact for the owner's own
    /// pushes.
    #[inline]
    pub fn has_waiting(&self) -> bool {
        is_node(self.head.load(Ordering::Relaxed))
    }

    /// Whether the process has ended.
    #[inline]
    pub fn is_closed(&self) -> bool {
        // Acquire pairs with the release of `close`: who sees the end sees what happened before it.
        self.head.load(Ordering::Acquire) == closed()
    }

    /// Owner only: takes everything queued, oldest first.
    pub fn drain(&self) -> Drain<T> {
        if !self.has_waiting() {
            return Drain { next: ptr::null_mut() };
        }
        self.take(ptr::null_mut())
    }

    /// Owner only: parks the process if nothing is queued. After `true` the caller is no longer the
    /// owner and must not touch the process.
    pub fn park(&self) -> bool {
        // Release pairs with the acquire of the push that schedules the process again.
        let empty = ptr::null_mut();
        self.head.compare_exchange(empty, parked(), Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// Makes the caller the owner of a process that is parked; false if it is not. The caller parks
    /// it again, or schedules it if that fails (M1).
    #[must_use = "a claimed process that nobody parks never runs again"]
    pub fn claim(&self) -> bool {
        // Relaxed: most processes that are not parked are seen without a write to their line.
        self.head.load(Ordering::Relaxed) == parked() && {
            let empty = ptr::null_mut();
            // Acquire pairs with the release of `park`.
            let claimed =
                self.head.compare_exchange(parked(), empty, Ordering::Acquire, Ordering::Relaxed);
            claimed.is_ok()
        }
    }

    /// Owner only: ends the queue; gives what was pushed before the end, oldest first.
    pub fn close(&self) -> Drain<T> {
        self.take(closed())
    }

    fn take(&self, leave: *mut Node<T>) -> Drain<T> {
        // Acquire pairs with the release of `push`; release publishes the end to `is_closed`.
        let head = self.head.swap(leave, Ordering::AcqRel);
        Drain { next: if is_node(head) { reverse(head) } else { ptr::null_mut() } }
    }
}

impl<T> Drop for Mailbox<T> {
    fn drop(&mut self) {
        drop(self.close());
    }
}

fn reverse<T>(mut newest: *mut Node<T>) -> *mut Node<T> {
    let mut oldest = ptr::null_mut();
    while !newest.is_null() {
        // SAFETY: M3: the taken list is private to this call.
        let older = unsafe { std::mem::replace(&mut (*newest).older, oldest) };
        oldest = newest;
        newest = older;
    }
    oldest
}

/// Values taken out of a [`Mailbox`], oldest first.
pub struct Drain<T> {
    /// The oldest node left; `older` now points to the next younger one.
    next: *mut Node<T>,
}

// SAFETY: the list is private to this value; the values are Send.
unsafe impl<T: Send> Send for Drain<T> {}

impl<T> std::fmt::Debug for Drain<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drain").field("is_empty", &self.next.is_null()).finish()
    }
}

impl<T> Drain<T> {
    /// The next value, packed.
    #[inline]
    pub fn next_parcel(&mut self) -> Option<Parcel<T>> {
        if self.next.is_null() {
            return None;
        }
        // SAFETY: the list is private to this value and each node is unlinked before it is freed.
        let node = unsafe { Box::from_raw(self.next) };
        self.next = node.older;
        Some(Parcel(node))
    }
}

impl<T> Iterator for Drain<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.next_parcel().map(Parcel::into_inner)
    }
}

impl<T> Drop for Drain<T> {
    fn drop(&mut self) {
        self.by_ref().for_each(drop);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn values_come_out_in_the_order_they_were_pushed() {
        let mailbox = Mailbox::new();
        for i in 0..10 {
            assert_eq!(mailbox.push(i), Ok(Pushed::Queued));
        }
        assert_eq!(mailbox.drain().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        assert_eq!(mailbox.drain().next(), None);
    }

    #[test]
    fn only_the_push_that_meets_a_parked_process_must_wake_it() {
        let mailbox = Mailbox::new();
        assert!(mailbox.park());
        assert_eq!(mailbox.push(1), Ok(Pushed::MustWake));
        assert_eq!(mailbox.push(2), Ok(Pushed::Queued));
        assert!(!mailbox.park(), "something is queued");
        assert_eq!(mailbox.drain().count(), 2);
        assert!(mailbox.park());
    }

    #[test]
    fn a_claimed_process_is_owned_until_it_parks_again() {
        let mailbox = Mailbox::new();
        assert!(!mailbox.claim(), "it has an owner");
        assert!(mailbox.park());
        assert!(mailbox.claim());
        assert!(!mailbox.claim(), "one claim at a time");
        assert_eq!(mailbox.push(1), Ok(Pushed::Queued));
        assert!(!mailbox.park(), "the claimer has to schedule it");
        assert_eq!(mailbox.close().count(), 1);
        assert!(!mailbox.claim(), "it has ended");
    }

    #[test]
    fn a_closed_mailbox_gives_back_what_is_pushed() {
        let mailbox = Mailbox::new();
        assert_eq!(mailbox.push(1), Ok(Pushed::Queued));
        assert_eq!(mailbox.close().collect::<Vec<_>>(), [1]);
        assert_eq!(mailbox.push(2), Err(2));
        assert!(mailbox.is_closed());
    }

    #[test]
    fn undelivered_values_are_dropped_with_the_mailbox_and_with_a_drain() {
        let value = std::sync::Arc::new(());
        let mailbox = Mailbox::new();
        for _ in 0..5 {
            let _ = mailbox.push(value.clone());
        }
        let mut drain = mailbox.drain();
        let _ = mailbox.push(value.clone());
        drop(drain.next());
        drop(drain);
        drop(mailbox);
        assert_eq!(std::sync::Arc::strong_count(&value), 1);
    }

    #[test]
    fn each_producers_values_keep_their_order_and_none_is_lost() {
        const PER_PRODUCER: usize = if cfg!(miri) { 50 } else { 20_000 };
        let mailbox = Mailbox::new();
        let mut seen = [0usize; 3];
        std::thread::scope(|scope| {
            for producer in 0..3 {
                let mailbox = &mailbox;
                scope.spawn(move || {
                    for i in 0..PER_PRODUCER {
                        mailbox.push((producer, i)).map(drop).expect("open");
                    }
                });
            }
            while seen.iter().sum::<usize>() < 3 * PER_PRODUCER {
                for (producer, i) in mailbox.drain() {
                    assert_eq!(i, seen[producer]);
                    seen[producer] += 1;
                }
                std::thread::yield_now();
            }
        });
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;

    use super::*;

    /// Two producers against an owner that drains and parks: the process is woken exactly when it
    /// was parked, and nothing stays behind.
    #[test]
    fn loom_no_wake_up_is_lost() {
        loom::model(|| {
            let mailbox = Arc::new(Mailbox::new());
            let wakes = Arc::new(AtomicUsize::new(0));
            let producers: Vec<_> = (0..2)
                .map(|i| {
                    let (mailbox, wakes) = (mailbox.clone(), wakes.clone());
                    thread::spawn(move || {
                        if mailbox.push(i) == Ok(Pushed::MustWake) {
                            wakes.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            let mut got = 0;
            let parked = loop {
                got += mailbox.drain().count();
                if mailbox.park() {
                    break got < 2;
                }
            };
            for producer in producers {
                producer.join().unwrap();
            }
            // Whatever came after the park was announced by exactly one wake-up.
            assert_eq!(wakes.load(Ordering::Relaxed), usize::from(parked));
            assert_eq!(got + mailbox.drain().count(), 2);
        });
    }

    /// A producer against the end: its value is either among the left-overs or given back.
    #[test]
    fn loom_close_and_push_agree() {
        loom::model(|| {
            let mailbox = Arc::new(Mailbox::new());
            let producer = {
                let mailbox = mailbox.clone();
                thread::spawn(move || mailbox.push(7).is_ok())
            };
            let left = mailbox.close().count();
            let queued = producer.join().unwrap();
            assert_eq!(left, usize::from(queued));
            assert!(mailbox.is_closed());
        });
    }

    /// Two producers against one who claims the parked process for a moment: one of the three
    /// schedules it, and has its state to itself.
    #[test]
    fn loom_a_claim_loses_no_wake_up() {
        loom::model(|| {
            let mailbox = Arc::new(Mailbox::new());
            let state = Arc::new(loom::cell::UnsafeCell::new(0));
            let scheduled = Arc::new(AtomicUsize::new(0));
            // SAFETY: M1: the owner before the park.
            state.with_mut(|state| unsafe { *state += 1 });
            assert!(mailbox.park());
            let producers: Vec<_> = (0..2)
                .map(|i| {
                    let (mailbox, state) = (mailbox.clone(), state.clone());
                    let scheduled = scheduled.clone();
                    thread::spawn(move || {
                        if mailbox.push(i) == Ok(Pushed::MustWake) {
                            // SAFETY: M1: the parked process is ours now.
                            state.with_mut(|state| unsafe { *state += 1 });
                            scheduled.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            if mailbox.claim() {
                // SAFETY: M1: claimed.
                state.with_mut(|state| unsafe { *state += 1 });
                if !mailbox.park() {
                    // SAFETY: M1: still ours.
                    state.with_mut(|state| unsafe { *state += 1 });
                    scheduled.fetch_add(1, Ordering::Relaxed);
                }
            }
            for producer in producers {
                producer.join().unwrap();
            }
            assert_eq!(scheduled.load(Ordering::Relaxed), 1);
            assert_eq!(mailbox.drain().count(), 2);
        });
    }

    /// What the parking owner wrote is visible to the worker that the wake-up schedules.
    #[test]
    fn loom_park_hands_the_process_over() {
        loom::model(|| {
            let mailbox = Arc::new(Mailbox::new());
            let state = Arc::new(loom::cell::UnsafeCell::new(0));
            let waker = {
                let (mailbox, state) = (mailbox.clone(), state.clone());
                thread::spawn(move || {
                    if mailbox.push(()) == Ok(Pushed::MustWake) {
                        // SAFETY: M1: the parked process is ours now.
                        state.with_mut(|state| unsafe { *state += 1 });
                    }
                })
            };
            // SAFETY: M1: the owner before the park.
            state.with_mut(|state| unsafe { *state += 1 });
            if !mailbox.park() {
                // SAFETY: M1: still the owner.
                state.with_mut(|state| unsafe { *state += 1 });
            }
            waker.join().unwrap();
        });
    }
}
