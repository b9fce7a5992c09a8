//! Ten million processes and a hundred million messages: the resident memory must stay where it was
//! after the first quarter of them.
//!
//! `cargo bench --bench soak -- 0.01` does a hundredth of it. Not a criterion bench: it prints its
//! figures once, and fails where memory grows. Linux only, from `/proc/self`. Under
//! AddressSanitizer, which keeps freed memory for a while, it is run for what the sanitizer says.

#![expect(clippy::print_stdout, reason = "a bench without a harness prints its figures")]

use std::fs;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use moonlet::{Builder, Running, Value};

#[cfg(not(asan))]
#[path = "../src/allocator.rs"]
mod allocator;

/// The command's allocator.
#[cfg(not(asan))]
#[cfg_attr(not(any(asan, tsan)), global_allocator)]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

const PROGRAM: &str = r#"
local SELF, HOST = "app:main", "app:processes"
local be = {}

-- At most ten thousand at the same time.
function be.nothing() end
function be.spawns(n)
  local events = process.events()
  for _ = 1, n // 10000 do
    for _ = 1, 10000 do assert(process.spawn_monitored(SELF, HOST, "nothing")) end
    for _ = 1, 10000 do assert(not events:receive().error) end
  end
end

-- Ten pairs. Of each, a hundred messages and their receipt are under way at most.
function be.sink(source)
  local numbers = process.listen("number")
  while true do
    local sum = 0
    for _ = 1, 100 do sum = sum + numbers:receive() end
    process.send(source, "receipt", { sum = sum })
  end
end
function be.source(hundreds)
  local sink = assert(process.spawn_linked(SELF, HOST, "sink", process.pid()))
  local receipts = process.listen("receipt")
  for _ = 1, hundreds do
    for i = 1, 100 do process.send(sink, "number", i) end
    assert(receipts:receive().sum == 5050)
  end
  process.unlink(sink)
  process.terminate(sink)
end
function be.messages(n)
  local events = process.events()
  for _ = 1, 10 do assert(process.spawn_monitored(SELF, HOST, "source", n // 1000)) end
  for _ = 1, 10 do assert(not events:receive().error) end
end

return function(what, n) return be[what](n) end
"#;

const SPAWNS: f64 = 1e7;
const MESSAGES: f64 = 1e8;

/// The work is done in so many parts. Memory is looked at after each, when what is handed back
/// while nothing runs has been handed back.
const PARTS: usize = 20;
const REST: Duration = Duration::from_millis(500);

/// In the first quarter all that is kept for later gets its size. The second and the last are
/// compared by their medians.
const QUARTER: usize = PARTS / 4;

/// More than both is a failure. The whole is some 8 MiB, and up to 3 MiB come and go with what else
/// the machine does; 4 MiB are less than a byte a process.
const GROWTH_MAX: f64 = 0.05;
const GROWTH_MAX_KIB: f64 = 4096.0;

fn main() -> ExitCode {
    #[cfg(not(asan))]
    moonlet::set_allocator_trim(allocator::trim);
    // `cargo bench --no-run` and test runs of benches only build this.
    if std::env::args().any(|arg| arg == "--test") {
        return ExitCode::SUCCESS;
    }
    let scale = std::env::args().skip(1).find_map(|arg| arg.parse::<f64>().ok()).unwrap_or(1.0);
    let builder = Builder::from_source(PROGRAM).expect("the program compiles");
    let running = builder.start().expect("the runtime starts");
    let [before, after] = soak(&running, scale);
    let (growth, share) = (after - before, after / before - 1.0);
    println!("second quarter to last: {growth:+.0} KiB, {:+.1} %", share * 100.0);
    let has_grown = share > GROWTH_MAX && growth > GROWTH_MAX_KIB;
    if has_grown && cfg!(not(asan)) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Does all parts; gives the KiB that were resident in the second quarter and in the last.
fn soak(running: &Running, scale: f64) -> [f64; 2] {
    // Ten thousands, which is how the program goes about it.
    let part = |n: f64| ((n * scale / PARTS as f64 / 1e4).round() as i64).max(1) * 10_000;
    let (spawns, messages) = (part(SPAWNS), part(MESSAGES));
    let mut sizes = Vec::new();
    for n in 1..=PARTS {
        let start = Instant::now();
        run(running, "spawns", spawns);
        let spawned = start.elapsed();
        run(running, "messages", messages);
        let sent = start.elapsed() - spawned;
        thread::sleep(REST);
        let resident = resident_kib();
        println!(
            "{n}: {spawns} processes in {spawned:.2?}, {messages} messages in {sent:.2?}, \
             {resident} KiB resident"
        );
        sizes.push(resident);
    }
    [QUARTER..2 * QUARTER, PARTS - QUARTER..PARTS].map(|quarter| {
        sizes[quarter.clone()].sort_unstable();
        sizes[quarter][QUARTER / 2] as f64
    })
}

fn run(running: &Running, what: &str, n: i64) {
    let process = running.spawn("app:main", &[Value::from(what), Value::from(n)]);
    process.expect("room for a process").wait().expect("the program ends well");
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a Linux system");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a VmRSS line");
    line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
}
