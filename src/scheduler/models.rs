//! Models of who sleeps and who wakes whom, checked by loom in every order of their steps (up to a
//! few preemptions). A lost wake-up shows as a deadlock.
//!
//! The steps of a worker are those of `worker.rs`, with a condition variable in place of the
//! reactor, and in place of the queues a number of tasks whose accesses order nothing: all order
//! has to come from the protocol.

use loom::model::Builder;
use loom::thread;

use super::idle::{Idle, Searching};
use super::park::Parker;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Arc, Condvar, Mutex};

fn model(preemptions: usize, check: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(check);
}

/// What a worker blocks in. Holds one token, as the reactor does.
#[derive(Default)]
struct Bed {
    token: Mutex<bool>,
    changed: Condvar,
}

impl Bed {
    fn wait(&self) {
        let mut token = self.token.lock().unwrap();
        while !*token {
            token = self.changed.wait(token).unwrap();
        }
        *token = false;
    }

    fn wake(&self) {
        *self.token.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

/// A pool with one queue.
struct Pool {
    idle: Idle,
    queued: AtomicUsize,
    workers: Vec<(Parker, Bed)>,
    watcher: Bed,
    taken: AtomicUsize,
}

impl Pool {
    fn new(workers: usize) -> Arc<Self> {
        let idle = Idle::new(workers);
        (0..workers).for_each(|_| idle.add_worker());
        Arc::new(Self {
            idle,
            queued: AtomicUsize::new(0),
            workers: (0..workers).map(|_| (Parker::new(), Bed::default())).collect(),
            watcher: Bed::default(),
            taken: AtomicUsize::new(0),
        })
    }

    fn unpark(&self, worker: usize) {
        let (parker, bed) = &self.workers[worker];
        parker.unpark(|| bed.wake());
    }

    fn inject(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
        if let Some(worker) = self.idle.claim() {
            self.unpark(worker);
        }
        if self.idle.is_closed() {
            self.drain();
        }
    }

    fn has_work(&self) -> bool {
        self.queued.load(Ordering::Relaxed) > 0
    }

    /// Takes a task if it sees one, and counts it.
    fn take(&self) -> bool {
        let less = |queued: usize| queued.checked_sub(1);
        let taken = self.has_work()
            && self.queued.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        if taken {
            self.taken.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    fn drain(&self) {
        while self.take() {}
    }

    fn close(&self) {
        self.idle.close();
        (0..self.workers.len()).for_each(|worker| self.unpark(worker));
    }

    /// Takes a task; false when the pool is closed.
    fn run_next(&self, me: usize) -> bool {
        let mut searching = None;
        loop {
            if self.idle.is_closed() {
                return false;
            }
            searching = searching.or_else(|| self.idle.start_search());
            if self.take() {
                if let Some(next) = searching.and_then(|proof| self.idle.found(proof)) {
                    self.unpark(next);
                }
                return true;
            }
            searching = self.sleep(me, searching);
        }
    }

    fn sleep(&self, me: usize, searching: Option<Searching>) -> Option<Searching> {
        self.idle.sleep(me, searching);
        if self.has_work() || self.idle.is_closed() {
            let searching = self.idle.cancel_sleep(me);
            self.rouse_watcher();
            return Some(searching);
        }
        let (parker, bed) = &self.workers[me];
        parker.park(|| bed.wait());
        let searching = self.idle.awake(me);
        self.rouse_watcher();
        searching
    }

    fn rouse_watcher(&self) {
        if self.idle.rouse_watcher() {
            self.watcher.wake();
        }
    }
}

#[test]
fn loom_an_unpark_ends_the_park() {
    model(3, || {
        let shared = Arc::new((Parker::new(), Bed::default(), AtomicBool::new(false)));
        let worker = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (parker, bed, work) = &*shared;
                while !work.load(Ordering::Relaxed) {
                    parker.park(|| bed.wait());
                }
            })
        };
        let (parker, bed, work) = &*shared;
        work.store(true, Ordering::Relaxed);
        parker.unpark(|| bed.wake());
        worker.join().unwrap();
    });
}

#[test]
fn loom_a_worker_that_falls_asleep_sees_the_work() {
    model(3, || {
        let pool = Pool::new(1);
        let worker = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                assert!(pool.run_next(0));
            })
        };
        pool.inject();
        worker.join().unwrap();
    });
}

/// The worker that takes the last task closes the pool; if nobody takes it, all sleep for ever.
#[test]
fn loom_two_workers_run_all_that_is_injected() {
    model(2, || {
        let pool = Pool::new(2);
        let workers: Vec<_> = (0..2)
            .map(|me| {
                let pool = Arc::clone(&pool);
                thread::spawn(move || {
                    while pool.run_next(me) {
                        if pool.taken.load(Ordering::Relaxed) == 2 {
                            pool.close();
                        }
                    }
                })
            })
            .collect();
        pool.inject();
        pool.inject();
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(pool.taken.load(Ordering::Relaxed), 2);
    });
}

/// A task keeps its worker until the other task is taken too, so a second worker must be woken even
/// if both tasks were told to the same searcher (I4).
#[test]
fn loom_tasks_that_wait_for_each_other_get_a_worker_each() {
    model(2, || {
        let pool = Pool::new(2);
        let both = Arc::new((Mutex::new(0), Condvar::new()));
        let workers: Vec<_> = (0..2)
            .map(|me| {
                let (pool, both) = (Arc::clone(&pool), Arc::clone(&both));
                thread::spawn(move || {
                    assert!(pool.run_next(me));
                    let (here, changed) = &*both;
                    let mut here = here.lock().unwrap();
                    *here += 1;
                    changed.notify_one();
                    while *here < 2 {
                        here = changed.wait(here).unwrap();
                    }
                })
            })
            .collect();
        pool.inject();
        pool.inject();
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

#[test]
fn loom_what_is_injected_during_a_shutdown_is_run_or_dropped() {
    model(3, || {
        let pool = Pool::new(1);
        let worker = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || while pool.run_next(0) {})
        };
        let injecting = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.inject())
        };
        pool.close();
        worker.join().unwrap();
        pool.drain();
        injecting.join().unwrap();
        assert!(!pool.has_work());
        assert_eq!(pool.taken.load(Ordering::Relaxed), 1);
    });
}

/// As the model after this one, for a worker that was spare: whoever needs it is the watcher.
#[test]
fn loom_the_watcher_is_awake_when_a_worker_is_spare_no_longer() {
    model(3, || {
        let pool = Pool::new(1);
        let is_spare = Arc::new(AtomicBool::new(true));
        let worker = {
            let (pool, is_spare) = (Arc::clone(&pool), Arc::clone(&is_spare));
            thread::spawn(move || {
                while is_spare.load(Ordering::Relaxed) {
                    pool.idle.spare_sleeps();
                    let (parker, bed) = &pool.workers[0];
                    parker.park(|| bed.wait());
                    pool.idle.spare_awake();
                    pool.rouse_watcher();
                }
            })
        };
        let watcher = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                is_spare.store(false, Ordering::Relaxed);
                pool.unpark(0);
                if pool.idle.watcher_sleeps() {
                    pool.watcher.wait();
                }
            })
        };
        worker.join().unwrap();
        watcher.join().unwrap();
    });
}

/// The worker gets up and never sleeps again, so the watcher must get up too.
#[test]
fn loom_the_watcher_is_awake_when_a_worker_is() {
    model(3, || {
        let pool = Pool::new(1);
        let worker = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.run_next(0))
        };
        let watcher = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                if pool.idle.watcher_sleeps() {
                    pool.watcher.wait();
                }
            })
        };
        pool.inject();
        worker.join().unwrap();
        watcher.join().unwrap();
    });
}
