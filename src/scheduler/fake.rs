//! A task for tests: a state word as simple as can be, and a closure for a turn.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use super::{Context, Patience, Pool, Readiness, Task, Turn};

const PARKED: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
/// Running, and woken since the turn began.
const WOKEN: u8 = 3;
const ENDED: u8 = 4;

/// Keys of the tasks that were put to rest, of all tests.
pub(super) static RESTED: LazyLock<Arc<Mutex<Vec<u64>>>> = LazyLock::new(Arc::default);

type Body = dyn Fn(&Arc<FakeTask>, &dyn Context<FakeTask>) -> Turn + Send + Sync;

pub(super) struct FakeTask {
    key: u64,
    state: AtomicU8,
    pool: Arc<dyn Pool<FakeTask>>,
    body: Box<Body>,
    fired: Mutex<Vec<Fired>>,
    ready: Mutex<Vec<(u64, Readiness)>>,
}

/// A timer that fired.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fired {
    pub(super) token: u64,
    pub(super) at_ns: u64,
    pub(super) now_ns: u64,
}

impl FakeTask {
    /// A parked task.
    pub(super) fn new(
        pool: &Arc<dyn Pool<Self>>,
        body: impl Fn(&Arc<Self>, &dyn Context<Self>) -> Turn + Send + Sync + 'static,
    ) -> Arc<Self> {
        static NEXT_KEY: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self {
            key: NEXT_KEY.fetch_add(1, Ordering::Relaxed),
            state: AtomicU8::new(PARKED),
            pool: Arc::clone(pool),
            body: Box::new(body),
            fired: Mutex::default(),
            ready: Mutex::default(),
        })
    }

    /// A task that was woken from outside.
    pub(super) fn start(
        pool: &Arc<dyn Pool<Self>>,
        body: impl Fn(&Arc<Self>, &dyn Context<Self>) -> Turn + Send + Sync + 'static,
    ) -> Arc<Self> {
        let task = Self::new(pool, body);
        task.wake(pool.outside());
        task
    }

    pub(super) fn pool(&self) -> &Arc<dyn Pool<Self>> {
        &self.pool
    }

    /// Has the task run at least once more.
    pub(super) fn wake(self: &Arc<Self>, cx: &dyn Context<Self>) {
        let woken =
            self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| match state {
                PARKED => Some(QUEUED),
                RUNNING => Some(WOKEN),
                _ => None,
            });
        if woken == Ok(PARKED) {
            cx.wake(&self.pool, Arc::clone(self));
        }
    }

    /// Has a task that was parked ever since it was made run as a newborn.
    pub(super) fn spawn(self: Arc<Self>, cx: &dyn Context<Self>) {
        self.state.store(QUEUED, Ordering::Relaxed);
        let pool = Arc::clone(&self.pool);
        cx.spawn(&pool, self);
    }

    pub(super) fn fired(&self) -> Vec<Fired> {
        self.fired.lock().unwrap().clone()
    }

    pub(super) fn ready(&self) -> Vec<(u64, Readiness)> {
        self.ready.lock().unwrap().clone()
    }
}

impl Task for FakeTask {
    fn run(task: &Arc<Self>, cx: &dyn Context<Self>) -> Turn {
        let before = task.state.swap(RUNNING, Ordering::AcqRel);
        assert_eq!(before, QUEUED, "a task runs once for each time that it is queued");
        match (task.body)(task, cx) {
            Turn::Again => {
                task.state.store(QUEUED, Ordering::Release);
                Turn::Again
            }
            Turn::Ended => {
                task.state.store(ENDED, Ordering::Release);
                Turn::Ended
            }
            Turn::Parked | Turn::Kept => {
                let parked = task.state.compare_exchange(
                    RUNNING,
                    PARKED,
                    Ordering::AcqRel,
                    Ordering::Acquire,
                );
                if parked.is_ok() {
                    return Turn::Parked;
                }
                task.state.store(QUEUED, Ordering::Release);
                Turn::Again
            }
        }
    }

    fn timer_fired(task: Arc<Self>, token: u64, at_ns: u64, cx: &dyn Context<Self>) {
        task.fired.lock().unwrap().push(Fired { token, at_ns, now_ns: cx.now_ns() });
        task.wake(cx);
    }

    fn io_ready(task: Arc<Self>, token: u64, ready: Readiness, cx: &dyn Context<Self>) {
        task.ready.lock().unwrap().push((token, ready));
        task.wake(cx);
    }

    type Register = Mutex<Vec<u64>>;

    fn register(&self) -> &Arc<Self::Register> {
        &RESTED
    }

    fn key(&self) -> u64 {
        self.key
    }

    fn rest(
        rested: &Self::Register,
        keys: &mut Vec<u64>,
        _: &dyn Context<Self>,
    ) -> Vec<(u64, Patience)> {
        rested.lock().unwrap().append(keys);
        Vec::new()
    }
}
