//! Processes as Lua programs see them: spawn, messages, channels, timers, one worker for each CPU.
//!
//! The programs measure themselves, so starting and stopping the runtime is not in the figures but
//! in `start`. They are of one machine with other things to do: compare within one run only. The
//! programs of peers are in `peers`.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use moonlet::{Builder, Running, Value};

/// Becomes the entry `app:process`.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/process.lua");

fn start() -> Running {
    let builder = Builder::load(PROGRAM).expect("the program compiles");
    builder.start().expect("the runtime starts")
}

/// Runs one program to its end; gives its result.
fn run(running: &Running, args: &[Value]) -> Value {
    let process = running.spawn("app:process", args).expect("room for a process");
    process.wait().expect("the program ends well")
}

/// Runs one program for `rounds`; gives what it measured.
fn measure(running: &Running, what: &str, rounds: u64, size: Option<u64>) -> Duration {
    let rounds = i64::try_from(rounds).expect("criterion stays far below 2^63 rounds");
    let mut args = vec![Value::from(what), Value::from(rounds)];
    args.extend(size.map(|size| Value::from(size as i64)));
    match run(running, &args) {
        Value::Integer(took) => Duration::from_nanos(took.unsigned_abs()),
        other => panic!("`{what}` did not measure: {other:?}"),
    }
}

fn operations(c: &mut Criterion) {
    let running = start();
    for what in ["spawn", "ping_pong", "ring", "fan_in", "pairs", "tree", "select", "timer"] {
        c.bench_function(&format!("process/{what}"), |b| {
            b.iter_custom(|rounds| measure(&running, what, rounds, None));
        });
    }
    running.shut_down();
}

fn copies(c: &mut Criterion) {
    let running = start();
    let mut group = c.benchmark_group("process/copy");
    for size in [0, 10, 100, 1_000] {
        group.throughput(Throughput::Elements(size));
        group.bench_with_input(BenchmarkId::new("table", size), &size, |b, size| {
            b.iter_custom(|rounds| measure(&running, "copy", rounds, Some(*size)));
        });
    }
    for size in [100, 1_000] {
        group.throughput(Throughput::Elements(size));
        group.bench_with_input(BenchmarkId::new("nested", size), &size, |b, size| {
            b.iter_custom(|rounds| measure(&running, "copy_nested", rounds, Some(*size)));
        });
    }
    for size in [10, 1_000, 100_000] {
        group.throughput(Throughput::Bytes(size));
        group.bench_with_input(BenchmarkId::new("string", size), &size, |b, size| {
            b.iter_custom(|rounds| measure(&running, "copy_string", rounds, Some(*size)));
        });
    }
    group.finish();
    running.shut_down();
}

/// How late sleeps end on average, not how long they take: a round lasts longer than its figure,
/// so there are few of them. `latency` has the worst ones.
fn lateness(c: &mut Criterion) {
    let running = start();
    let n_cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let mut group = c.benchmark_group("process/late");
    group.sample_size(10).measurement_time(Duration::from_millis(500));
    group.bench_function("sleepers", |b| {
        b.iter_custom(|rounds| measure(&running, "sleepers", rounds, None));
    });
    for hogs in [0, n_cpus] {
        group.bench_with_input(BenchmarkId::new("beside_hogs", hogs), &hogs, |b, hogs| {
            b.iter_custom(|rounds| measure(&running, "beside_hogs", rounds, Some(*hogs)));
        });
    }
    group.finish();
    running.shut_down();
}

/// From nothing to the end of a first process, and back to nothing.
fn life(c: &mut Criterion) {
    c.bench_function("process/start", |b| {
        b.iter(|| {
            let running = start();
            run(&running, &[Value::from("nothing")]);
            running.shut_down()
        });
    });
}

criterion_group!(benches, operations, copies, lateness, life);
criterion_main!(benches);
