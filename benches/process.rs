//! Processes as Lua programs see them: spawn, messages, channels, timers, on two workers.
//!
//! The programs measure themselves, so starting and stopping the runtime is not in the figures.
//! They are of one machine with other things to do: compare within one run only. The programs of
//! peers are not here.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use moonlet::{Builder, Running, Value};

const PROGRAM: &str = include_str!("process.lua");

fn start() -> Running {
    let builder = Builder::from_source(PROGRAM).expect("the program compiles");
    builder.start().expect("the runtime starts")
}

/// Runs one program for `rounds`; gives what it measured.
fn measure(running: &Running, what: &str, rounds: u64, size: Option<u64>) -> Duration {
    let rounds = i64::try_from(rounds).expect("criterion stays far below 2^63 rounds");
    let mut args = vec![Value::from(what), Value::from(rounds)];
    args.extend(size.map(|size| Value::from(size as i64)));
    let process = running.spawn("app:main", &args).expect("room for a process");
    match process.wait() {
        Ok(Value::Integer(took)) => Duration::from_nanos(took.unsigned_abs()),
        other => panic!("`{what}` did not measure: {other:?}"),
    }
}

fn operations(c: &mut Criterion) {
    let running = start();
    for what in ["spawn", "ping_pong", "ring", "fan_in", "select", "timer"] {
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
    for size in [10, 1_000, 100_000] {
        group.throughput(Throughput::Bytes(size));
        group.bench_with_input(BenchmarkId::new("string", size), &size, |b, size| {
            b.iter_custom(|rounds| measure(&running, "copy_string", rounds, Some(*size)));
        });
    }
    group.finish();
    running.shut_down();
}

criterion_group!(benches, operations, copies);
criterion_main!(benches);
