//! What the runtime leaves behind and what it costs at rest: resident memory over waves of
//! processes, and processor time while ten thousand processes sleep.
//!
//! Not a criterion bench: it prints its figures once. Linux only, from `/proc/self`. Resident
//! memory includes the allocator's own reserve, and this program itself.

#![expect(clippy::print_stdout, reason = "a bench without a harness prints its figures")]

use std::fs;
use std::time::{Duration, Instant};

use moonlet::{Builder, Running, Value};

#[path = "../src/allocator.rs"]
mod allocator;

/// The command's allocator.
#[cfg_attr(not(any(asan, tsan)), global_allocator)]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

const PROGRAM: &str = r#"
local SELF, HOST = process.id(), "app:processes"
local be = {}
function be.nothing() end
function be.wave(n)
  local events = process.events()
  for _ = 1, n do assert(process.spawn_monitored(SELF, HOST, "nothing")) end
  for _ = 1, n do events:receive() end
end
function be.sleeper() time.sleep("1h") end
function be.sleepers(n)
  for _ = 1, n do assert(process.spawn(SELF, HOST, "sleeper")) end
end
return function(what, ...) return be[what](...) end
"#;

const WAVES: usize = 10;
const PER_WAVE: i64 = 100_000;
const SLEEPERS: i64 = 10_000;
const REST: Duration = Duration::from_secs(10);

fn main() {
    moonlet::set_allocator_trim(allocator::trim);
    // `cargo bench --no-run` and test runs of benches only build this.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    waves(&start());
    rest(&start());
}

fn start() -> Running {
    let builder = Builder::from_source(PROGRAM).expect("the program compiles");
    builder.start().expect("the runtime starts")
}

fn run(running: &Running, what: &str, n: i64) {
    let process = running.spawn("app:main", &[Value::from(what), Value::from(n)]);
    process.expect("room for a process").wait().expect("the program ends well");
}

fn waves(running: &Running) {
    let mut first = None;
    for wave in 1..=WAVES {
        let start = Instant::now();
        run(running, "wave", PER_WAVE);
        let took = start.elapsed();
        let resident = resident_kib();
        let first = *first.get_or_insert(resident);
        let change = (resident as f64 / first as f64 - 1.0) * 100.0;
        println!("wave {wave}: {took:.2?}, {resident} KiB resident, {change:+.1} % to the first");
    }
}

fn rest(running: &Running) {
    run(running, "sleepers", SLEEPERS);
    // Until all have run and were put to rest: the processor time stands still then.
    let mut before = cpu_time();
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let now = cpu_time();
        if now - before < Duration::from_millis(2) {
            break;
        }
        before = now;
    }
    let before = cpu_time();
    std::thread::sleep(REST);
    let used = cpu_time() - before;
    let share = used.as_secs_f64() / REST.as_secs_f64() * 100.0;
    println!(
        "{SLEEPERS} sleeping processes for {REST:?}: {used:.2?} of processor time, {share:.3} %"
    );
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a Linux system");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a VmRSS line");
    line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
}

fn cpu_time() -> Duration {
    let mut total = 0;
    for task in fs::read_dir("/proc/self/task").expect("a Linux system") {
        let path = task.expect("a task").path().join("schedstat");
        let ran = fs::read_to_string(path).ok();
        let ran = ran.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        total += ran.unwrap_or_default();
    }
    Duration::from_nanos(total)
}
