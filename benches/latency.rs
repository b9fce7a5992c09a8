//! How long a message and a sleep take at worst: for a pair that is alone, for whoever shares a
//! worker with a pair that never pauses, and on workers that are full.
//!
//! Not a criterion bench: it prints quantiles, of what Lua programs measure themselves with the
//! monotonic clock. Two readings of it are in each figure, and the pauses that the machine makes.

#![expect(clippy::print_stdout, reason = "a bench without a harness prints its figures")]

use hdrhistogram::Histogram;
use moonlet::app::LoadOptions;
use moonlet::{Builder, Running, Table, Value};

#[path = "../src/allocator.rs"]
mod allocator;

/// The command's allocator.
#[cfg_attr(not(any(asan, tsan)), global_allocator)]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

/// Becomes the entry `app:latency`.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/latency.lua");

/// A program measures so often, unless its time is over before.
const SAMPLES_MAX: i64 = 100_000;
const SECONDS_MAX: i64 = 3;

/// Pairs of the load. To these comes one process for each worker that computes.
const PAIRS: usize = 100;

fn main() {
    moonlet::set_allocator_trim(allocator::trim);
    // `cargo bench --no-run` and test runs of benches only build this.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let n_cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("| What, in µs | times | p50 | p99 | p99.9 | max |");
    println!("|---|---|---|---|---|---|");

    let alone = start(n_cpus);
    show("round trip of a pair alone", &measure(&alone, "round_trips"));
    show("lateness of a sleeper alone", &measure(&alone, "sleeps"));
    alone.shut_down();

    let beside = start(1);
    load(&beside, "pair", 1);
    show("beside a pair on one worker: round trip of another", &measure(&beside, "round_trips"));
    show("beside a pair on one worker: lateness of a sleeper", &measure(&beside, "sleeps"));
    let pauses = measure(&beside, "pauses");
    show("beside a pair on one worker: pauses of one that computes", &pauses);
    // Dropped, not shut down: the load would not end before its deadline.
    drop(beside);

    let full = start(n_cpus);
    load(&full, "pair", PAIRS);
    load(&full, "hog", n_cpus);
    show("full workers: round trip of a pair", &measure(&full, "round_trips"));
    show("full workers: lateness of a sleeper", &measure(&full, "sleeps"));
    drop(full);

    let share = 1.0 - pauses.iter().sum::<f64>() / SECONDS_MAX as f64;
    println!("\nBeside the pair, the one that computes had {:.0} % of the worker.", share * 100.0);
}

fn start(workers: usize) -> Running {
    let options = LoadOptions { workers: Some(workers), ..LoadOptions::default() };
    let builder = Builder::load_with(PROGRAM, &options).expect("the program compiles");
    builder.start().expect("the runtime starts")
}

fn load(running: &Running, what: &str, n: usize) {
    for _ in 0..n {
        running.spawn("app:latency", &[Value::from(what)]).expect("room for a process");
    }
}

/// Runs one program to its end; gives the seconds that it measured.
fn measure(running: &Running, what: &str) -> Vec<f64> {
    let args = [Value::from(what), Value::from(SAMPLES_MAX), Value::from(SECONDS_MAX)];
    let process = running.spawn("app:latency", &args).expect("room for a process");
    let Ok(Value::Table(Table { list, .. })) = process.wait() else {
        panic!("`{what}` did not measure");
    };
    let seconds = |value| match value {
        Value::Float(seconds) => seconds,
        other => panic!("`{what}` measured {other:?}"),
    };
    list.into_iter().map(seconds).collect()
}

fn show(what: &str, seconds: &[f64]) {
    // Three digits hold, whatever the range.
    let mut histogram = Histogram::<u64>::new(3).expect("three digits are allowed");
    for seconds in seconds {
        histogram.record((seconds * 1e9) as u64).expect("a histogram that grows");
    }
    let quantiles = [0.5, 0.99, 0.999, 1.0].map(|q| histogram.value_at_quantile(q));
    let cells = quantiles.map(|ns| format!("{:.1}", ns as f64 / 1e3));
    println!("| {what} | {} | {} |", histogram.len(), cells.join(" | "));
}
