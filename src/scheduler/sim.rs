//! A pool without threads: one caller runs the tasks turn by turn, in virtual time, and a seed
//! decides everything that a real pool leaves to chance. The same seed gives the same run.
//!
//! # What the seed decides
//! * which of the runnable tasks runs next, so that every order a real pool may come to is
//!   reached by some seed;
//! * after how many instructions a turn has to end, by [`Mode::Count`];
//! * what [`Context::random`] gives the tasks, from a stream of its own.
//!
//! # Virtual time
//! A turn takes [`TURN_NS`], one that used up its slice [`INSTRUCTION_NS`] for each instruction, so
//! that a task which polls the clock gets on. When nothing is runnable, the time jumps to the next
//! timer: an hour of sleep costs nothing. The wall clock is [`EPOCH_WALL_NS`] plus virtual time.
//!
//! # Rejected
//! * Virtual workers with queues of their own: the orders they allow are a part of those that a
//!   free choice among all runnable tasks allows.
//! * Real I/O: it has no seed. Registering a source is refused.

use std::fmt;
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use mio::Interest;
use mio::event::Source;

use super::pool::next_pool_id;
use super::preempt::{Mode, Preemption};
use super::rng::Rng;
use super::stats::{Counters, PoolStats};
use super::timers::Alarm;
use super::{Context, IoId, Pool, Task, TimerId, Turn};
use crate::wheel::{Expired, Wheel};

/// Virtual time of a turn that gave way by itself.
pub const TURN_NS: u64 = 1_000;

/// Virtual time of one instruction of a turn that did not.
pub const INSTRUCTION_NS: u64 = 10;

/// Virtual time from one attempt to end a turn that cannot end to the next.
pub const HELD_UP_NS: u64 = 100_000;

/// The monotonic clock at the start. Not 0, so that "before the start" is a time too.
pub const START_NS: u64 = 1_000_000_000;

/// The wall clock at the start: 2026-01-01T00:00:00Z.
pub const EPOCH_WALL_NS: i128 = 1_767_225_600_000_000_000;

/// Slices are of 1 to 2^14 instructions, each power of two being equally likely to be the bound:
/// short ones find races, long ones get things done.
const BUDGET_BITS_MAX: usize = 14;

/// See the module.
pub struct SimPool<T> {
    id: usize,
    preemption: Preemption,
    counters: Counters,
    state: Mutex<State<T>>,
}

struct State<T> {
    now_ns: u64,
    runnable: Vec<Arc<T>>,
    wheel: Wheel<Alarm<T>>,
    choices: Rng,
    draws: Rng,
}

impl<T: Task> SimPool<T> {
    /// A pool whose whole run follows from `seed`.
    pub fn new(seed: u64) -> Arc<Self> {
        let choices = Rng::new(seed);
        let draws = Rng::new(choices.next());
        let wheel = Wheel::new(START_NS);
        Arc::new(Self {
            id: next_pool_id(),
            preemption: Preemption::new(Mode::Count(1), None),
            counters: Counters::default(),
            state: Mutex::new(State {
                now_ns: START_NS,
                runnable: Vec::new(),
                wheel,
                choices,
                draws,
            }),
        })
    }

    /// Does one thing: fires the timers that are due, or runs a turn, or jumps to the next timer.
    /// False when there is nothing to do, now or later. Must not be called from a task.
    pub fn step(&self) -> bool {
        if self.fire_timers() {
            return true;
        }
        let Some((task, budget)) = self.choose() else { return self.jump() };
        self.run_turn(task, budget);
        true
    }

    /// Steps until there is nothing to do, now or later; the number of steps. Does not return
    /// while a task wants to run for ever.
    pub fn run_until_idle(&self) -> u64 {
        let mut steps = 0;
        while self.step() {
            steps += 1;
        }
        steps
    }

    /// Steps until the monotonic clock has reached `at_ns` or there is nothing left to do, then
    /// sets the clock to `at_ns` if it is behind.
    pub fn run_until(&self, at_ns: u64) {
        while self.next_event_ns().is_some_and(|next_ns| next_ns < at_ns) && self.step() {}
        let mut state = self.lock();
        state.now_ns = state.now_ns.max(at_ns);
    }

    /// Drops all tasks that are runnable or wait for a timer.
    pub fn clear(&self) {
        loop {
            let mut state = self.lock();
            let now_ns = state.now_ns;
            let runnable = std::mem::take(&mut state.runnable);
            let wheel = std::mem::replace(&mut state.wheel, Wheel::new(now_ns));
            // Dropped without the lock: the drop of a task may wake others.
            drop(state);
            if runnable.is_empty() && wheel.is_empty() {
                return;
            }
        }
    }

    /// Monotonic virtual time in nanoseconds.
    pub fn now_ns(&self) -> u64 {
        self.lock().now_ns
    }

    /// Virtual unix time in nanoseconds.
    pub fn wall_ns(&self) -> i128 {
        EPOCH_WALL_NS + i128::from(self.now_ns() - START_NS)
    }

    /// The time at which the next step takes place.
    fn next_event_ns(&self) -> Option<u64> {
        let state = self.lock();
        if !state.runnable.is_empty() {
            return Some(state.now_ns);
        }
        state.wheel.next_ns().map(|next_ns| next_ns.max(state.now_ns))
    }

    /// The next task and the instructions that it may use.
    fn choose(&self) -> Option<(Arc<T>, u32)> {
        let mut state = self.lock();
        if state.runnable.is_empty() {
            return None;
        }
        let chosen = state.choices.below(state.runnable.len());
        let bound = 1 << state.choices.below(BUDGET_BITS_MAX + 1);
        let budget = 1 + state.choices.below(bound);
        let task = state.runnable.swap_remove(chosen);
        Some((task, u32::try_from(budget).expect("budgets are at most 2^14")))
    }

    fn run_turn(&self, task: Arc<T>, budget: u32) {
        self.counters.turns.add(1);
        self.preemption.set_budget(budget);
        self.preemption.begin_turn();
        let turn = T::run(&task, self);
        self.counters.preemptions.add(u64::from(self.preemption.is_expired()));
        self.preemption.end_turn();
        let mut state = self.lock();
        match turn {
            Turn::Again => {
                state.now_ns += TURN_NS.max(u64::from(budget) * INSTRUCTION_NS);
                state.runnable.push(task);
            }
            Turn::Parked | Turn::Ended => state.now_ns += TURN_NS,
            Turn::Kept => {
                state.now_ns += TURN_NS;
                mem::forget(task);
            }
        }
    }

    /// Sets the clock to the next timer, if there is one.
    fn jump(&self) -> bool {
        let mut state = self.lock();
        let Some(next_ns) = state.wheel.next_ns() else { return false };
        state.now_ns = state.now_ns.max(next_ns);
        drop(state);
        // A wheel may ask to be looked at before its first timer; then nothing fires yet.
        self.fire_timers();
        true
    }

    /// Whether a timer was due.
    fn fire_timers(&self) -> bool {
        let mut due = Vec::new();
        let mut state = self.lock();
        let now_ns = state.now_ns;
        state.wheel.advance(now_ns, &mut due);
        drop(state);
        self.counters.timers_fired.add(due.len() as u64);
        let fired = !due.is_empty();
        for Expired { at_ns, value: Alarm { task, token } } in due {
            T::timer_fired(task, token, at_ns, self);
        }
        fired
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("nothing panics under this lock")
    }
}

impl<T> fmt::Debug for SimPool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimPool").field("id", &self.id).finish_non_exhaustive()
    }
}

impl<T: Task> Pool<T> for SimPool<T> {
    fn id(&self) -> usize {
        self.id
    }

    fn inject(&self, task: Arc<T>) {
        self.lock().runnable.push(task);
    }

    fn stats(&self) -> PoolStats {
        let state = self.lock();
        PoolStats {
            workers: vec![self.counters.read()],
            queued: state.runnable.len(),
            timers: state.wheel.len(),
            ..PoolStats::default()
        }
    }

    fn now_ns(&self) -> u64 {
        self.now_ns()
    }

    fn wall_ns(&self) -> i128 {
        self.wall_ns()
    }

    fn outside(&self) -> &dyn Context<T> {
        self
    }
}

impl<T: Task> Context<T> for SimPool<T> {
    fn pool_id(&self) -> usize {
        self.id
    }

    fn wake(&self, pool: &Arc<dyn Pool<T>>, task: Arc<T>) {
        pool.inject(task);
    }

    fn spawn(&self, pool: &Arc<dyn Pool<T>>, task: Arc<T>) {
        pool.inject(task);
    }

    fn hand_over(&self) {
        self.lock().now_ns += HELD_UP_NS;
        self.fire_timers();
    }

    fn now_ns(&self) -> u64 {
        self.now_ns()
    }

    fn wall_ns(&self) -> i128 {
        self.wall_ns()
    }

    fn random(&self) -> u64 {
        self.lock().draws.next()
    }

    fn insert_timer(&self, task: &Arc<T>, token: u64, at_ns: u64) -> TimerId {
        let alarm = Alarm { task: Arc::clone(task), token };
        TimerId { worker_idx: 0, key: self.lock().wheel.insert(at_ns, alarm) }
    }

    fn cancel_timer(&self, id: TimerId) -> bool {
        let alarm = self.lock().wheel.cancel(id.key);
        alarm.is_some()
    }

    fn register_io(
        &self,
        _source: &mut dyn Source,
        _interest: Interest,
        _task: &Arc<T>,
        _token: u64,
    ) -> io::Result<IoId> {
        let text = "no I/O in the simulator, since it follows no seed";
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }

    fn deregister_io(&self, _source: &mut dyn Source, _id: IoId) -> io::Result<()> {
        Ok(())
    }

    fn preemption(&self) -> &Preemption {
        &self.preemption
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::{START_NS, SimPool};
    use crate::scheduler::fake::FakeTask;
    use crate::scheduler::{Mode, Pool, Turn};

    type Trace = Vec<(usize, u64, Mode)>;

    /// Ten tasks of three turns each, whose order is noted.
    fn trace(seed: u64) -> Trace {
        let sim = SimPool::new(seed);
        let pool: Arc<dyn Pool<FakeTask>> = sim.clone();
        let trace = Arc::new(Mutex::new(Trace::new()));
        for name in 0..10 {
            let (trace, turns) = (Arc::clone(&trace), Mutex::new(0));
            FakeTask::start(&pool, move |_, cx| {
                trace.lock().unwrap().push((name, cx.now_ns(), cx.preemption().mode()));
                let mut turns = turns.lock().unwrap();
                *turns += 1;
                if *turns == 3 { Turn::Ended } else { Turn::Again }
            });
        }
        sim.run_until_idle();
        std::mem::take(&mut trace.lock().unwrap())
    }

    #[test]
    fn the_same_seed_gives_the_same_run() {
        assert_eq!(trace(7).len(), 30);
        assert_eq!(trace(7), trace(7));
    }

    #[test]
    fn different_seeds_give_different_orders() {
        let order = |seed| trace(seed).into_iter().map(|turn| turn.0).collect::<Vec<_>>();
        assert_ne!(order(1), order(2));
    }

    #[test]
    fn time_jumps_to_the_next_timer_and_fires_in_order() {
        let sim = SimPool::new(1);
        let pool: Arc<dyn Pool<FakeTask>> = sim.clone();
        let hour_ns = 3_600_000_000_000;
        let task = FakeTask::start(&pool, move |task, cx| {
            if cx.now_ns() < START_NS + hour_ns && task.fired().is_empty() {
                cx.insert_timer(task, 2, START_NS + 2 * hour_ns);
                cx.insert_timer(task, 1, START_NS + hour_ns);
                let gone = cx.insert_timer(task, 3, START_NS + 1);
                assert!(cx.cancel_timer(gone));
                assert!(!cx.cancel_timer(gone));
            }
            Turn::Parked
        });
        sim.run_until_idle();
        let fired = task.fired();
        assert_eq!(fired.iter().map(|fired| fired.token).collect::<Vec<_>>(), [1, 2]);
        assert!(fired.iter().all(|fired| fired.now_ns >= fired.at_ns));
        assert!(sim.now_ns() < START_NS + 2 * hour_ns + 1_000_000);
    }

    #[test]
    fn a_run_up_to_a_time_goes_no_further() {
        let sim = SimPool::new(1);
        let pool: Arc<dyn Pool<FakeTask>> = sim.clone();
        let task = FakeTask::start(&pool, |task, cx| {
            if task.fired().is_empty() {
                cx.insert_timer(task, 0, START_NS + 10_000_000);
            }
            Turn::Parked
        });
        sim.run_until(START_NS + 5_000_000);
        assert!(task.fired().is_empty());
        assert_eq!(sim.now_ns(), START_NS + 5_000_000);
        sim.run_until(START_NS + 20_000_000);
        assert_eq!(task.fired().len(), 1);
    }

    #[test]
    fn clearing_drops_every_task() {
        let sim = SimPool::new(1);
        let pool: Arc<dyn Pool<FakeTask>> = sim.clone();
        let task = FakeTask::start(&pool, |_, _| Turn::Ended);
        sim.outside().insert_timer(&task, 0, START_NS + 1);
        sim.clear();
        assert_eq!(Arc::strong_count(&task), 1);
        assert!(!sim.step());
    }
}
