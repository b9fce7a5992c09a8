//! The laws of a real pool, by fake tasks on real threads. Nothing here depends on how long
//! something takes; a wait that does not end shows as a test that hangs.
#![expect(unsafe_code, reason = "an arm function takes a raw target")]

use std::ffi::c_void;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use super::fake::{FakeTask, RESTED};
use super::{
    Arm, Context, Mode, Patience, Pool, PoolConfig, STACK_BYTES_MIN, Survey, Task, ThreadPool, Turn,
};

type DynPool = Arc<dyn Pool<FakeTask>>;

fn config(workers: usize) -> PoolConfig {
    PoolConfig {
        name: "test".to_owned(),
        workers,
        slice_ns: 1_000_000,
        preempt_arm: None,
        when_idle: None,
        rest_after_ns: None,
        mode: Mode::Count(1),
        thread_stack_bytes: STACK_BYTES_MIN,
    }
}

/// A pool that is shut down at the end of the test, since tasks and pool hold each other.
struct TestPool(Arc<ThreadPool<FakeTask>>);

impl TestPool {
    fn start(config: PoolConfig) -> Self {
        Self(ThreadPool::start(config).unwrap())
    }

    fn as_dyn(&self) -> DynPool {
        self.0.clone()
    }

    fn wait_until_quiet(&self) {
        while !self.0.is_quiet() {
            thread::yield_now();
        }
    }

    fn wait_until_asleep(&self) {
        while !self.0.watcher_sleeps() {
            thread::yield_now();
        }
    }

    /// A wake-up that is still on its way may come once more; what comes for ever fails here.
    fn wait_until_nothing_happens(&self) {
        loop {
            self.wait_until_quiet();
            self.wait_until_asleep();
            let before = self.0.stats();
            thread::sleep(Duration::from_millis(5));
            if self.0.stats() == before {
                break;
            }
        }
    }
}

impl Drop for TestPool {
    fn drop(&mut self) {
        self.0.shutdown();
    }
}

fn signal() -> (Sender<()>, Receiver<()>) {
    channel()
}

#[test]
fn every_injected_task_runs_once() {
    let test = TestPool::start(config(4));
    let pool = test.as_dyn();
    let runs = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    let runs = Arc::clone(&runs);
                    FakeTask::start(&pool, move |_, _| {
                        runs.fetch_add(1, Ordering::Relaxed);
                        Turn::Ended
                    });
                }
            });
        }
    });
    test.wait_until_quiet();
    assert_eq!(runs.load(Ordering::Relaxed), 3_000);
    assert_eq!(pool.stats().total().turns, 3_000);
}

/// Each sender notes a request and wakes the task; the task answers all it finds and parks. A lost
/// wake-up leaves a request without an answer.
#[test]
fn no_wake_up_is_lost_in_a_storm() {
    const WAKES: u64 = 5_000;
    let test = TestPool::start(config(3));
    let pool = test.as_dyn();
    let requests = Arc::new(AtomicU64::new(0));
    let answers = Arc::new(AtomicU64::new(0));
    let task = {
        let (requests, answers) = (Arc::clone(&requests), Arc::clone(&answers));
        FakeTask::new(&pool, move |_, _| {
            answers.store(requests.load(Ordering::Acquire), Ordering::Release);
            Turn::Parked
        })
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..WAKES {
                    let mine = requests.fetch_add(1, Ordering::AcqRel) + 1;
                    task.wake(pool.outside());
                    // Now and then wait, so that the pool falls asleep in between.
                    while mine.is_multiple_of(16) && answers.load(Ordering::Acquire) < mine {
                        thread::yield_now();
                    }
                }
            });
        }
    });
    test.wait_until_quiet();
    assert_eq!(answers.load(Ordering::Acquire), 3 * WAKES);
}

/// Tells how often a task had run when a piece was looked at; three pieces are a round.
struct Counts {
    runs: Arc<AtomicUsize>,
    tell: Sender<usize>,
    n_pieces: usize,
}

impl Survey<FakeTask> for Counts {
    fn piece(&mut self, _: &dyn Context<FakeTask>) -> bool {
        let _ = self.tell.send(self.runs.load(Ordering::Relaxed));
        self.n_pieces += 1;
        self.n_pieces.is_multiple_of(3)
    }
}

#[test]
fn a_survey_sees_all_that_happened_before_the_pool_fell_asleep() {
    let runs = Arc::new(AtomicUsize::new(0));
    let (tell, told) = channel();
    let survey = Counts { runs: Arc::clone(&runs), tell, n_pieces: 0 };
    let pool = ThreadPool::start_with(config(2), Some(Box::new(survey))).unwrap();
    let test = TestPool(pool);
    for n in 1..=3 {
        test.wait_until_asleep();
        let runs = Arc::clone(&runs);
        FakeTask::start(&test.as_dyn(), move |_, _| {
            runs.fetch_add(1, Ordering::Relaxed);
            Turn::Ended
        });
        // A whole round at least.
        assert_eq!(told.iter().filter(|seen| *seen == n).take(3).count(), 3);
    }
    // With the rounds that are owed it comes to an end.
    test.wait_until_nothing_happens();
}

#[test]
fn a_survey_goes_on_beside_a_turn_that_does_not_end() {
    let (tell, told) = channel();
    let survey = Counts { runs: Arc::default(), tell, n_pieces: 0 };
    let pool = ThreadPool::start_with(config(1), Some(Box::new(survey))).unwrap();
    let test = TestPool(pool);
    let (end, ended) = signal();
    let ended = std::sync::Mutex::new(ended);
    FakeTask::start(&test.as_dyn(), move |_, _| {
        ended.lock().unwrap().recv().unwrap();
        Turn::Ended
    });
    assert_eq!(told.iter().take(7).count(), 7);
    end.send(()).unwrap();
    test.wait_until_quiet();
}

/// H19: two tasks that wake each other for ever, on one worker.
#[test]
fn a_pair_that_wakes_each_other_does_not_starve_a_third() {
    let test = TestPool::start(config(1));
    let pool = test.as_dyn();
    let peers: Arc<Mutex<Vec<Arc<FakeTask>>>> = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));
    for me in 0..2 {
        let (seen, stop) = (Arc::clone(&peers), Arc::clone(&stop));
        let task = FakeTask::new(&pool, move |_, cx| {
            if stop.load(Ordering::Relaxed) {
                return Turn::Ended;
            }
            let peer = seen.lock().unwrap().get(1 - me).cloned();
            peer.expect("both peers are there").wake(cx);
            Turn::Parked
        });
        peers.lock().unwrap().push(task);
    }
    let first = Arc::clone(&peers.lock().unwrap()[0]);
    let (done, third_ran) = signal();
    // The third sits in the worker's queue when the game begins.
    FakeTask::start(&pool, move |task, cx| {
        let done = done.clone();
        let third = FakeTask::new(task.pool(), move |_, _| {
            done.send(()).unwrap();
            Turn::Ended
        });
        first.wake(cx);
        third.wake(cx);
        first.wake(cx);
        Turn::Ended
    });
    third_ran.recv().unwrap();
    stop.store(true, Ordering::Relaxed);
    assert!(pool.stats().total().turns > 0);
    test.wait_until_quiet();
    peers.lock().unwrap().clear();
}

/// All tasks meet at a barrier, so each needs a worker of its own, yet one worker spawns them all.
#[test]
fn workers_steal_from_each_other() {
    const WORKERS: usize = 4;
    let test = TestPool::start(config(WORKERS));
    let pool = test.as_dyn();
    let barrier = Arc::new(Barrier::new(WORKERS));
    let (done, met) = signal();
    FakeTask::start(&pool, move |task, cx| {
        for _ in 1..WORKERS {
            let (barrier, done) = (Arc::clone(&barrier), done.clone());
            let peer = FakeTask::new(task.pool(), move |_, _| {
                barrier.wait();
                done.send(()).unwrap();
                Turn::Ended
            });
            // Out of the slot and into the queue, where thieves find it.
            peer.wake(cx);
            cx.hand_over();
        }
        barrier.wait();
        Turn::Ended
    });
    for _ in 1..WORKERS {
        met.recv().unwrap();
    }
    assert!(pool.stats().total().steals > 0);
}

#[test]
fn each_timer_fires_once_and_never_early() {
    let test = TestPool::start(config(2));
    let pool = test.as_dyn();
    let (done, all_fired) = signal();
    let begun = AtomicBool::new(false);
    let task = FakeTask::start(&pool, move |task, cx| {
        if !begun.swap(true, Ordering::Relaxed) {
            let now_ns = cx.now_ns();
            for token in (0..20).rev() {
                cx.insert_timer(task, token, now_ns + token * 100_000);
            }
        }
        if task.fired().len() == 20 {
            done.send(()).unwrap();
            return Turn::Ended;
        }
        Turn::Parked
    });
    all_fired.recv().unwrap();
    let mut fired = task.fired();
    // In order too, but for those that the watcher fires beside a worker that the system holds up.
    fired.sort_by_key(|fired| fired.token);
    assert!(fired.iter().map(|fired| fired.token).eq(0..20));
    assert!(fired.iter().all(|fired| fired.now_ns >= fired.at_ns));
    test.wait_until_quiet();
    assert_eq!(pool.stats().total().timers_fired, 20);
}

#[test]
fn a_timer_from_outside_wakes_a_pool_that_sleeps() {
    let test = TestPool::start(config(2));
    let pool = test.as_dyn();
    test.wait_until_quiet();
    let (done, fired) = signal();
    let task = FakeTask::new(&pool, move |_, _| {
        done.send(()).unwrap();
        Turn::Ended
    });
    pool.outside().insert_timer(&task, 0, pool.now_ns() + 1_000_000);
    fired.recv().unwrap();
    assert_eq!(task.fired().len(), 1);
}

#[test]
fn a_timer_can_be_cancelled_from_another_thread_and_is_freed_at_once() {
    let test = TestPool::start(config(2));
    let pool = test.as_dyn();
    let (send_id, id) = channel();
    let task = FakeTask::start(&pool, move |task, cx| {
        send_id.send(cx.insert_timer(task, 0, u64::MAX / 2)).unwrap();
        Turn::Parked
    });
    let id = id.recv().unwrap();
    assert_eq!(pool.stats().timers, 1);
    assert!(!test.0.is_quiet());
    assert!(pool.outside().cancel_timer(id));
    assert!(!pool.outside().cancel_timer(id));
    test.wait_until_quiet();
    assert_eq!(Arc::strong_count(&task), 1);
    assert!(task.fired().is_empty());
}

#[test]
fn shutdown_joins_and_drops_what_is_queued() {
    let test = TestPool::start(config(2));
    let pool = test.as_dyn();
    let parked = FakeTask::new(&pool, |_, _| Turn::Parked);
    pool.outside().insert_timer(&parked, 0, u64::MAX / 2);
    let (mut near, mut far) = mio::net::UnixStream::pair().unwrap();
    let _id = pool.outside().register_io(&mut near, mio::Interest::READABLE, &parked, 0).unwrap();
    let busy: Vec<_> = (0..50).map(|_| FakeTask::start(&pool, |_, _| Turn::Again)).collect();
    test.0.shutdown();
    assert_eq!(Arc::strong_count(&parked), 1);
    assert!(busy.iter().all(|task| Arc::strong_count(task) == 1));

    let late = FakeTask::start(&pool, |_, _| Turn::Ended);
    assert_eq!(Arc::strong_count(&late), 1);
    pool.outside().insert_timer(&late, 0, 0);
    assert!(pool.outside().register_io(&mut far, mio::Interest::WRITABLE, &late, 0).is_err());
    assert_eq!(Arc::strong_count(&late), 1);
}

/// As when it drops the last handle.
#[test]
fn a_task_may_shut_its_own_pool_down() {
    let (done, dropped) = signal();
    let test = ThreadPool::start(config(2)).unwrap();
    let pool: DynPool = test.clone();
    let (send_handle, handle) = channel::<Arc<ThreadPool<FakeTask>>>();
    let handle = Mutex::new(handle);
    FakeTask::start(&pool, move |_, _| {
        let pool = handle.lock().unwrap().recv().unwrap();
        pool.shutdown();
        pool.shutdown();
        done.send(()).unwrap();
        Turn::Ended
    });
    send_handle.send(test).unwrap();
    dropped.recv().unwrap();
}

#[test]
fn a_pool_that_is_idle_does_nothing_at_all() {
    let test = TestPool::start(config(3));
    let pool = test.as_dyn();
    FakeTask::start(&pool, |_, _| Turn::Ended);
    test.wait_until_nothing_happens();
}

#[test]
fn a_task_that_stays_parked_is_put_to_rest_and_then_the_pool_does_nothing() {
    let pool = TestPool::start(PoolConfig { rest_after_ns: Some(1_000_000), ..config(2) });
    let rested = RESTED.clone();
    let task = FakeTask::start(&pool.as_dyn(), |task, cx| {
        cx.may_rest(task, Patience::NONE);
        Turn::Parked
    });
    let n_rested = || rested.lock().unwrap().iter().filter(|key| **key == task.key()).count();
    while n_rested() == 0 {
        thread::yield_now();
    }
    assert_eq!(n_rested(), 1);
    pool.wait_until_nothing_happens();
}

#[test]
fn a_pool_with_something_to_do_is_not_quiet() {
    let test = TestPool::start(config(2));
    let pool = test.as_dyn();
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    FakeTask::start(
        &pool,
        move |_, _| {
            if seen.load(Ordering::Relaxed) { Turn::Ended } else { Turn::Again }
        },
    );
    for _ in 0..1_000 {
        assert!(!test.0.is_quiet());
    }
    stop.store(true, Ordering::Relaxed);
    test.wait_until_quiet();
}

/// Arms a target that is a flag.
///
/// # Safety
/// `target` points to a live `AtomicBool`.
unsafe fn raise_flag(target: *mut c_void) {
    // SAFETY: by the contract of this function.
    unsafe { &*target.cast_const().cast::<AtomicBool>() }.store(true, Ordering::Relaxed);
}

#[test]
fn a_turn_that_outlives_its_slice_is_armed() {
    let arm: Arm = raise_flag;
    let test =
        TestPool::start(PoolConfig { mode: Mode::Signal, preempt_arm: Some(arm), ..config(2) });
    let pool = test.as_dyn();
    let (done, armed) = signal();
    FakeTask::start(&pool, move |_, cx| {
        let flag = AtomicBool::new(false);
        cx.preemption().publish((&raw const flag).cast_mut().cast());
        while !flag.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
        cx.preemption().clear();
        assert!(cx.preemption().is_expired());
        done.send(()).unwrap();
        Turn::Ended
    });
    armed.recv().unwrap();
    assert!(pool.stats().total().preemptions >= 1);
}

/// Neither time nor another thread ends this turn: its slice would be an hour.
#[test]
fn a_turn_that_spawns_a_crowd_is_armed_at_once() {
    let arm: Arm = raise_flag;
    let slice_ns = 3_600_000_000_000;
    let signals = PoolConfig { mode: Mode::Signal, preempt_arm: Some(arm), ..config(1) };
    let test = TestPool::start(PoolConfig { slice_ns, ..signals });
    let (done, armed) = signal();
    FakeTask::start(&test.as_dyn(), move |task, cx| {
        let flag = AtomicBool::new(false);
        cx.preemption().publish((&raw const flag).cast_mut().cast());
        while !flag.load(Ordering::Relaxed) {
            FakeTask::new(task.pool(), |_, _| Turn::Ended).spawn(cx);
        }
        cx.preemption().clear();
        assert!(cx.preemption().is_expired());
        done.send(()).unwrap();
        Turn::Ended
    });
    armed.recv().unwrap();
    test.wait_until_quiet();
}

#[test]
fn without_signals_a_turn_that_outlives_its_slice_is_told_when_it_asks() {
    let test = TestPool::start(config(1));
    let pool = test.as_dyn();
    let (done, told) = signal();
    FakeTask::start(&pool, move |_, cx| {
        while !cx.preemption().count_reached() {
            std::hint::spin_loop();
        }
        done.send(()).unwrap();
        Turn::Ended
    });
    told.recv().unwrap();
}

#[test]
fn a_source_that_becomes_ready_wakes_its_task() {
    let test = TestPool::start(config(2));
    let pool = test.as_dyn();
    let (mut near, far) = mio::net::UnixStream::pair().unwrap();
    let (done, is_ready) = signal();
    let task = FakeTask::new(&pool, move |_, _| {
        done.send(()).unwrap();
        Turn::Parked
    });
    let id = pool.outside().register_io(&mut near, mio::Interest::READABLE, &task, 9).unwrap();
    test.wait_until_asleep();
    assert!(!test.0.is_quiet());
    (&far).write_all(b"x").unwrap();
    is_ready.recv().unwrap();
    let ready = task.ready();
    assert!(ready.iter().all(|(token, readiness)| *token == 9 && readiness.readable));
    pool.outside().deregister_io(&mut near, id).unwrap();
    test.wait_until_quiet();
}

/// A task that never gives way for good, on the only worker, which has others to serve.
#[test]
fn a_busy_worker_still_serves_timers_io_and_the_injector() {
    let test = TestPool::start(config(1));
    let pool = test.as_dyn();
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    FakeTask::start(
        &pool,
        move |_, _| {
            if seen.load(Ordering::Relaxed) { Turn::Ended } else { Turn::Again }
        },
    );
    let (done, served) = signal();
    let task = FakeTask::start(&pool, move |_, _| {
        done.send(()).unwrap();
        Turn::Parked
    });
    served.recv().unwrap();

    pool.outside().insert_timer(&task, 0, pool.now_ns() + 1_000_000);
    served.recv().unwrap();
    assert_eq!(task.fired().len(), 1);

    let (mut near, far) = mio::net::UnixStream::pair().unwrap();
    let id = pool.outside().register_io(&mut near, mio::Interest::READABLE, &task, 1).unwrap();
    (&far).write_all(b"x").unwrap();
    while !task.ready().iter().any(|(_, readiness)| readiness.readable) {
        served.recv().unwrap();
    }
    pool.outside().deregister_io(&mut near, id).unwrap();
    stop.store(true, Ordering::Relaxed);
    test.wait_until_quiet();
}

/// A turn that ends when another task has run; who has no worker but the one it blocks.
fn block_until_another_runs(test: &TestPool) {
    let pool = test.as_dyn();
    let (done, relieved) = signal();
    FakeTask::start(&pool, move |task, cx| {
        let has_run = Arc::new(AtomicBool::new(false));
        let runs = Arc::clone(&has_run);
        let peer = FakeTask::new(task.pool(), move |_, _| {
            runs.store(true, Ordering::Relaxed);
            Turn::Ended
        });
        peer.wake(cx);
        while !has_run.load(Ordering::Relaxed) {
            if cx.preemption().count_reached() {
                cx.hand_over();
            }
        }
        done.send(()).unwrap();
        Turn::Ended
    });
    relieved.recv().unwrap();
}

#[test]
fn a_worker_that_is_blocked_is_relieved() {
    let test = TestPool::start(config(1));
    block_until_another_runs(&test);
    assert_eq!(test.as_dyn().stats().workers.len(), 2);
    test.wait_until_quiet();
}

/// Turns that meet show that there are two workers; they do so no more soon after the block.
#[test]
fn a_worker_too_many_takes_no_tasks_until_it_is_needed_again() {
    const CALM_TURNS: usize = 1000;
    let test = TestPool::start(config(1));
    for _ in 0..3 {
        block_until_another_runs(&test);
        let (running, calm) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (done, ended) = signal();
        for _ in 0..2 {
            let (running, calm, done) = (running.clone(), calm.clone(), done.clone());
            FakeTask::start(&test.as_dyn(), move |_, _| {
                let meets = running.fetch_add(1, Ordering::Relaxed) > 0;
                (0..1000).for_each(|_| std::hint::spin_loop());
                running.fetch_sub(1, Ordering::Relaxed);
                if meets {
                    calm.store(0, Ordering::Relaxed);
                } else if calm.fetch_add(1, Ordering::Relaxed) >= CALM_TURNS {
                    done.send(()).unwrap();
                    return Turn::Ended;
                }
                Turn::Again
            });
        }
        (0..2).for_each(|_| ended.recv().unwrap());
    }
    assert_eq!(test.as_dyn().stats().workers.len(), 2);
    test.wait_until_quiet();
}

/// The only worker never ends its turn, so the watching thread has to fire for it.
#[test]
fn a_timer_of_a_worker_that_is_stuck_fires() {
    let test = TestPool::start(config(1));
    let pool = test.as_dyn();
    let (done, fired) = signal();
    FakeTask::start(&pool, move |task, cx| {
        cx.insert_timer(task, 0, cx.now_ns());
        while task.fired().is_empty() {
            std::hint::spin_loop();
        }
        done.send(()).unwrap();
        Turn::Ended
    });
    fired.recv().unwrap();
}
