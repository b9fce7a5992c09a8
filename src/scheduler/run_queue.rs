//! A worker's own tasks: those that go on, first in, first out; and those that have never run, the
//! youngest family first.
//!
//! # Concepts
//! * [`RunQueue`] is the end of the worker (`!Sync`), [`Stealer`] the end of everybody else. A
//!   thief takes half of what it finds, at most 32 tasks, so that work spreads in few steals.
//! * **Newborn**: a task that was spawned and has not run. **Siblings** are those that one turn has
//!   spawned, up to [`SIBLINGS_MAX`]; further ones are the **crowd**, first in, first out, which
//!   runs when there are no siblings. Siblings run in the order in which they were spawned, but
//!   before all that was spawned earlier: their records are still in the cache, and a tree of tasks
//!   is walked in depth first, with few of them alive at a time. Thieves take the oldest, which in
//!   a tree have most of it before them, and which in the worker's cache are cold.
//! * **Round**: some newborns, [`NEWBORNS_MAX`] at most, then all that go on, as many as there are
//!   when it begins. So a task that was woken waits for few newborns, however many there are.
//!
//! # Invariants
//! * **Q1** Every task that goes on has its turn in the next round.
//! * **Q2** Every [`OLDEST_EVERY`]th newborn that is taken is the first of the crowd, or else the
//!   oldest if there are more than one turn can have spawned. So each runs after a bounded number
//!   of turns, however many are spawned after it.
//! * **Q3** Between two turns, the siblings of the last one lie in the reverse of the order in
//!   which they are to run. During a turn they lie the other way round, and thieves find them
//!   already.
//! * **Q4** A turn that has spawned more than [`SIBLINGS_MAX`] tasks is asked to end when the crowd
//!   is [`CROWD_MAX`], so that a task which spawns for long does so as fast as the workers get
//!   through, and not faster.
//!
//! # Sources
//! Chase, Lev, "Dynamic circular work-stealing deque", SPAA 2005, is the ground of crossbeam-deque.
//! Blumofe, Leiserson, "Scheduling multithreaded computations by work stealing", FOCS 1994, show
//! what depth first is worth: no more memory for each worker than a single one would need.

use std::cell::Cell;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::sync::deque;

/// Newborns of one round. A task with a timer waits for them, if it is woken in the middle of a
/// burst; and one that spawns for long fills the caches with what cannot run meanwhile.
const NEWBORNS_MAX: usize = 64;

/// So many tasks of one turn run before those that were spawned earlier. Also bounds what the end
/// of a turn has to turn round.
const SIBLINGS_MAX: usize = 16;

/// See Q4. Their records fit into the cache of one core; thieves, which take 32 at a time, do not
/// run out of them.
const CROWD_MAX: usize = 2048;

/// See Q2. All siblings of a turn come before the first of their crowd.
const OLDEST_EVERY: u32 = SIBLINGS_MAX as u32 + 1;

/// The worker's end.
pub(super) struct RunQueue<T> {
    going: deque::Worker<Arc<T>>,
    newborn: deque::Worker<Arc<T>>,
    oldest: deque::Stealer<Arc<T>>,
    crowd: deque::Worker<Arc<T>>,
    /// Newborns of the turn that runs.
    n_siblings: Cell<usize>,
    /// Newborns until the next one is the oldest.
    until_oldest: Cell<u32>,
    round: Round,
}

/// What is left of a round.
#[derive(Default)]
struct Round {
    newborn: Cell<usize>,
    going: Cell<usize>,
}

/// The thieves' end.
pub(super) struct Stealer<T> {
    going: deque::Stealer<Arc<T>>,
    newborn: deque::Stealer<Arc<T>>,
    crowd: deque::Stealer<Arc<T>>,
}

impl<T> RunQueue<T> {
    pub(super) fn new() -> Self {
        let newborn = deque::Worker::new_lifo();
        let oldest = newborn.stealer();
        Self {
            going: deque::Worker::new_fifo(),
            newborn,
            oldest,
            crowd: deque::Worker::new_fifo(),
            n_siblings: Cell::new(0),
            until_oldest: Cell::new(OLDEST_EVERY - 1),
            round: Round::default(),
        }
    }

    pub(super) fn stealer(&self) -> Stealer<T> {
        Stealer {
            going: self.going.stealer(),
            newborn: self.newborn.stealer(),
            crowd: self.crowd.stealer(),
        }
    }

    /// Adds a task that goes on.
    pub(super) fn push(&self, task: Arc<T>) {
        self.going.push(task);
    }

    /// Adds a task that the running turn has spawned. Whether the turn should end (Q4).
    #[inline]
    pub(super) fn push_newborn(&self, task: Arc<T>) -> bool {
        let n_siblings = self.n_siblings.get();
        if n_siblings == SIBLINGS_MAX {
            self.crowd.push(task);
            return self.crowd.len() >= CROWD_MAX;
        }
        self.n_siblings.set(n_siblings + 1);
        self.newborn.push(task);
        false
    }

    /// The turn has ended (Q3).
    #[inline]
    pub(super) fn end_turn(&self) {
        if self.n_siblings.get() > 0 {
            self.turn_siblings();
        }
    }

    #[inline(never)]
    fn turn_siblings(&self) {
        let n_siblings = self.n_siblings.replace(0);
        if n_siblings == 1 {
            return;
        }
        // A thief has taken siblings only if it has taken all that were older, so that what is
        // found here are the others of them.
        let siblings: SmallVec<[_; SIBLINGS_MAX]> =
            (0..n_siblings).map_while(|_| self.newborn.pop()).collect();
        for task in siblings {
            self.newborn.push(task);
        }
    }

    #[inline]
    pub(super) fn pop(&self) -> Option<Arc<T>> {
        self.pop_of_round().or_else(|| {
            let n_newborns = self.newborn.len() + self.crowd.len();
            self.round.newborn.set(n_newborns.min(NEWBORNS_MAX));
            self.round.going.set(self.going.len());
            self.pop_of_round()
        })
    }

    #[inline]
    fn pop_of_round(&self) -> Option<Arc<T>> {
        let newborn = self.round.newborn.get();
        if newborn > 0 {
            if let Some(task) = self.pop_newborn() {
                self.round.newborn.set(newborn - 1);
                return Some(task);
            }
            self.round.newborn.set(0);
        }
        let going = self.round.going.get();
        self.round.going.set(going.saturating_sub(1));
        if going > 0 { self.going.pop() } else { None }
    }

    fn pop_newborn(&self) -> Option<Arc<T>> {
        let until_oldest = self.until_oldest.get();
        if until_oldest > 0 {
            self.until_oldest.set(until_oldest - 1);
            return self.newborn.pop().or_else(|| self.crowd.pop());
        }
        self.until_oldest.set(OLDEST_EVERY - 1);
        self.pop_oldest()
    }

    /// Q2.
    fn pop_oldest(&self) -> Option<Arc<T>> {
        self.crowd.pop().or_else(|| match self.newborn.len() > SIBLINGS_MAX {
            true => insist(|| self.oldest.steal()),
            false => self.newborn.pop(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.going.len() + self.newborn.len() + self.crowd.len()
    }

    /// Where a thief puts what it takes elsewhere.
    pub(super) fn loot(&self) -> &deque::Worker<Arc<T>> {
        &self.going
    }
}

impl<T> Stealer<T> {
    /// Takes up to half of one part of the queue: the first task is returned, the others go to
    /// `thief`.
    pub(super) fn steal_into(&self, thief: &RunQueue<T>) -> Option<Arc<T>> {
        insist(|| self.newborn.steal_batch_and_pop(&thief.newborn))
            .or_else(|| insist(|| self.crowd.steal_batch_and_pop(&thief.crowd)))
            .or_else(|| insist(|| self.going.steal_batch_and_pop(&thief.going)))
    }

    pub(super) fn len(&self) -> usize {
        self.going.len() + self.newborn.len() + self.crowd.len()
    }
}

/// Repeats `steal` until it has an answer. A retry means that another thread got on, so this ends
/// when the others run out of tasks to fight for.
pub(super) fn insist<T>(steal: impl Fn() -> deque::Steal<Arc<T>>) -> Option<Arc<T>> {
    loop {
        match steal() {
            deque::Steal::Success(task) => return Some(task),
            deque::Steal::Empty => return None,
            deque::Steal::Retry => std::hint::spin_loop(),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn pop_all(queue: &RunQueue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop()).map(|task| *task).collect()
    }

    fn spawn(queue: &RunQueue<u32>, tasks: std::ops::Range<u32>) {
        tasks.for_each(|task| _ = queue.push_newborn(Arc::new(task)));
    }

    #[test]
    fn siblings_run_in_order_and_before_what_was_spawned_earlier() {
        let queue = RunQueue::new();
        for first in [0, 10, 20] {
            spawn(&queue, first..first + 3);
            queue.end_turn();
        }
        assert_eq!(pop_all(&queue), [20, 21, 22, 10, 11, 12, 0, 1, 2]);
    }

    #[test]
    fn all_that_one_turn_spawns_runs_in_order() {
        let queue = RunQueue::new();
        spawn(&queue, 0..3 * SIBLINGS_MAX as u32);
        queue.end_turn();
        assert!(pop_all(&queue).is_sorted());
    }

    #[test]
    fn now_and_then_the_oldest_newborn_runs() {
        let queue = RunQueue::new();
        for first in 0..40 {
            spawn(&queue, first..first + 1);
            queue.end_turn();
        }
        let order = pop_all(&queue);
        assert_eq!(order[..3], [39, 38, 37]);
        assert_eq!(order[OLDEST_EVERY as usize - 1], 0);
        assert_eq!(order.len(), 40);
    }

    #[test]
    fn siblings_that_a_thief_leaves_run_in_order() {
        let (queue, thief) = (RunQueue::new(), RunQueue::new());
        spawn(&queue, 0..2);
        queue.end_turn();
        spawn(&queue, 10..16);
        assert!(queue.stealer().steal_into(&thief).is_some());
        queue.end_turn();
        assert_eq!(pop_all(&thief).len(), 3);
        assert_eq!(pop_all(&queue), [12, 13, 14, 15]);
    }

    #[test]
    fn a_task_that_goes_on_has_its_turn_after_what_waited_before() {
        let queue = RunQueue::new();
        spawn(&queue, 0..5);
        queue.push(Arc::new(100));
        queue.push(Arc::new(101));
        let mut order = Vec::new();
        for next in 5..1_000 {
            // More are spawned than run.
            spawn(&queue, next..next + 1);
            let task = *queue.pop().expect("there are some");
            order.push(task);
            if order.ends_with(&[100, 101]) {
                assert_eq!(order.len(), 6 + 2, "six newborns in the first round");
                return;
            }
        }
        panic!("starved");
    }

    #[test]
    fn newborns_that_are_followed_by_others_for_ever_run() {
        let queue = RunQueue::new();
        spawn(&queue, 0..10);
        let oldest_ran = (10..1_000).filter(|&next| {
            spawn(&queue, next..next + 1);
            *queue.pop().expect("there are some") < 10
        });
        assert_eq!(oldest_ran.count(), 10);
    }

    #[test]
    fn a_turn_should_end_when_there_is_a_crowd() {
        let queue = RunQueue::new();
        let n_spawned = (0..).take_while(|&task| !queue.push_newborn(Arc::new(task))).count();
        assert_eq!(n_spawned, SIBLINGS_MAX + CROWD_MAX - 1);
        queue.end_turn();
        let should_end = (0..SIBLINGS_MAX).any(|_| queue.push_newborn(Arc::new(0)));
        assert!(!should_end, "another turn may still spawn a few");
    }

    #[test]
    fn thieves_take_the_oldest_and_a_part_of_them() {
        let (queue, thief) = (RunQueue::new(), RunQueue::new());
        spawn(&queue, 0..10);
        queue.push(Arc::new(100));
        let stealer = queue.stealer();
        assert!(stealer.steal_into(&thief).is_some_and(|task| *task < 5));
        assert_eq!((thief.len(), stealer.len()), (4, 6));
        assert!(pop_all(&thief).iter().all(|task| *task < 5));
        assert!(pop_all(&queue).contains(&100));
    }
}
