//! Functions of Lua's standard library that are Moonlet's own, beside those of stock Lua, of the
//! same build and with the same allocator.
//!
//! Not a criterion bench: it prints a table. The two run in turns, and the best round of each
//! counts, since whatever else the machine does only makes a round longer. An argument chooses the
//! calls whose names contain it: `cargo bench --bench library -- gsub`.

#![expect(clippy::print_stdout, reason = "a bench without a harness prints its figures")]

use mlua::{Function, Lua};
use moonlet::app::LoadOptions;
use moonlet::{Builder, Running, Value};

#[path = "../src/allocator.rs"]
mod allocator;

/// The command's allocator, for both.
#[cfg_attr(not(any(asan, tsan)), global_allocator)]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

/// Becomes the entry `app:library`.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/library.lua");

const ROUNDS: usize = 40;
/// A round has at least so many.
const SECONDS: f64 = 0.005;

fn main() {
    moonlet::set_allocator_trim(allocator::trim);
    // `cargo bench --no-run` and test runs of benches only build this.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let chosen = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let options = LoadOptions { workers: Some(1), ..LoadOptions::default() };
    let builder = Builder::load_with(PROGRAM, &options).expect("the program compiles");
    let ours = builder.start().expect("the runtime starts");
    let lua = Lua::new();
    let source = std::fs::read_to_string(PROGRAM).expect("the program is there");
    let stock: Function = lua.load(source).eval().expect("the program compiles");

    let names: Vec<String> = stock.call(()).expect("it gives names");
    let names = names.into_iter().filter(|name| name.contains(&chosen));
    let in_stock = |name: &str, n: u64| stock.call((name, n)).expect("the call works");
    let mut rows: Vec<Row> = names.map(|name| Row::new(name, in_stock)).collect();
    for _ in 0..ROUNDS {
        for row in &mut rows {
            row.stock = row.stock.min(in_stock(&row.name, row.n));
            row.ours = row.ours.min(seconds(&ours, &row.name, row.n));
        }
    }
    ours.shut_down();

    println!("| Call | stock Lua, ns | Moonlet, ns | ratio |");
    println!("|---|---|---|---|");
    for Row { name, n, stock, ours } in &rows {
        let [stock, ours] = [stock, ours].map(|seconds| seconds / *n as f64 * 1e9);
        println!("| {name} | {stock:.0} | {ours:.0} | {:.2} |", ours / stock);
    }
}

/// A call, and the least seconds that a round of it has taken.
struct Row {
    name: String,
    /// So many times it is made in a round.
    n: u64,
    stock: f64,
    ours: f64,
}

impl Row {
    fn new(name: String, seconds: impl Fn(&str, u64) -> f64) -> Row {
        let mut n = 1;
        while seconds(&name, n) < SECONDS {
            n *= 2;
        }
        Row { name, n, stock: f64::INFINITY, ours: f64::INFINITY }
    }
}

/// Runs the program in a process of its own.
fn seconds(running: &Running, name: &str, n: u64) -> f64 {
    let args = [Value::from(name), Value::from(n as i64)];
    let process = running.spawn("app:library", &args).expect("room for a process");
    match process.wait() {
        Ok(Value::Float(seconds)) => seconds,
        other => panic!("`{name}` measured {other:?}"),
    }
}
