//! Cost of channel operations in the core alone: no Lua, no scheduler, values are integers.
//!
//! Not measured: switching between coroutines, which every suspended operation pays on top.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use moonlet::channel::{Case, Channels, FiberId, Kind, ReceiveOutcome, SelectOutcome, SendOutcome};

const A: FiberId = FiberId(0);
const B: FiberId = FiberId(1);

fn channels() -> Channels<u64> {
    Channels::new()
}

/// One value through a buffer with room; nobody waits.
fn buffered(c: &mut Criterion) {
    let mut channels = channels();
    let id = channels.open(Kind::Bounded(16));
    c.bench_function("channel/buffered", |b| {
        b.iter(|| {
            assert_eq!(channels.send(id, A, black_box(1)), SendOutcome::Sent);
            black_box(channels.receive(id, A))
        });
    });
}

/// A receiver waits, a sender hands over, both wakes are drained.
fn hand_over(c: &mut Criterion) {
    let mut channels = channels();
    let id = channels.open(Kind::Bounded(0));
    c.bench_function("channel/hand_over", |b| {
        b.iter(|| {
            assert_eq!(channels.receive(id, A), ReceiveOutcome::MustWait);
            assert_eq!(channels.send(id, B, black_box(1)), SendOutcome::HandedOver);
            black_box((channels.next_wake(), channels.next_wake()))
        });
    });
}

/// A select of three cases: the last is ready, or it waits and the last is fed.
fn select(c: &mut Criterion) {
    let mut channels = channels();
    let ids = [Kind::Fed, Kind::Bounded(0), Kind::Fed].map(|kind| channels.open(kind));
    let mut cases = Vec::new();
    c.bench_function("channel/select_3_ready", |b| {
        b.iter(|| {
            channels.feed(ids[2], black_box(1)).expect("the channel is open");
            cases.extend(ids.map(Case::Receive));
            black_box(channels.select(A, &mut cases, false))
        });
    });
    c.bench_function("channel/select_3_waits", |b| {
        b.iter(|| {
            cases.extend(ids.map(Case::Receive));
            assert_eq!(channels.select(A, &mut cases, false), SelectOutcome::MustWait);
            channels.feed(ids[2], black_box(1)).expect("the channel is open");
            black_box(channels.next_wake())
        });
    });
}

/// A message: the fiber waits, the runtime feeds, the batch is settled.
fn message(c: &mut Criterion) {
    let mut channels = channels();
    let inbox = channels.open(Kind::Fed);
    c.bench_function("channel/feed_settle_receive", |b| {
        b.iter(|| {
            assert_eq!(channels.receive(inbox, A), ReceiveOutcome::MustWait);
            channels.feed(inbox, black_box(1)).expect("the channel is open");
            black_box(channels.next_wake())
        });
    });
}

/// The life of `time.after(d)` with a fiber that waits for it.
fn timer(c: &mut Criterion) {
    let mut channels = channels();
    c.bench_function("channel/timer", |b| {
        b.iter(|| {
            let timer = channels.open(Kind::Fed);
            assert_eq!(channels.receive(timer, A), ReceiveOutcome::MustWait);
            channels.feed_and_shut(timer, black_box(1)).expect("the channel is open");
            let wake = channels.next_wake();
            channels.free(timer);
            black_box(wake)
        });
    });
}

criterion_group!(benches, buffered, hand_over, select, message, timer);
criterion_main!(benches);
