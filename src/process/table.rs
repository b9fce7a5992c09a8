//! The process table: from the serial in a PID to the live process, without a lock.
//!
//! # Concepts
//! * **Slot**: room for one live process; used again and again, each time with the next generation.
//! * **Batch**: free slots that a thread has in advance. It uses those first that it freed last:
//!   slots lie four to a cache line, which so remains with one worker.
//! * **Pin**: a short-lived claim of a looking thread; the process stays in memory while it is
//!   pinned.
//!
//! # Invariants
//! * **T1** `word` = generation (36 bits) · FREE · RETIRED · pins (26 bits). The owner of a live
//!   process holds one pin itself, from `insert` to `retire`.
//! * **T2** `process` is written only while the slot is FREE and private to its taker, or by the
//!   one thread whose compare-and-swap turned RETIRED with no pins into FREE with the next
//!   generation.
//! * **T3** A pin counts only if the word it was added to had the wanted generation and neither
//!   FREE nor RETIRED; every other pin is taken back at once and nothing is dereferenced under it.
//! * **T4** A serial is never given out twice: the generation grows with each use of its slot.
//!   After 2^36 uses a slot is left alone for good.
//!
//! # Ordering
//! `insert` publishes the process with its first pin, which clears FREE (release); a look-up's pin
//! (acquire) that sees the generation live sees the pointer. The last unpin (acquire, after the
//! release of every other) frees.

#![expect(unsafe_code, reason = "counts references to processes by hand; invariants T1 to T4")]

use std::ops::Deref;
use std::sync::{Arc, OnceLock, PoisonError};

use super::pid::{GENERATION_BITS, SLOT_BITS, Serial};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::cell::UnsafeCell;
use crate::sync::striped::Striped;
use crate::sync::{Mutex, MutexGuard};

const PIN_BITS: u32 = 26;
const PINS: u64 = (1 << PIN_BITS) - 1;
const RETIRED: u64 = 1 << PIN_BITS;
const FREE: u64 = 1 << (PIN_BITS + 1);
const GENERATION_SHIFT: u32 = PIN_BITS + 2;
const _: () = assert!(GENERATION_SHIFT + GENERATION_BITS == 64);

/// Slots come in chunks, made when they are first needed; a model needs few.
const CHUNK_BITS: u32 = if cfg!(loom) { 2 } else { 12 };
const CHUNK: usize = 1 << CHUNK_BITS;
const N_CHUNKS: usize = if cfg!(loom) { 1 } else { 1 << (SLOT_BITS - CHUNK_BITS) };
const N_SLOTS: u64 = (CHUNK * N_CHUNKS) as u64;
const _: () = assert!(N_SLOTS <= 1 << SLOT_BITS);

struct Slot<P> {
    word: AtomicU64,
    process: UnsafeCell<Option<Arc<P>>>,
}

/// Slots that a thread takes, or gives back, at a time. At most twice as many lie unused with each
/// thread.
const BATCH: u64 = if cfg!(loom) { 2 } else { 64 };
const _: () = assert!((CHUNK as u64).is_multiple_of(BATCH));

/// Slots that are made together, when the first of them is needed.
type Chunk<P> = OnceLock<Box<[Slot<P>]>>;

/// All live processes of a runtime.
pub(crate) struct Table<P> {
    chunks: Box<[Chunk<P>]>,
    /// Slots that each thread has in advance; the last one freed is the first to be used again.
    own: Striped<Mutex<Vec<u32>>>,
    /// Slots that were used and that no thread keeps, so many at a time.
    free: Mutex<Vec<Vec<u32>>>,
    /// The first slot that was never used.
    fresh: AtomicU64,
}

// SAFETY: T2 and T3 say who may touch `process`; processes themselves are Send and Sync.
unsafe impl<P: Send + Sync> Sync for Table<P> {}
// SAFETY: as above.
unsafe impl<P: Send + Sync> Send for Table<P> {}

impl<P> std::fmt::Debug for Table<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

impl<P> Table<P> {
    pub(crate) fn new() -> Table<P> {
        Table {
            chunks: (0..N_CHUNKS).map(|_| OnceLock::new()).collect(),
            own: Striped::default(),
            free: Mutex::default(),
            fresh: AtomicU64::new(0),
        }
    }

    /// Puts a process into the table under a new serial, which `make` gets to build it; `None` when
    /// all slots are taken.
    pub(crate) fn insert(&self, make: impl FnOnce(Serial) -> Arc<P>) -> Option<Arc<P>> {
        let index = self.take_slot()?;
        let slot = self.slot(index as usize)?;
        // Relaxed: the free list handed the slot over; its generation does not change any more.
        let generation = slot.word.load(Ordering::Relaxed) >> GENERATION_SHIFT;
        let process = make(Serial::new(index, generation));
        // SAFETY: T2: the slot is FREE and was taken off the free list by this thread alone.
        slot.process.with_mut(|place| unsafe { *place = Some(process.clone()) });
        // Pinned, and free no more. Release pairs with the acquire of `get`.
        slot.word.fetch_add(1u64.wrapping_sub(FREE), Ordering::Release);
        Some(process)
    }

    fn take_slot(&self) -> Option<u32> {
        let mut own = lock(self.own.own());
        if own.is_empty() {
            *own = lock(&self.free).pop().or_else(|| self.fresh_slots())?;
        }
        own.pop()
    }

    fn fresh_slots(&self) -> Option<Vec<u32>> {
        let first = self.fresh.fetch_add(BATCH, Ordering::Relaxed);
        if first >= N_SLOTS {
            self.fresh.fetch_sub(BATCH, Ordering::Relaxed);
            return None;
        }
        let chunk = &self.chunks[first as usize >> CHUNK_BITS];
        chunk.get_or_init(|| {
            let slot = || Slot { word: AtomicU64::new(FREE), process: UnsafeCell::new(None) };
            (0..CHUNK).map(|_| slot()).collect()
        });
        // Slot 0 of generation 0 would be serial 0, which means "nobody".
        Some((first.max(1)..first + BATCH).rev().map(|index| index as u32).collect())
    }

    fn free_slot(&self, index: u32) {
        let mut own = lock(self.own.own());
        own.push(index);
        if own.len() > 2 * BATCH as usize {
            // Those freed last stay.
            let batch = own.drain(..BATCH as usize).collect();
            lock(&self.free).push(batch);
        }
    }

    fn slot(&self, index: usize) -> Option<&Slot<P>> {
        self.chunks.get(index >> CHUNK_BITS)?.get()?.get(index & (CHUNK - 1))
    }

    /// The process with this serial, while it is in the table.
    pub(crate) fn get(&self, serial: Serial) -> Option<Pinned<'_, P>> {
        let slot = self.slot(serial.slot())?;
        // Acquire pairs with the release of `insert`.
        let word = slot.word.fetch_add(1, Ordering::Acquire);
        debug_assert!(word & PINS < PINS, "T1: pins overflow");
        if word >> GENERATION_SHIFT == serial.generation() && word & (FREE | RETIRED) == 0 {
            return Some(Pinned { table: self, slot, index: serial.slot() as u32 });
        }
        self.unpin(slot, serial.slot() as u32);
        None
    }

    /// Takes a process out: from now on it is not found. Its memory goes when the last pin does.
    /// Called once for each inserted process, by its owner.
    pub(crate) fn retire(&self, serial: Serial) {
        let slot = self.slot(serial.slot()).expect("T1: only inserted processes retire");
        // Release: whoever sees the process gone sees what its end did before.
        let word = slot.word.fetch_add(RETIRED - 1, Ordering::Release) + (RETIRED - 1);
        self.free_if_last(slot, serial.slot() as u32, word);
    }

    fn unpin(&self, slot: &Slot<P>, index: u32) {
        // Release pairs with the acquire of the thread that frees.
        let word = slot.word.fetch_sub(1, Ordering::Release) - 1;
        self.free_if_last(slot, index, word);
    }

    /// Frees a slot that was retired, if nobody had it pinned when its word was `word`.
    fn free_if_last(&self, slot: &Slot<P>, index: u32, word: u64) {
        if word & (RETIRED | FREE | PINS) != RETIRED {
            return;
        }
        let next = ((word >> GENERATION_SHIFT) + 1) << GENERATION_SHIFT | FREE;
        // Acquire pairs with the release of every earlier unpin.
        if slot.word.compare_exchange(word, next, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return; // pinned again meanwhile, or freed by another: they see to it
        }
        // SAFETY: T2: the exchange made the slot ours until it is on the free list.
        let process = slot.process.with_mut(|place| unsafe { (*place).take() });
        drop(process);
        if next >> GENERATION_SHIFT != 0 {
            self.free_slot(index);
        }
    }

    /// Calls `visit` with every live process, in no order; those that start or end meanwhile may be
    /// missed.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&Arc<P>)) {
        self.for_each_of(0, usize::MAX, &mut visit);
    }

    /// As [`Table::for_each`], for the `n` slots from `first` on; the first of the next piece, none
    /// when this was the last.
    pub(super) fn for_each_of(
        &self,
        first: usize,
        n: usize,
        mut visit: impl FnMut(&Arc<P>),
    ) -> Option<usize> {
        let used = self.fresh.load(Ordering::Relaxed) as usize;
        let end = used.min(first.saturating_add(n));
        for index in first..end {
            let Some(slot) = self.slot(index) else { continue };
            let word = slot.word.load(Ordering::Relaxed);
            if word & (FREE | RETIRED) != 0 {
                continue;
            }
            if let Some(process) = self.get(Serial::new(index as u32, word >> GENERATION_SHIFT)) {
                visit(process.arc());
            }
        }
        (end < used).then_some(end)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A claim on a process in the table.
pub(crate) struct Pinned<'a, P> {
    table: &'a Table<P>,
    slot: &'a Slot<P>,
    index: u32,
}

impl<P> Pinned<'_, P> {
    /// The counted reference that the table holds, to be cloned when the process is kept.
    pub(crate) fn arc(&self) -> &Arc<P> {
        // SAFETY: T3: the pin keeps the slot from being freed, so `process` is set and not written.
        let process = self.slot.process.with(|place| unsafe { (*place).as_ref() });
        process.expect("T1: a pinned slot is live")
    }
}

impl<P> Deref for Pinned<'_, P> {
    type Target = P;

    fn deref(&self) -> &P {
        self.arc()
    }
}

impl<P> Drop for Pinned<'_, P> {
    fn drop(&mut self) {
        self.table.unpin(self.slot, self.index);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_retired_process_is_not_found_and_its_slot_gets_a_new_serial() {
        let table = Table::new();
        let mut serials = Vec::new();
        let mut insert = || {
            table.insert(|serial| {
                serials.push(serial);
                Arc::new(serial)
            })
        };
        let first = insert().expect("room");
        let pinned = table.get(*first).expect("live");
        table.retire(*first);
        assert!(table.get(*first).is_none());
        assert_eq!(*pinned.arc(), first, "still there while pinned");
        drop(pinned);
        assert_eq!(Arc::strong_count(&first), 1);
        let second = insert().expect("room");
        assert_eq!(second.slot(), first.slot());
        assert_ne!(second, first);
        assert!(table.get(*first).is_none(), "an old serial never finds the new process");
        assert!(table.get(*second).is_some());
    }

    #[test]
    fn pieces_together_are_the_whole() {
        let table = Table::new();
        let inserted: Vec<_> = (0..500).map(|_| *table.insert(Arc::new).expect("room")).collect();
        inserted.iter().step_by(3).for_each(|serial| table.retire(*serial));
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        table.for_each(|serial| whole.push(**serial));
        let mut next = Some(0);
        while let Some(first) = next {
            next = table.for_each_of(first, 7, |serial| pieces.push(**serial));
        }
        assert_eq!(whole, pieces);
        assert_eq!(whole.len(), 500 - 167);
    }

    #[test]
    fn serials_that_were_never_given_out_are_not_found() {
        let table: Table<()> = Table::new();
        assert!(table.get(Serial::new(0, 0)).is_none());
        assert!(table.get(Serial::new(77, 3)).is_none());
        assert!(table.get(Serial::new((1 << 24) - 1, 1)).is_none());
    }

    #[test]
    fn threads_that_insert_look_up_and_retire_never_meet_a_stranger() {
        const TURNS: usize = if cfg!(miri) { 30 } else { 20_000 };
        let table: Table<Serial> = Table::new();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut mine = Vec::new();
                    for turn in 0..TURNS {
                        let process = table.insert(Arc::new).expect("room");
                        assert_eq!(table.get(*process).map(|p| **p.arc()), Some(*process));
                        mine.push(*process);
                        if turn % 2 == 1 {
                            let gone = mine.remove(0);
                            table.retire(gone);
                            assert!(table.get(gone).is_none());
                        }
                    }
                    mine.into_iter().for_each(|serial| table.retire(serial));
                });
            }
        });
        let mut left = 0;
        table.for_each(|_| left += 1);
        assert_eq!(left, 0);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::model::Builder;
    use loom::thread;

    use super::*;
    use crate::sync;

    fn model(check: impl Fn() + Send + Sync + 'static) {
        let mut builder = Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(check);
    }

    /// A process that counts how often it is freed.
    struct Probe {
        serial: Serial,
        n_freed: sync::Arc<AtomicU64>,
    }

    impl Drop for Probe {
        fn drop(&mut self) {
            self.n_freed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A table, and how many of its processes are freed.
    #[derive(Clone)]
    struct Model {
        table: sync::Arc<Table<Probe>>,
        n_freed: sync::Arc<AtomicU64>,
    }

    impl Model {
        fn new() -> Model {
            let table = sync::Arc::new(Table::new());
            Model { table, n_freed: sync::Arc::new(AtomicU64::new(0)) }
        }

        fn insert(&self) -> Serial {
            let n_freed = self.n_freed.clone();
            let make = |serial| Arc::new(Probe { serial, n_freed });
            self.table.insert(make).expect("room").serial
        }

        /// Whether the process is found, and nobody in its place.
        fn finds(&self, serial: Serial) -> bool {
            let found = self.table.get(serial);
            found.is_some_and(|process| {
                assert_eq!(process.arc().serial, serial);
                true
            })
        }

        fn n_freed(&self) -> u64 {
            self.n_freed.load(Ordering::Relaxed)
        }

        fn beside(&self, act: impl FnOnce(&Model) + 'static) -> thread::JoinHandle<()> {
            let model = self.clone();
            thread::spawn(move || act(&model))
        }
    }

    #[test]
    fn loom_a_retired_process_is_freed_once_and_by_the_last_who_looks() {
        model(|| {
            let model = Model::new();
            let serial = model.insert();
            let looking = [(); 2].map(|()| model.beside(move |model| _ = model.finds(serial)));
            model.table.retire(serial);
            assert!(!model.finds(serial));
            for thread in looking {
                thread.join().unwrap();
            }
            assert_eq!(model.n_freed(), 1);
        });
    }

    /// Slots go round while somebody looks for one who is gone.
    #[test]
    fn loom_the_next_user_of_a_slot_is_not_taken_for_the_last() {
        model(|| {
            let model = Model::new();
            let first = model.insert();
            let looking = model.beside(move |model| _ = model.finds(first));
            model.table.retire(first);
            let second = model.insert();
            assert_ne!(first, second);
            assert!(model.finds(second));
            looking.join().unwrap();
            model.table.retire(second);
            assert_eq!(model.n_freed(), 2);
        });
    }

    #[test]
    fn loom_a_free_slot_is_taken_by_one() {
        model(|| {
            let model = Model::new();
            let old = model.insert();
            model.table.retire(old);
            let other = model.beside(|model| {
                let serial = model.insert();
                assert!(model.finds(serial));
                model.table.retire(serial);
            });
            let serial = model.insert();
            assert!(model.finds(serial));
            other.join().unwrap();
            assert!(model.finds(serial));
            model.table.retire(serial);
            assert_eq!(model.n_freed(), 3);
        });
    }
}
