//! How soon a hostile program is gone after its deadline, and how late others are beside it: for
//! each case of `tests/hostile` that ends by a kill, on one worker.
//!
//! Not a criterion bench: it prints quantiles, of what Lua programs measure themselves with the
//! monotonic clock. The pauses that the machine makes are in the figures.

#![expect(clippy::print_stdout, reason = "a bench without a harness prints its figures")]

use std::path::Path;

use hdrhistogram::Histogram;
use moonlet::app::LoadOptions;
use moonlet::{Builder, Running, Table, Value};

#[path = "../src/allocator.rs"]
mod allocator;
#[expect(dead_code, reason = "only what ends by a kill is measured")]
#[path = "../tests/hostile/rows.rs"]
mod rows;

use rows::{CROWD, Ends, MEMORY, TIME};

/// The command's allocator.
#[global_allocator]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

/// Kills of each case, unless the first argument says how many.
const KILLS: usize = 50;

/// Sleeps of the neighbour for each kill.
const SLEEPS: usize = 10;

/// What each hostile process may hold.
const MEMORY_LIMIT: i64 = 32 << 20;

fn main() {
    moonlet::set_allocator_trim(allocator::trim);
    // `cargo bench --no-run` and test runs of benches only build this.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let kills = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(KILLS);
    let only = std::env::args().skip(1).find(|arg| arg.starts_with("hostile"));
    println!("From the deadline to the EXIT, in ms:\n");
    table("kills", kills, only.as_deref());
    println!("\nHow late a neighbour wakes up beside it, in ms:\n");
    table("sleeps", kills * SLEEPS, only.as_deref());
}

/// A line for each case, or for those of one entry.
fn table(what: &str, times: usize, only: Option<&str>) {
    println!("| Rows | Program | Case | times | p50 | p99 | max |");
    println!("|---|---|---|---|---|---|---|");
    let programs = [TIME, MEMORY, CROWD].concat();
    for program in programs.iter().filter(|program| only.is_none_or(|only| only == program.entry)) {
        for (case, _) in program.cases.iter().filter(|(_, ends)| is_measured(*ends)) {
            let running = start();
            let seconds = measure(&running, what, times, program.entry, case);
            // Dropped, not shut down: what a case has left behind would be waited for.
            drop(running);
            let name = program.entry.rsplit(':').next().unwrap_or_default();
            println!("| {} | {name} | {case} | {} |", program.rows, cells(&seconds));
        }
    }
}

/// Whether the case ends by a kill.
fn is_measured(ends: Ends) -> bool {
    matches!(ends, Ends::Killed | Ends::HeldUp | Ends::Asleep)
}

fn start() -> Running {
    let options = LoadOptions { workers: Some(1), ..LoadOptions::default() };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let builder = Builder::load_with(folder, &options).expect("the programs compile");
    builder.stdout(std::io::sink()).start().expect("the runtime starts")
}

/// Runs a measurement to its end; gives the seconds.
fn measure(running: &Running, what: &str, times: usize, entry: &str, case: &str) -> Vec<f64> {
    let times = i64::try_from(times).expect("few");
    let args = [what.into(), times.into(), entry.into(), case.into(), MEMORY_LIMIT.into()];
    let process = running.spawn("hostile:latency", &args);
    let Ok(Value::Table(Table { list, .. })) = process.expect("room for a process").wait() else {
        panic!("`{what}` of `{entry}` `{case}` did not measure");
    };
    let seconds = |value| match value {
        Value::Float(seconds) => seconds,
        other => panic!("`{what}` measured {other:?}"),
    };
    list.into_iter().map(seconds).collect()
}

/// How often it was measured, and the quantiles in milliseconds.
fn cells(seconds: &[f64]) -> String {
    // Three digits hold, whatever the range.
    let mut histogram = Histogram::<u64>::new(3).expect("three digits are allowed");
    for seconds in seconds {
        histogram.record((seconds * 1e9) as u64).expect("a histogram that grows");
    }
    let quantiles = [0.5, 0.99, 1.0].map(|q| histogram.value_at_quantile(q));
    let cells = quantiles.map(|ns| format!("{:.2}", ns as f64 / 1e6));
    format!("{} | {}", histogram.len(), cells.join(" | "))
}
