//! Who sleeps, who searches: decides which worker to wake when work appears, if any.
//!
//! # Concepts
//! * A worker **sleeps** from announcing it until it leaves the list of sleepers. It may still be
//!   on its way into the reactor, or out of it.
//! * A worker **searches** while it looks for work of others. At most half of the workers start
//!   to, so that they do not wear out the queues of the few that are busy.
//! * A sleeper is **claimed** by taking it out of the list; who claims it must unpark it. A
//!   claimed worker counts as searching from that moment, so one burst of work claims one worker.
//! * A **spare** worker takes no tasks, since there are enough without it. It sleeps as well, but
//!   nobody claims it.
//! * The **watcher** is the thread that looks for overruns. It sleeps while all workers do.
//!
//! # State word
//! ```text
//! bit  0..16   workers that search
//! bit 16..32   workers that sleep (changes only under the lock of the list)
//! bit 32       the watcher sleeps
//! bit 33       the pool is closed (never unset)
//! bit 34..50   spare workers that sleep
//! ```
//!
//! # Invariants
//! * I1: a worker is in the list exactly while it is counted as sleeping.
//! * I2: work is visible in a queue before `claim` is called for it. A batch that moves is in no
//!   queue for a moment, so whoever moved it calls `claim` again, or `found` if it was searching.
//! * I3: a worker looks through all queues after announcing its sleep, before it blocks.
//! * I4: the last searcher that finds work claims another sleeper, so the wake-ups go on as long
//!   as there is work and somebody to do it.
//! * I5: the watcher goes to sleep only when all workers sleep, and the first worker that gets up
//!   learns of it.
//!
//! # Protocol
//! ```text
//! who has work to give away            worker without work
//! G1 push the task                     W1 add itself to the list, sleeping + 1 (searching - 1)
//! G2 fence(SeqCst)                     W2 fence(SeqCst)
//! G3 read the state: nobody searches,  W3 look at every queue: work? then out of the list and
//!    somebody sleeps? else done           search; none? block in `Parker::park`
//! G4 claim a sleeper, unpark it        W4 leave the list, unless claimed: then search
//! ```
//!
//! # Lost wake-up
//! Suppose a task was pushed and all workers sleep. Order the two fences.
//! * G2 before W2 of some worker: W3 of that worker sees the task (I3). It does not block.
//! * W2 of every worker before G2: G3 sees what W1 wrote, that all sleep, and claims one (G4).
//! * G3 saw a searcher X instead: X had not reached its own W1, or left the search with work. In
//!   the first case X's W2 comes after G2 and X sees the task; in the second X was not the last
//!   searcher, and the same holds for the one that was left, or X claimed another (I4).
//!
//! # Ordering
//! The fences of G2 and W2 are the whole proof; a store buffer may otherwise hold the push back
//! until after G3. Changes of the word are read-modify-write, so none is lost.
//!
//! # Sources
//! The shape (searching workers, one wake-up at a time) is that of the Go and Tokio schedulers.

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

const SEARCHING: u64 = 1;
const SLEEPING: u64 = 1 << 16;
const WATCHER_SLEEPS: u64 = 1 << 32;
const CLOSED: u64 = 1 << 33;
const SPARE: u64 = 1 << 34;
const COUNT_MASK: u64 = (1 << 16) - 1;

/// The most workers that can be told apart, by the width of the counts.
pub(super) const SEATS_MAX: usize = COUNT_MASK as usize;

/// See the module.
#[derive(Debug)]
pub(super) struct Idle {
    state: AtomicU64,
    /// The workers that sleep; the one that fell asleep last is woken first, its caches are warm.
    sleepers: Mutex<Vec<usize>>,
    /// Workers that have a thread. Once the pool has started only the watcher changes it, and it
    /// only grows.
    workers: AtomicUsize,
}

/// Proof that the worker which holds it is counted as searching.
#[must_use = "a worker that is counted as searching for ever keeps others asleep"]
#[derive(Debug)]
pub(super) struct Searching(());

/// One reading of the state word.
#[derive(Debug, Clone, Copy)]
struct State(u64);

impl State {
    fn searching(self) -> usize {
        (self.0 & COUNT_MASK) as usize
    }

    fn sleeping(self) -> usize {
        ((self.0 / SLEEPING) & COUNT_MASK) as usize
    }

    fn spare(self) -> usize {
        ((self.0 / SPARE) & COUNT_MASK) as usize
    }

    fn has(self, bit: u64) -> bool {
        self.0 & bit != 0
    }
}

impl Idle {
    /// No worker yet, room for `seats` of them.
    pub(super) fn new(seats: usize) -> Self {
        assert!(seats <= SEATS_MAX, "the counts would run over");
        let sleepers = Mutex::new(Vec::with_capacity(seats));
        Self { state: AtomicU64::new(0), sleepers, workers: AtomicUsize::new(0) }
    }

    /// One more worker, which is awake. To be called before its thread runs.
    pub(super) fn add_worker(&self) {
        self.workers.fetch_add(1, Ordering::Relaxed);
    }

    /// The thread of a worker that was added could not be started.
    pub(super) fn remove_worker(&self) {
        self.workers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Workers that have a thread.
    pub(super) fn workers(&self) -> usize {
        // Relaxed: the start of its thread makes the count known to each worker.
        self.workers.load(Ordering::Relaxed)
    }

    /// To be called after work was made visible (G2 to G4): the worker that must be unparked.
    pub(super) fn claim(&self) -> Option<usize> {
        // Pairs with the fence in `sleep`.
        fence(Ordering::SeqCst);
        if !self.wants_searcher() {
            return None;
        }
        let mut sleepers = self.lock();
        if !self.wants_searcher() {
            return None;
        }
        let worker = sleepers.pop()?;
        // Release: the watcher's bit is read by the claimed worker after the unpark.
        self.state.fetch_add(SEARCHING.wrapping_sub(SLEEPING), Ordering::AcqRel);
        Some(worker)
    }

    fn wants_searcher(&self) -> bool {
        let state = self.load();
        state.searching() == 0 && state.sleeping() > 0
    }

    /// Begins a search, unless enough workers search already.
    pub(super) fn start_search(&self) -> Option<Searching> {
        if self.load().searching() * 2 >= self.workers() {
            return None;
        }
        // Two that pass the check at once overshoot the limit by one, which is harmless.
        self.state.fetch_add(SEARCHING, Ordering::AcqRel);
        Some(Searching(()))
    }

    /// Ends a search that found work (I4): the worker that must be unparked to go on searching.
    pub(super) fn found(&self, searching: Searching) -> Option<usize> {
        let Searching(()) = searching;
        let before = State(self.state.fetch_sub(SEARCHING, Ordering::AcqRel));
        if before.searching() == 1 { self.claim() } else { None }
    }

    /// Announces that `worker` goes to sleep (W1, W2). It must look through all queues next (I3).
    pub(super) fn sleep(&self, worker: usize, searching: Option<Searching>) {
        let ended = if searching.is_some() { SEARCHING } else { 0 };
        let mut sleepers = self.lock();
        sleepers.push(worker);
        self.state.fetch_add(SLEEPING.wrapping_sub(ended), Ordering::AcqRel);
        drop(sleepers);
        // Pairs with the fence in `claim`.
        fence(Ordering::SeqCst);
    }

    /// `worker` found work after its announcement (W3): it gets up to search for it.
    pub(super) fn cancel_sleep(&self, worker: usize) -> Searching {
        self.leave(worker, SEARCHING).unwrap_or(Searching(()))
    }

    /// `worker` is out of its reactor (W4). It must search if it was claimed.
    pub(super) fn awake(&self, worker: usize) -> Option<Searching> {
        self.leave(worker, 0)
    }

    /// Takes `worker` out of the list and adds `begun` to the state. Some when there was no need
    /// to, since a claim had done it, or when it is now counted as searching.
    fn leave(&self, worker: usize, begun: u64) -> Option<Searching> {
        let mut sleepers = self.lock();
        let Some(place) = sleepers.iter().position(|&sleeper| sleeper == worker) else {
            return Some(Searching(()));
        };
        sleepers.swap_remove(place);
        self.state.fetch_add(begun.wrapping_sub(SLEEPING), Ordering::AcqRel);
        (begun == SEARCHING).then_some(Searching(()))
    }

    /// A spare worker goes to sleep.
    pub(super) fn spare_sleeps(&self) {
        self.state.fetch_add(SPARE, Ordering::AcqRel);
    }

    /// It is out of its reactor.
    pub(super) fn spare_awake(&self) {
        self.state.fetch_sub(SPARE, Ordering::AcqRel);
    }

    /// Whether every worker sleeps.
    pub(super) fn all_sleep(&self) -> bool {
        self.do_all_sleep(self.load())
    }

    fn do_all_sleep(&self, state: State) -> bool {
        state.sleeping() + state.spare() == self.workers()
    }

    /// Whether some worker sleeps.
    pub(super) fn any_sleeps(&self) -> bool {
        self.load().sleeping() > 0
    }

    /// Notes that the watcher goes to sleep; false when a worker is awake (I5).
    pub(super) fn watcher_sleeps(&self) -> bool {
        let state = self.load();
        self.do_all_sleep(state)
            && self
                .state
                .compare_exchange(
                    state.0,
                    state.0 | WATCHER_SLEEPS,
                    // Release and Acquire: in one line with the changes of the workers.
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    #[cfg(test)]
    #[cfg(not(loom))]
    pub(super) fn watcher_is_asleep(&self) -> bool {
        self.load().has(WATCHER_SLEEPS)
    }

    /// For a worker that got up: whether it must wake the watcher (I5). True for one only.
    pub(super) fn rouse_watcher(&self) -> bool {
        // The worker, or its claimer, has changed the word since; a watcher that slept before that
        // is seen here, one that comes later sees the change and does not sleep.
        self.load().has(WATCHER_SLEEPS)
            && State(self.state.fetch_and(!WATCHER_SLEEPS, Ordering::AcqRel)).has(WATCHER_SLEEPS)
    }

    /// Closes the pool: from now on nobody will look at the injector.
    pub(super) fn close(&self) {
        self.state.fetch_or(CLOSED, Ordering::AcqRel);
        // Pairs with the fence in `claim`: who injects either sees the pool closed or its task is
        // seen by the thread that closed it.
        fence(Ordering::SeqCst);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.load().has(CLOSED)
    }

    fn load(&self) -> State {
        // Acquire: pairs with the Release half of every change, see `rouse_watcher`.
        State(self.state.load(Ordering::Acquire))
    }

    fn lock(&self) -> crate::sync::MutexGuard<'_, Vec<usize>> {
        self.sleepers.lock().expect("nothing panics under this lock")
    }
}
