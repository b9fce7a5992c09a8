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
#[cfg_attr(not(any(asan, tsan)), global_allocator)]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

/// Kills of each case, unless an argument says how many. Any other one says which cases.
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
    let is_text = |arg: &String| !arg.starts_with("--") && arg.parse::<usize>().is_err();
    let only = std::env::args().skip(1).find(is_text).unwrap_or_default();
    println!("From the deadline to the EXIT, in ms:\n");
    table("kills", kills, &only);
    println!("\nHow late a neighbour wakes up beside it, in ms:\n");
    table("sleeps", kills * SLEEPS, &only);
}

/// A line for each program, over its cases that have `only` in their names or in the program's.
fn table(what: &str, times: usize, only: &str) {
    println!("| Rows | Program | cases | times | p50 | p99 | max | slowest case, with its p99 |");
    println!("|---|---|---|---|---|---|---|---|");
    for program in [TIME, MEMORY, CROWD].concat() {
        let mut n_cases = 0;
        let mut all = histogram();
        let mut slowest = (0, "");
        for (case, _) in program.cases.iter().filter(|(case, ends)| {
            is_measured(*ends) && (case.contains(only) || program.entry.contains(only))
        }) {
            let running = start();
            let measured = measure(&running, what, times, program.entry, case);
            // Dropped, not shut down: what a case has left behind would be waited for.
            drop(running);
            n_cases += 1;
            slowest = slowest.max((measured.value_at_quantile(0.99), *case));
            all.add(&measured).expect("of the same precision");
        }
        let ([p50, p99, max], (slowest_ns, slowest)) = (quantiles(&all), slowest);
        if n_cases > 0 {
            let name = program.entry.rsplit(':').next().unwrap_or_default();
            println!(
                "| {} | {name} | {n_cases} | {} | {p50:.2} | {p99:.2} | {max:.2} | {slowest}: {:.2} |",
                program.rows,
                all.len(),
                ms(slowest_ns)
            );
        }
    }
}

fn histogram() -> Histogram<u64> {
    // Three digits hold, whatever the range.
    Histogram::new(3).expect("three digits are allowed")
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// The median, the 99th percentile and the largest, in milliseconds.
fn quantiles(ns: &Histogram<u64>) -> [f64; 3] {
    [0.5, 0.99, 1.0].map(|q| ms(ns.value_at_quantile(q)))
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

/// Runs a measurement to its end; gives what it measured, in nanoseconds.
fn measure(running: &Running, what: &str, times: usize, entry: &str, case: &str) -> Histogram<u64> {
    let times = i64::try_from(times).expect("few");
    let args = [what.into(), times.into(), entry.into(), case.into(), MEMORY_LIMIT.into()];
    let process = running.spawn("hostile:latency", &args);
    let Ok(Value::Table(Table { list, .. })) = process.expect("room for a process").wait() else {
        panic!("`{what}` of `{entry}` `{case}` did not measure");
    };
    let mut measured = histogram();
    for value in list {
        let Value::Float(seconds) = value else { panic!("`{what}` measured {value:?}") };
        measured.record((seconds * 1e9) as u64).expect("a histogram that grows");
    }
    measured
}
