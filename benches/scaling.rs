//! What more workers bring: spawns, pairs, and four senders to one receiver, at 1, 2, 4 and 8.
//!
//! Not a criterion bench: it prints a table of medians. More workers than CPUs bring nothing; they
//! are there to see what they cost.

#![expect(clippy::print_stdout, reason = "a bench without a harness prints its figures")]

use std::time::Duration;

use moonlet::app::LoadOptions;
use moonlet::{Builder, Running, Value};

#[path = "../src/allocator.rs"]
mod allocator;

/// The command's allocator.
#[cfg_attr(not(any(asan, tsan)), global_allocator)]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

/// Becomes the entry `app:process`.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/process.lua");

const WORKERS: [usize; 4] = [1, 2, 4, 8];

/// What is run, how often, and what that many of are in a second.
const PROGRAMS: [(&str, u64, &str); 3] = [
    ("spawn", 200_000, "processes a second"),
    ("pairs", 1_000_000, "round trips a second"),
    ("fan_in", 1_000_000, "messages a second"),
];

/// Of which the median is taken.
const TURNS: usize = 3;

fn main() {
    moonlet::set_allocator_trim(allocator::trim);
    // `cargo bench --no-run` and test runs of benches only build this.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let columns: Vec<_> = WORKERS.into_iter().map(rates).collect();
    println!("| Workers | Unit | {} |", WORKERS.map(|n| n.to_string()).join(" | "));
    println!("|{}", "---|".repeat(2 + WORKERS.len()));
    for (row, (what, _, unit)) in PROGRAMS.into_iter().enumerate() {
        let cells: Vec<_> = columns.iter().map(|rates| rates[row].to_string()).collect();
        println!("| {what} | {unit} | {} |", cells.join(" | "));
    }
}

/// For each program how many a second there are with so many workers, in thousands.
fn rates(workers: usize) -> [u64; PROGRAMS.len()] {
    let options = LoadOptions { workers: Some(workers), ..LoadOptions::default() };
    let builder = Builder::load_with(PROGRAM, &options).expect("the program compiles");
    let running = builder.start().expect("the runtime starts");
    let rates = PROGRAMS.map(|(what, rounds, _)| {
        let mut took: Vec<_> = (0..TURNS).map(|_| measure(&running, what, rounds)).collect();
        took.sort_unstable();
        let a_second = rounds as f64 / took[TURNS / 2].as_secs_f64();
        (a_second / 1000.0).round() as u64 * 1000
    });
    running.shut_down();
    rates
}

fn measure(running: &Running, what: &str, rounds: u64) -> Duration {
    let args = [Value::from(what), Value::from(rounds as i64)];
    let process = running.spawn("app:process", &args).expect("room for a process");
    match process.wait() {
        Ok(Value::Integer(took)) => Duration::from_nanos(took.unsigned_abs()),
        other => panic!("`{what}` did not measure: {other:?}"),
    }
}
