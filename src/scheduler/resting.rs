//! Which parked tasks have not run for a while, so that they may be put to rest: asked to do with
//! less until they run again.
//!
//! # How it works
//! A task that parks tells its worker, the first time since it was last at rest
//! ([`Context::may_rest`](super::Context::may_rest)), and is put on a list of **young** ones. When
//! the worker has nothing else to do, the young ones become the **old** ones, and some time later
//! all of these are asked to rest ([`Task::rest`]). A task that is to be asked again is young
//! again. So whoever is asked has been on the list for at least that span, and twice that at most
//! while the worker has little to do.
//!
//! There is a pair of lists for each **patience**: the span doubles from one to the next.
//!
//! Tasks are remembered by their keys. So the list keeps no task in memory, and a task that ends is
//! simply not found.
//!
//! # Invariants
//! * R1: a task is on one list at most, once: it says no more than once that it may rest before it
//!   is put to rest.
//! * R2: without tasks on a list nothing is due, so that a pool of tasks at rest sleeps for ever.

use std::mem;
use std::sync::{Arc, Weak};

use super::timers::NEVER_NS;
use super::{Patience, Task};

/// Tasks that are asked at a time, so that neighbours in memory are served together.
const BATCH: usize = 16;

/// A worker with other work spends at most one part in so many on this.
const SHARE: u64 = 20;

/// The lists of one worker.
pub(super) struct Resting<T: Task> {
    /// Where keys are looked up; known as soon as there is a key.
    register: Option<Weak<T::Register>>,
    rounds: [Round; Patience::N],
    /// How many keys there are on all lists.
    len: usize,
    /// How long a task stays old, without patience; none if tasks are never put to rest.
    after_ns: Option<u64>,
    /// When a busy worker may do the next batch.
    spared_ns: u64,
}

/// Tasks of one patience.
#[derive(Default)]
struct Round {
    young: Vec<u64>,
    old: Vec<u64>,
    /// When the old ones have been so for long enough.
    due_ns: u64,
}

/// Whom to ask.
pub(super) struct Batch<T: Task> {
    pub(super) register: Arc<T::Register>,
    pub(super) patience: Patience,
    pub(super) keys: Vec<u64>,
}

impl<T: Task> Resting<T> {
    pub(super) fn new(after_ns: Option<u64>) -> Self {
        Self { register: None, rounds: Default::default(), len: 0, after_ns, spared_ns: 0 }
    }

    /// A task is about to park.
    pub(super) fn add(&mut self, task: &T, patience: Patience) {
        if self.after_ns.is_none() {
            return;
        }
        let register = self.register.get_or_insert_with(|| Arc::downgrade(task.register()));
        debug_assert!(std::ptr::eq(register.as_ptr(), &raw const **task.register()));
        self.rounds[patience.index()].young.push(task.key());
        self.len += 1;
    }

    /// When to call [`Resting::take`] again.
    pub(super) fn due_ns(&mut self, now_ns: impl Fn() -> u64) -> u64 {
        let Some(after_ns) = self.after_ns.filter(|_| self.len > 0) else { return NEVER_NS };
        let due_ns = |(round, n): (&mut Round, _)| round.due_ns(&now_ns, after_ns << n);
        self.rounds.iter_mut().zip(0..).map(due_ns).min().unwrap_or(NEVER_NS)
    }

    /// Some of the tasks that are to be asked now.
    pub(super) fn take(&mut self, now_ns: u64) -> Option<Batch<T>> {
        if self.due_ns(|| now_ns) > now_ns {
            return None;
        }
        let Some(register) = self.register.as_ref().and_then(Weak::upgrade) else {
            self.rounds = Default::default(); // all tasks are gone
            self.len = 0;
            return None;
        };
        let due = |(_, round): &(usize, &mut Round)| round.due_ns <= now_ns;
        let (index, round) = self.rounds.iter_mut().enumerate().find(due)?;
        let n = BATCH.min(round.old.len());
        let keys = round.old.split_off(round.old.len() - n);
        self.len -= n;
        Some(Batch { register, patience: Patience::of(index), keys })
    }

    /// What is left of a batch, and those of it that are to be asked again later.
    pub(super) fn put_back(&mut self, left: Batch<T>, again: &[(u64, Patience)]) {
        let Batch { mut keys, patience, .. } = left;
        self.len += keys.len() + again.len();
        self.rounds[patience.index()].old.append(&mut keys);
        for (key, patience) in again {
            self.rounds[patience.index()].young.push(*key);
        }
    }

    /// Whether a worker with other work may do a batch.
    pub(super) fn may_take_beside_work(&self, now_ns: u64) -> bool {
        now_ns >= self.spared_ns
    }

    /// Notes how long a batch took, beside other work.
    pub(super) fn took(&mut self, from_ns: u64, to_ns: u64) {
        self.spared_ns = to_ns + SHARE * (to_ns - from_ns);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Round {
    fn due_ns(&mut self, now_ns: impl Fn() -> u64, after_ns: u64) -> u64 {
        if self.old.is_empty() {
            // Not swapped: after a burst the room for its keys is given back.
            self.old = mem::take(&mut self.young);
            self.due_ns = if self.old.is_empty() { NEVER_NS } else { now_ns() + after_ns };
        }
        self.due_ns
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::{BATCH, Batch, NEVER_NS, Resting, SHARE};
    use std::sync::Arc;

    use crate::scheduler::fake::FakeTask;
    use crate::scheduler::sim::SimPool;
    use crate::scheduler::{Patience, Pool, Task, Turn};

    const AFTER_NS: u64 = 100;

    fn tasks(n: usize) -> Vec<Arc<FakeTask>> {
        let pool: Arc<dyn Pool<FakeTask>> = SimPool::new(1);
        (0..n).map(|_| FakeTask::new(&pool, |_, _| Turn::Parked)).collect()
    }

    /// All that are due at `now_ns`.
    fn take_all(resting: &mut Resting<FakeTask>, now_ns: u64) -> Vec<u64> {
        let mut all = Vec::new();
        while let Some(batch) = resting.take(now_ns) {
            assert!((1..=BATCH).contains(&batch.keys.len()));
            all.extend(batch.keys);
        }
        all.sort_unstable();
        all
    }

    #[test]
    fn a_task_is_due_after_one_to_two_spans() {
        let tasks = tasks(2 * BATCH + 1);
        let keys: Vec<_> = tasks.iter().map(|task| task.key()).collect();
        let mut resting = Resting::<FakeTask>::new(Some(AFTER_NS));
        tasks[1..].iter().for_each(|task| resting.add(task, Patience::NONE));
        assert_eq!(resting.due_ns(|| 1_000), 1_000 + AFTER_NS);
        // Too late for this round.
        resting.add(&tasks[0], Patience::NONE);
        assert!(take_all(&mut resting, 1_000 + AFTER_NS - 1).is_empty());
        assert_eq!(take_all(&mut resting, 1_000 + AFTER_NS), keys[1..]);
        assert_eq!(resting.due_ns(|| 2_000), 1_000 + 2 * AFTER_NS);
        assert_eq!(take_all(&mut resting, 1_000 + 2 * AFTER_NS), keys[..1]);
        assert!(resting.is_empty());
    }

    #[test]
    fn a_task_that_is_put_back_is_young_and_without_tasks_nothing_is_due() {
        let tasks = tasks(1);
        let mut resting = Resting::<FakeTask>::new(Some(AFTER_NS));
        assert_eq!(resting.due_ns(|| 1), NEVER_NS);
        resting.add(&tasks[0], Patience::NONE);
        assert_eq!(resting.due_ns(|| 1), 1 + AFTER_NS);
        let batch = resting.take(1 + AFTER_NS).expect("due");
        let key = batch.keys[0];
        let patience = Patience::NONE.doubled();
        resting.put_back(Batch { keys: Vec::new(), ..batch }, &[(key, patience)]);
        assert_eq!(resting.due_ns(|| 500), 500 + 2 * AFTER_NS);
        assert_eq!(take_all(&mut resting, 500 + 2 * AFTER_NS), [key]);
        assert_eq!(resting.due_ns(|| 1_000), NEVER_NS);
    }

    #[test]
    fn what_is_left_of_a_batch_stays_due() {
        let tasks = tasks(2);
        let mut resting = Resting::<FakeTask>::new(Some(0));
        tasks.iter().for_each(|task| resting.add(task, Patience::NONE));
        let batch = resting.take(1).expect("due");
        let keys = batch.keys.clone();
        resting.put_back(batch, &[]);
        assert_eq!(take_all(&mut resting, 1), keys);
    }

    #[test]
    fn where_tasks_are_never_put_to_rest_none_is_kept() {
        let mut resting = Resting::<FakeTask>::new(None);
        resting.add(&tasks(1)[0], Patience::NONE);
        assert!(resting.is_empty());
    }

    #[test]
    fn a_busy_worker_spends_a_small_part_of_its_time() {
        let mut resting = Resting::<FakeTask>::new(Some(0));
        assert!(resting.may_take_beside_work(0));
        resting.took(100, 110);
        assert!(!resting.may_take_beside_work(110 + 10 * SHARE - 1));
        assert!(resting.may_take_beside_work(110 + 10 * SHARE));
    }
}
