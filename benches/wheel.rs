//! The timer wheel: what one timer costs while few or many others are pending.
//!
//! What these are not:
//! * `insert_cancel` is the life of a time-out that does not happen. Its entry is hot in cache and
//!   next to none; `cancel` is the same with entries anywhere in the slab.
//! * `insert` and `cancel` work on a whole set, so that the figure per entry holds growing the slab
//!   and giving it back.
//! * `expire` advances in steps of 1 ms, as a busy worker does; it holds sorting and moving entries
//!   down the levels, not the delivery of what expired.
//! * `jump` expires all at once, from high levels, which is not what a worker does.
//! * No bench sleeps or reads a clock: they say nothing of how punctual timers are.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use moonlet::wheel::{Key, Wheel};

const MILLISECOND_NS: u64 = 1_000_000;
/// Deadlines are spread over a minute.
const SPREAD_NS: u64 = 60_000 * MILLISECOND_NS;
const SIZES: [usize; 2] = [1_000, 1_000_000];

/// As big as what a worker keeps: a reference and a number.
type Value = (usize, u64);

/// Deadlines in no order, the same in each run.
fn deadlines(n: usize) -> Vec<u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % SPREAD_NS
    };
    (0..n).map(|_| next()).collect()
}

fn filled(deadlines: &[u64]) -> (Wheel<Value>, Vec<Key>) {
    let mut wheel = Wheel::new(0);
    let keys = deadlines.iter().map(|&at_ns| wheel.insert(at_ns, (1, at_ns))).collect();
    (wheel, keys)
}

fn insert_cancel(c: &mut Criterion) {
    let mut group = c.benchmark_group("wheel/insert_cancel");
    for n in SIZES {
        let (mut wheel, _) = filled(&deadlines(n));
        let mut ahead_ns = 0;
        group.bench_function(BenchmarkId::from_parameter(n), |b| {
            b.iter(|| {
                ahead_ns = (ahead_ns + 7919 * MILLISECOND_NS) % SPREAD_NS;
                let key = wheel.insert(black_box(ahead_ns), (1, 1));
                wheel.cancel(black_box(key))
            });
        });
    }
}

fn insert(c: &mut Criterion) {
    let mut group = c.benchmark_group("wheel/insert");
    for n in SIZES {
        let deadlines = deadlines(n);
        group.throughput(Throughput::Elements(n as u64)).sample_size(10);
        group.bench_function(BenchmarkId::from_parameter(n), |b| {
            b.iter_with_large_drop(|| filled(&deadlines));
        });
    }
}

fn cancel(c: &mut Criterion) {
    let mut group = c.benchmark_group("wheel/cancel");
    for n in SIZES {
        let deadlines = deadlines(n);
        let setup = || {
            let (wheel, mut keys) = filled(&deadlines);
            keys.sort_unstable_by_key(|key| u64::from(*key).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            (wheel, keys)
        };
        group.throughput(Throughput::Elements(n as u64)).sample_size(10);
        group.bench_function(BenchmarkId::from_parameter(n), |b| {
            b.iter_batched(
                setup,
                |(mut wheel, keys)| {
                    for &key in &keys {
                        black_box(wheel.cancel(key));
                    }
                    (wheel, keys)
                },
                BatchSize::PerIteration,
            );
        });
    }
}

fn expire(c: &mut Criterion) {
    for (name, step_ns) in [("wheel/expire", MILLISECOND_NS), ("wheel/jump", SPREAD_NS)] {
        let mut group = c.benchmark_group(name);
        for n in SIZES {
            let deadlines = deadlines(n);
            group.throughput(Throughput::Elements(n as u64)).sample_size(10);
            group.bench_function(BenchmarkId::from_parameter(n), |b| {
                b.iter_batched(
                    || (filled(&deadlines).0, Vec::with_capacity(n)),
                    |(mut wheel, mut expired)| {
                        let mut now_ns = 0;
                        while !wheel.is_empty() {
                            now_ns += step_ns;
                            expired.clear();
                            wheel.advance(now_ns, &mut expired);
                        }
                        (wheel, expired)
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

criterion_group!(benches, insert_cancel, insert, cancel, expire);
criterion_main!(benches);
