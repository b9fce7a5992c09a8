//! Cost of a process's queue alone: pushes, drains and parking, without a scheduler.
//!
//! Not measured: waking a worker, and what a signal does once it is taken in.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};
use moonlet::mailbox::Mailbox;

/// One value in and out; the owner never parks.
fn push_drain(c: &mut Criterion) {
    let mailbox = Mailbox::new();
    c.bench_function("mailbox/push_drain", |b| {
        b.iter(|| {
            mailbox.push(black_box(1u64)).map(drop).expect("open");
            black_box(mailbox.drain().count())
        });
    });
}

/// A hundred values in, then all out at once.
fn batch(c: &mut Criterion) {
    let mailbox = Mailbox::new();
    c.bench_function("mailbox/batch_100", |b| {
        b.iter(|| {
            for i in 0..100u64 {
                mailbox.push(black_box(i)).map(drop).expect("open");
            }
            black_box(mailbox.drain().sum::<u64>())
        });
    });
}

/// The owner parks each time, so each push is a wake-up.
fn park_wake(c: &mut Criterion) {
    let mailbox = Mailbox::new();
    c.bench_function("mailbox/park_wake", |b| {
        b.iter(|| {
            assert!(mailbox.park());
            black_box(mailbox.push(1u64)).map(drop).expect("open");
            black_box(mailbox.drain().count())
        });
    });
}

/// Another thread drains all the time: the line is contended.
fn contended_push(c: &mut Criterion) {
    let mailbox = Arc::new(Mailbox::new());
    let stop = Arc::new(AtomicBool::new(false));
    let owner = {
        let (mailbox, stop) = (mailbox.clone(), stop.clone());
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                black_box(mailbox.drain().count());
            }
        })
    };
    c.bench_function("mailbox/contended_push", |b| {
        b.iter(|| mailbox.push(black_box(1u64)).map(drop).expect("open"));
    });
    stop.store(true, Ordering::Relaxed);
    owner.join().expect("the owner ends");
}

criterion_group!(benches, push_drain, batch, park_wake, contended_push);
criterion_main!(benches);
