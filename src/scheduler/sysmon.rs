//! Watches the workers of a pool: ends turns that outlive their slice, and sees to it that timers
//! and I/O of a worker that is busy are not forgotten. One thread a pool.
//!
//! # Concepts
//! * A **patrol** looks once at each worker and says when the next is due.
//! * A turn **overruns** when the same turn number was seen for a slice or longer. So the worker
//!   reads no clock per turn, and the slice is kept to within one patrol.
//! * A worker is **stuck** when it was asked several times to look at a timer that is due and
//!   still runs the same turn: host code keeps it. Then the watcher fires the timers itself.
//! * A worker is **blocked** when its turn was asked to end for much longer and cannot. Then the
//!   watcher has another worker take its place; when the turn is over after all, there is a worker
//!   too many, which takes no more tasks until it is needed. If the blocked thread has computed for
//!   long, and not waited for a processor, the turn is told so.
//! * Between patrols it goes on with the pool's [survey](super::survey), if that has one.
//!
//! # Invariants
//! * M1: the watcher sleeps without an end only when all workers sleep (I5), and always does so in
//!   the end (V2), so that an idle pool wakes up for nothing.
//! * M2: an overrun is signalled at every patrol until the turn number has changed, since a signal
//!   may come at a moment when nothing can be armed.
//! * M3: no wake-up comes sooner than [`GRACE_NS`] after the one before, however many timers there
//!   are: busy workers look at their timers themselves between turns.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::Task;
use super::clock;
use super::shared::{Remote, Shared};
use super::staff::Staff;
use super::survey::{Rounds, Survey};
use super::timers::{Alarm, NEVER_NS};
use crate::wheel::Expired;

/// The longest time between two patrols while a worker is awake. Bounds how late a timer is that
/// was set within the current turn of a worker that then computes.
const PATROL_NS_MAX: u64 = 1_000_000;

/// The shortest; also what a turn that has just begun gets to end by itself when a timer is due.
const GRACE_NS: u64 = 100_000;

/// Requests that a worker may leave unanswered before it counts as stuck.
const STUCK_REQUESTS: u32 = 4;

/// Requests after which a worker that leaves them unanswered counts as blocked. With slices of a
/// millisecond that is 5 ms after the begin of the turn, so that who waits for the worker waits for
/// less than 10 ms in all.
const BLOCKED_REQUESTS: u32 = 8;
const _: () = assert!(STUCK_REQUESTS < BLOCKED_REQUESTS);

/// What a turn computes, after it was first asked to end, until it is told that it blocks its
/// worker: more than it takes to make the image of a program.
const BLOCKED_CPU_NS: u64 = 50_000_000 * SLOWNESS;

/// How much slower a build is that looks for faults in itself.
const SLOWNESS: u64 = if cfg!(any(asan, tsan)) { 20 } else { 1 };

/// What the watcher waits in.
pub(super) struct Watcher {
    state: Mutex<WatcherState>,
    changed: Condvar,
}

#[derive(Default)]
struct WatcherState {
    woken: bool,
    stopped: bool,
    /// The watcher holds timers that it took from a wheel.
    firing: bool,
}

impl Watcher {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), changed: Condvar::new() }
    }

    /// Ends a wait without an end.
    pub(super) fn wake(&self) {
        self.lock().woken = true;
        self.changed.notify_one();
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_one();
    }

    /// Whether the watcher holds no timer.
    pub(super) fn is_idle(&self) -> bool {
        !self.lock().firing
    }

    /// Waits until it is woken, for at most `at_most` if given.
    fn wait(&self, at_most: Option<Duration>) -> Waited {
        let asleep = |state: &mut WatcherState| !state.woken && !state.stopped;
        let state = self.lock();
        let mut state = match at_most {
            None => self.changed.wait_while(state, asleep).expect(NO_PANIC),
            Some(span) => self.changed.wait_timeout_while(state, span, asleep).expect(NO_PANIC).0,
        };
        let woken = std::mem::take(&mut state.woken);
        match (state.stopped, woken) {
            (true, _) => Waited::Stopped,
            (false, true) => Waited::Woken,
            (false, false) => Waited::Elapsed,
        }
    }

    fn lock(&self) -> MutexGuard<'_, WatcherState> {
        self.state.lock().expect(NO_PANIC)
    }
}

/// What ended a wait of the watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    Stopped,
    Woken,
    Elapsed,
}

const NO_PANIC: &str = "nothing panics under this lock";

/// What is remembered about one worker from patrol to patrol.
#[derive(Debug, Default, Clone)]
struct Watch {
    /// The turn seen last, and when it was first seen.
    turn: Option<u64>,
    since_ns: u64,
    /// Requests to end that this turn has left unanswered.
    requests: u32,
    /// Processor time of the worker's thread at the first of them.
    cpu_ns: Option<u64>,
    /// Whether the turn was told that it blocks its worker.
    told: bool,
}

/// What one look at a worker calls for.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// No turn runs; the worker looks after itself.
    Fine,
    /// A turn runs within its slice.
    Running,
    /// A timer is due, but the turn has just begun and may end by itself.
    TimerDue,
    /// The turn has to end. `first` when it was not asked to before.
    Overrun { turn: u64, first: bool },
    /// A timer is due and the worker does not answer.
    Stuck { turn: u64 },
}

impl Watch {
    fn look(&mut self, turn: Option<u64>, due_ns: u64, now_ns: u64, slice_ns: u64) -> Verdict {
        let seen_before = turn == self.turn;
        if !seen_before {
            *self = Self { turn, since_ns: now_ns, ..Self::default() };
        }
        let Some(turn) = turn else { return Verdict::Fine };
        let timer_due = due_ns <= now_ns;
        if !seen_before {
            return if timer_due { Verdict::TimerDue } else { Verdict::Running };
        }
        if !timer_due && now_ns - self.since_ns < slice_ns {
            return Verdict::Running;
        }
        self.requests += 1;
        if timer_due && self.requests > STUCK_REQUESTS {
            return Verdict::Stuck { turn };
        }
        Verdict::Overrun { turn, first: self.requests == 1 }
    }

    fn is_blocked(&self) -> bool {
        self.requests >= BLOCKED_REQUESTS
    }
}

/// The life of the watching thread, until it is stopped.
pub(super) fn run<T: Task>(shared: &Arc<Shared<T>>, survey: Option<Box<dyn Survey<T>>>) {
    let patrol_ns = (shared.config.slice_ns / 2).clamp(GRACE_NS, PATROL_NS_MAX);
    let mut watches = vec![Watch::default(); shared.workers.len()];
    let mut rounds = survey.map(Rounds::new);
    let mut due = Vec::new();
    let mut waited = Waited::Woken;
    while waited != Waited::Stopped {
        let all_sleep = shared.idle.watcher_sleeps();
        if let Some(rounds) = &mut rounds {
            if !all_sleep || waited == Waited::Woken {
                rounds.disturb();
            }
            rounds.go_on(&**shared);
        }
        let now_ns = clock::monotonic_ns();
        if all_sleep {
            let owed_ns = rounds.as_ref().and_then(Rounds::owed_ns);
            let pause_ns = owed_ns.map(|at_ns| at_ns.saturating_sub(now_ns).max(GRACE_NS));
            waited = shared.watcher.wait(pause_ns.map(Duration::from_nanos));
            continue;
        }
        let next_ns = patrol(shared, &mut watches, now_ns, &mut due).min(now_ns + patrol_ns);
        balance(shared, &watches);
        let pause_ns = (next_ns - now_ns).max(GRACE_NS);
        waited = shared.watcher.wait(Some(Duration::from_nanos(pause_ns)));
    }
}

/// Looks at each worker and does what it calls for. Says when to come again at the latest.
fn patrol<T: Task>(
    shared: &Shared<T>,
    watches: &mut [Watch],
    now_ns: u64,
    due: &mut Vec<Expired<Alarm<T>>>,
) -> u64 {
    shared.watcher_counters.patrols.add(1);
    let mut next_ns = NEVER_NS;
    for (worker, watch) in shared.workers.iter().zip(watches) {
        let due_ns = worker.timers.next_ns();
        let turn = worker.preemption.running_turn();
        let verdict = watch.look(turn, due_ns, now_ns, shared.config.slice_ns);
        next_ns = next_ns.min(next_look_ns(&verdict, due_ns, now_ns));
        if let Verdict::Stuck { .. } = verdict {
            fire_timers(shared, worker, now_ns, due);
        }
        act(worker, &verdict);
        tell_blocked(worker, watch);
    }
    next_ns
}

fn tell_blocked<T>(worker: &Remote<T>, watch: &mut Watch) {
    let Some(turn) = watch.turn.filter(|_| watch.requests > 0 && !watch.told) else { return };
    if watch.requests == 1 {
        watch.cpu_ns = worker.preemption.thread_cpu_ns();
    } else if watch.is_blocked() {
        let spent = worker.preemption.thread_cpu_ns().zip(watch.cpu_ns);
        // Where nobody can tell, the time that has passed must do.
        if spent.is_none_or(|(now, then)| now.saturating_sub(then) >= BLOCKED_CPU_NS) {
            watch.told = true;
            worker.preemption.block(turn);
            worker.counters.blocked.add(1);
        }
    }
}

/// Sees to it that as many workers take tasks as were configured, whoever is blocked.
fn balance<T: Task>(shared: &Arc<Shared<T>>, watches: &[Watch]) {
    let is_spare = |idx: usize| shared.workers[idx].is_spare();
    let free = || (0..shared.idle.workers()).rev().filter(|&idx| !watches[idx].is_blocked());
    let n_active = free().filter(|&idx| !is_spare(idx)).count();
    if n_active > shared.config.workers {
        if let Some(one_too_many) = free().find(|&idx| !is_spare(idx)) {
            shared.set_spare(one_too_many, true);
        }
    } else if n_active < shared.config.workers {
        if let Some(spare) = free().find(|&idx| is_spare(idx)) {
            shared.set_spare(spare, false);
        } else if shared.has_work() && !shared.idle.any_sleeps() {
            start_worker(shared);
        }
    }
}

fn start_worker<T: Task>(shared: &Arc<Shared<T>>) {
    if let Err(error) = Staff::start_worker(shared) {
        tracing::warn!("cannot start a worker in place of a blocked one: {error}");
    }
}

/// When a worker has to be looked at again, if sooner than at the next patrol.
fn next_look_ns(verdict: &Verdict, due_ns: u64, now_ns: u64) -> u64 {
    match verdict {
        Verdict::Running => due_ns,
        Verdict::TimerDue => now_ns + GRACE_NS,
        Verdict::Fine | Verdict::Overrun { .. } | Verdict::Stuck { .. } => NEVER_NS,
    }
}

fn act<T>(worker: &Remote<T>, verdict: &Verdict) {
    match *verdict {
        Verdict::Fine => return,
        Verdict::Running | Verdict::TimerDue => {}
        Verdict::Overrun { turn, first } => {
            worker.counters.preemptions.add(u64::from(first));
            worker.preemption.expire(turn);
            worker.preemption.signal();
        }
        Verdict::Stuck { turn } => {
            worker.preemption.expire(turn);
            worker.preemption.signal();
        }
    }
    // After the turn the worker serves its timers and I/O, which wait since before it.
    worker.ask_attention();
}

/// Does for a stuck worker what it would do itself.
fn fire_timers<T: Task>(
    shared: &Shared<T>,
    worker: &Remote<T>,
    now_ns: u64,
    due: &mut Vec<Expired<Alarm<T>>>,
) {
    shared.watcher.lock().firing = true;
    worker.timers.take_due(now_ns, due);
    shared.watcher_counters.timers_fired.add(due.len() as u64);
    for Expired { at_ns, value: Alarm { task, token } } in due.drain(..) {
        T::timer_fired(task, token, at_ns, shared);
    }
    shared.watcher.lock().firing = false;
}

#[cfg(test)]
mod tests {
    use super::{NEVER_NS, STUCK_REQUESTS, Verdict, Watch};

    const SLICE_NS: u64 = 1_000;

    #[test]
    fn a_turn_overruns_when_it_was_seen_for_a_slice() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(Some(1), NEVER_NS, 0, SLICE_NS), Verdict::Running);
        assert_eq!(watch.look(Some(1), NEVER_NS, 999, SLICE_NS), Verdict::Running);
        let overrun = |first| Verdict::Overrun { turn: 1, first };
        assert_eq!(watch.look(Some(1), NEVER_NS, 1_000, SLICE_NS), overrun(true));
        assert_eq!(watch.look(Some(1), NEVER_NS, 1_100, SLICE_NS), overrun(false));
        assert_eq!(watch.look(Some(3), NEVER_NS, 1_200, SLICE_NS), Verdict::Running);
    }

    #[test]
    fn a_worker_between_turns_is_fine_however_long() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(None, 0, 0, SLICE_NS), Verdict::Fine);
        assert_eq!(watch.look(None, 0, 1_000_000, SLICE_NS), Verdict::Fine);
    }

    #[test]
    fn a_due_timer_ends_a_turn_within_its_slice() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(Some(1), 5, 10, SLICE_NS), Verdict::TimerDue);
        let overrun = Verdict::Overrun { turn: 1, first: true };
        assert_eq!(watch.look(Some(1), 5, 20, SLICE_NS), overrun);
    }

    #[test]
    fn a_turn_that_leaves_requests_unanswered_is_stuck() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(Some(1), 0, 0, SLICE_NS), Verdict::TimerDue);
        for _ in 0..STUCK_REQUESTS {
            assert!(matches!(watch.look(Some(1), 0, 1, SLICE_NS), Verdict::Overrun { .. }));
        }
        assert_eq!(watch.look(Some(1), 0, 2, SLICE_NS), Verdict::Stuck { turn: 1 });
    }
}
