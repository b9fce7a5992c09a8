//! One worker: the loop that finds a task, runs its turn, and sleeps in its reactor when there is
//! nothing to find. It is also the context that its tasks see.
//!
//! # Where the next task comes from, in this order
//! 1. the LIFO slot, within its bound (L1);
//! 2. the worker's own queue;
//! 3. the injector;
//! 4. a search: half of the queue of another worker, beginning with a random one.
//!
//! Every [`POLL_INTERVAL`] turns, and whenever [`Remote::attention`] is set, timers and I/O come
//! first, and then the injector goes before the slot and the queue, so that a worker which always
//! has work of its own still serves them.
//!
//! # What is done without work
//! Parked tasks are put to rest ([`resting`](super::resting)), then memory is tidied up; a short
//! piece at a time, and between two of them the worker looks for work again. A worker that always
//! has work puts tasks to rest as well, but spends no more than a small part of its time on it.
//!
//! # A worker too many
//! One that is [spare](super::staff) takes nothing. It gives away what waits here, and goes on to
//! serve its timers and I/O, whose tasks it gives away too.
//!
//! # Who is told about new work
//! A task in the LIFO slot is this worker's own business. A task in the queue is told to a sleeper
//! (G2 to G4 of [`idle`](super::idle)), but for one case: a task that runs again while nothing
//! else waits here would only move to a colder cache.

use std::cell::{Cell, RefCell};
use std::io;
use std::mem;
use std::sync::Arc;

use mio::Interest;
use mio::event::Source;

use super::idle::Searching;
use super::lifo::LifoSlot;
use super::preempt::{Attached, Preemption};
use super::resting::Resting;
use super::rng::Rng;
use super::run_queue::RunQueue;
use super::shared::{IoTarget, Remote, Shared};
use super::staff::Seat;
use super::timers::{Alarm, NEVER_NS};
use super::{Context, IoId, Patience, Pool, Readiness, Task, TimerId, Turn, broken, clock};
use crate::reactor::{Reactor, Ready, Wait};
use crate::wheel::Expired;

/// Turns between two looks at timers, I/O and injector. A prime, so that it falls in step with no
/// pattern of the tasks.
const POLL_INTERVAL: u32 = 61;

/// See the module.
pub(super) struct Worker<T: Task> {
    shared: Arc<Shared<T>>,
    idx: usize,
    queue: RunQueue<T>,
    lifo: LifoSlot<T>,
    /// Borrowed only while waiting in it, never while a task runs.
    reactor: RefCell<Reactor<IoTarget<T>>>,
    rng: Rng,
    /// Not borrowed while a task is called.
    resting: RefCell<Resting<T>>,
    turns_until_poll: Cell<u32>,
    /// Kept between polls for their capacity.
    due: Cell<Vec<Expired<Alarm<T>>>>,
    ready: Cell<Vec<Ready<IoTarget<T>>>>,
}

impl<T: Task> Worker<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, seat: Seat<T>) -> Self {
        let Seat { idx, queue, reactor } = seat;
        let resting = RefCell::new(Resting::new(shared.config.rest_after_ns));
        Self {
            shared,
            idx,
            queue,
            lifo: LifoSlot::new(),
            reactor: RefCell::new(reactor),
            rng: Rng::from_system(),
            resting,
            turns_until_poll: Cell::new(POLL_INTERVAL),
            due: Cell::default(),
            ready: Cell::default(),
        }
    }

    /// The life of the worker's thread, until the pool is closed.
    pub(super) fn run(self) {
        let abort = AbortOnUnwind;
        let attached = Attached::new(&self.remote().preemption);
        while let Some(task) = self.next_task() {
            self.run_turn(task);
        }
        drop(attached);
        self.drop_tasks();
        mem::forget(abort);
    }

    fn remote(&self) -> &Remote<T> {
        &self.shared.workers[self.idx]
    }

    fn run_turn(&self, task: Arc<T>) {
        let remote = self.remote();
        remote.counters.turns.add(1);
        remote.preemption.begin_turn();
        let turn = T::run(&task, self);
        remote.preemption.end_turn();
        self.queue.end_turn();
        match turn {
            Turn::Again => self.queue_again(task),
            Turn::Parked | Turn::Ended => drop(task),
            // It may be gone by now.
            Turn::Kept => mem::forget(task),
        }
    }

    /// The task to run next. Sleeps until there is one; none when the pool is closed.
    fn next_task(&self) -> Option<Arc<T>> {
        let mut searching = None;
        loop {
            let polled = self.poll_if_due();
            // Who closes the pool asks for attention afterwards, so no other turn has to check.
            if polled && self.shared.idle.is_closed() {
                return None;
            }
            if polled && searching.is_none() && self.remote().is_spare() {
                self.sit_out();
            }
            if let Some(task) = self.take_own(polled) {
                if let Some(searching) = searching {
                    self.found(searching);
                }
                return Some(task);
            }
            searching = searching.or_else(|| self.shared.idle.start_search());
            if let Some(proof) = searching.take() {
                if let Some(task) = self.steal() {
                    self.found(proof);
                    return Some(task);
                }
                searching = Some(proof);
            }
            if self.rest() || self.shared.config.when_idle.is_some_and(|tidy| tidy()) {
                // Look for work again, and for what is due.
                self.turns_until_poll.set(0);
                continue;
            }
            searching = self.sleep(searching);
        }
    }

    /// A task for which no other worker's queue is touched.
    fn take_own(&self, injected_first: bool) -> Option<Arc<T>> {
        if injected_first && let Some(task) = self.shared.injector.pop() {
            self.remote().counters.injected.add(1);
            return Some(task);
        }
        self.take_slot()
            .or_else(|| {
                self.lifo.pass();
                self.queue.pop()
            })
            .or_else(|| self.take_slot())
            .or_else(|| self.take_injected())
    }

    fn take_slot(&self) -> Option<Arc<T>> {
        let task = self.lifo.take_next()?;
        self.remote().counters.lifo_runs.add(1);
        Some(task)
    }

    fn take_injected(&self) -> Option<Arc<T>> {
        let task = self.shared.injector.take_into(&self.queue)?;
        self.remote().counters.injected.add(1);
        if self.queue.len() > 0 {
            // A searcher may have looked while the batch was in neither queue (I2).
            self.shared.wake_one();
        }
        Some(task)
    }

    /// Takes half of the work of another worker. Only in a search.
    fn steal(&self) -> Option<Arc<T>> {
        let workers = &self.shared.workers;
        let first = self.rng.below(workers.len());
        let victims = (first..workers.len()).chain(0..first).filter(|&victim| victim != self.idx);
        for victim in victims {
            if let Some(task) = workers[victim].stealer.steal_into(&self.queue) {
                self.remote().counters.steals.add(1);
                return Some(task);
            }
        }
        self.take_injected()
    }

    fn found(&self, searching: Searching) {
        if let Some(sleeper) = self.shared.idle.found(searching) {
            self.shared.unpark(sleeper);
        }
    }

    /// Waits in the reactor for work, I/O or the next timer (W1 to W4 of `idle`).
    fn sleep(&self, searching: Option<Searching>) -> Option<Searching> {
        let (shared, remote) = (&self.shared, self.remote());
        // Before the announcement: who sees all workers asleep sees their counts up to date.
        remote.counters.parks.add(1);
        shared.idle.sleep(self.idx, searching);
        if shared.has_work() || shared.idle.is_closed() || remote.attention_wanted() {
            let searching = shared.idle.cancel_sleep(self.idx);
            shared.rouse_watcher();
            return Some(searching);
        }
        let ready = self.block();
        let searching = shared.idle.awake(self.idx);
        shared.rouse_watcher();
        remote.counters.unparks.add(u64::from(searching.is_some()));
        self.dispatch(ready);
        self.fire_timers();
        searching
    }

    /// Takes no task as long as there are enough workers without this one. Serves what is due here,
    /// for others to run.
    #[cold]
    fn sit_out(&self) {
        let (shared, remote) = (&self.shared, self.remote());
        while remote.is_spare() && !shared.idle.is_closed() {
            self.give_away();
            if self.rest() {
                continue;
            }
            remote.counters.parks.add(1);
            shared.idle.spare_sleeps();
            let ready = self.block();
            shared.idle.spare_awake();
            shared.rouse_watcher();
            self.dispatch(ready);
            self.fire_timers();
        }
    }

    /// Lets others have all tasks that wait here.
    fn give_away(&self) {
        while let Some(task) = self.take_waiting() {
            self.shared.inject(task);
        }
    }

    /// Any task that waits here.
    fn take_waiting(&self) -> Option<Arc<T>> {
        self.lifo.evict().or_else(|| self.queue.pop())
    }

    /// Waits in the reactor until it is unparked, for I/O, for the next timer, or for a task to put
    /// to rest.
    fn block(&self) -> Vec<Ready<IoTarget<T>>> {
        let remote = self.remote();
        let mut ready = self.ready.take();
        let rest_ns = self.resting.borrow_mut().due_ns(clock::monotonic_ns);
        remote.parker.park(|| {
            // Read after the step to PARKED: who inserts a timer from outside unparks afterwards.
            let wait = match remote.timers.next_ns().min(rest_ns) {
                NEVER_NS => Wait::Forever,
                due_ns => Wait::Until(due_ns),
            };
            self.wait(wait, &mut ready);
        });
        ready
    }

    /// Serves timers and I/O when it is time to; whether it was.
    fn poll_if_due(&self) -> bool {
        let turns_left = self.turns_until_poll.get();
        if turns_left > 0 && !self.remote().take_attention() {
            self.turns_until_poll.set(turns_left - 1);
            return false;
        }
        self.turns_until_poll.set(POLL_INTERVAL);
        self.poll();
        self.rest_beside_work();
        true
    }

    /// Asks some of the tasks to rest that have been parked for long; whether there were any.
    fn rest(&self) -> bool {
        if self.resting.borrow().is_empty() {
            return false;
        }
        let batch = self.resting.borrow_mut().take(clock::monotonic_ns());
        let Some(mut batch) = batch else { return false };
        let again = T::rest(&batch.register, &mut batch.keys, self);
        self.resting.borrow_mut().put_back(batch, &again);
        true
    }

    /// As [`Worker::rest`], for a worker that may never be without work.
    fn rest_beside_work(&self) {
        if self.resting.borrow().is_empty() {
            return;
        }
        let from_ns = clock::monotonic_ns();
        if self.resting.borrow().may_take_beside_work(from_ns) && self.rest() {
            self.resting.borrow_mut().took(from_ns, clock::monotonic_ns());
        }
    }

    fn poll(&self) {
        self.fire_timers();
        if self.remote().has_sources() {
            let mut ready = self.ready.take();
            self.wait(Wait::Poll, &mut ready);
            self.dispatch(ready);
        }
    }

    fn wait(&self, wait: Wait, ready: &mut Vec<Ready<IoTarget<T>>>) {
        if let Err(error) = self.reactor.borrow_mut().wait(wait, ready) {
            broken("T8: the reactor of a living worker can wait", &error);
        }
    }

    fn dispatch(&self, mut ready: Vec<Ready<IoTarget<T>>>) {
        self.remote().counters.io_ready.add(ready.len() as u64);
        for Ready { value: IoTarget { task, token }, readable, writable, error } in ready.drain(..)
        {
            T::io_ready(task, token, Readiness { readable, writable, error }, self);
        }
        self.ready.set(ready);
    }

    fn fire_timers(&self) {
        if self.remote().timers.next_ns() == NEVER_NS {
            return;
        }
        let mut due = self.due.take();
        self.remote().timers.take_due(clock::monotonic_ns(), &mut due);
        self.remote().counters.timers_fired.add(due.len() as u64);
        for Expired { at_ns, value: Alarm { task, token } } in due.drain(..) {
            T::timer_fired(task, token, at_ns, self);
        }
        self.due.set(due);
    }

    /// To the back of the queue, told to others if they have a reason to come.
    fn queue_again(&self, task: Arc<T>) {
        if self.queue.len() == 0 && self.lifo.is_empty() {
            self.queue.push(task);
        } else {
            self.queue_shared(task);
        }
    }

    /// Makes `task` visible to all workers and wakes one if none is looking.
    fn queue_shared(&self, task: Arc<T>) {
        self.queue.push(task);
        self.shared.wake_one();
    }

    /// T9: what is left when the pool closes is dropped.
    fn drop_tasks(&self) {
        while let Some(task) = self.take_waiting() {
            drop(task);
        }
    }
}

impl<T: Task> Context<T> for Worker<T> {
    fn pool_id(&self) -> usize {
        self.shared.id
    }

    fn wake(&self, pool: &Arc<dyn Pool<T>>, task: Arc<T>) {
        if pool.id() != self.shared.id {
            pool.inject(task);
        } else if let Some(older) = self.lifo.put(task) {
            self.queue_shared(older);
        }
    }

    fn spawn(&self, pool: &Arc<dyn Pool<T>>, task: Arc<T>) {
        if pool.id() == self.shared.id {
            let turn_should_end = self.queue.push_newborn(task);
            self.shared.wake_one();
            if turn_should_end {
                self.remote().preemption.give_way();
            }
        } else {
            pool.inject(task);
        }
    }

    fn may_rest(&self, task: &T, patience: Patience) {
        self.resting.borrow_mut().add(task, patience);
    }

    fn hand_over(&self) {
        self.remote().counters.hand_overs.add(1);
        self.poll();
        if let Some(task) = self.lifo.evict() {
            self.queue_shared(task);
        }
    }

    fn now_ns(&self) -> u64 {
        clock::monotonic_ns()
    }

    fn wall_ns(&self) -> i128 {
        clock::wall_ns()
    }

    fn random(&self) -> u64 {
        self.rng.next()
    }

    fn insert_timer(&self, task: &Arc<T>, token: u64, at_ns: u64) -> TimerId {
        // The owner is awake: it looks at the due time before it parks.
        self.shared.insert_timer(self.idx, task, token, at_ns).0
    }

    fn cancel_timer(&self, id: TimerId) -> bool {
        self.shared.cancel_timer(id)
    }

    fn register_io(
        &self,
        source: &mut dyn Source,
        interest: Interest,
        task: &Arc<T>,
        token: u64,
    ) -> io::Result<IoId> {
        self.shared.register_io(self.idx, source, interest, task, token)
    }

    fn deregister_io(&self, source: &mut dyn Source, id: IoId) -> io::Result<()> {
        self.shared.deregister_io(source, id)
    }

    fn preemption(&self) -> &Preemption {
        &self.remote().preemption
    }
}

/// T7: a worker that unwinds would leave its pool without one of its threads and its tasks without
/// a state, so the runtime ends instead.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        broken("T7: no panic leaves a turn", &"a panic did");
    }
}
