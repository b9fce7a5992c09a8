//! No process takes another's time, memory or life: each row of the table of hostile inputs is a
//! program in the folder `hostile`, run beside a neighbour that ticks, with one worker and with
//! two.
//!
//! A row ends as it must: by the deadline of a cancel, by its memory limit, by a clean error, or
//! well. Meanwhile the neighbour has ticked, afterwards it goes on, and a process that is spawned
//! from outside answers. When all rows of a group have run, the memory is back.
//!
//! Nothing here is timed: ticks and ends are awaited, however long they take. With `HOSTILE_TIMES`
//! set, each row tells how long it took and how it ended.

use std::io::{self, Write};
use std::panic;
use std::path::Path;
use std::sync::{Condvar, Mutex, Once, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use moonlet::app::LoadOptions;
use moonlet::scheduler::WorkerStats;
use moonlet::{Builder, Process, Running, Value};

#[path = "../src/allocator.rs"]
mod allocator;

#[path = "hostile/rows.rs"]
mod rows;

use rows::Ends::{self, Asleep, Fails, Fine, HeldUp, Killed};
use rows::{CROWD, DEADLINE, MEMORY, OUTPUT, Program, SANDBOX, TIME};

/// The command's allocator.
#[cfg_attr(not(any(asan, tsan)), global_allocator)]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

const WORKERS: [usize; 2] = [1, 2];

/// Whatever a test waits for comes long before this, unless it never comes. Sanitizers are slow.
const PATIENCE: Duration = Duration::from_secs(if cfg!(any(asan, tsan)) { 600 } else { 60 });

/// What each hostile process may hold.
const MEMORY_LIMIT: i64 = 32 << 20;

/// What may be held above nine tenths of what there was, when a group is over.
const MEMORY_SLACK: usize = 24 << 20;

#[test]
fn nobody_takes_anothers_time() {
    run(TIME, io::sink);
}

#[test]
fn nobody_takes_anothers_memory() {
    run(MEMORY, io::sink);
}

#[test]
fn no_crowd_keeps_the_others_out() {
    run(CROWD, io::sink);
}

#[test]
fn nobody_gets_out_or_breaks_what_is_shared() {
    run(SANDBOX, io::sink);
}

#[test]
fn who_prints_for_ever_waits_for_the_reader_alone() {
    run(OUTPUT, || Stopped);
}

/// A reader that has stopped reading, until the test is over.
struct Stopped;

/// Whether stopped readers go on.
static GOES_ON: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

fn readers_go_on(on: bool) {
    *GOES_ON.0.lock().expect("nothing panics under it") = on;
    GOES_ON.1.notify_all();
}

impl Write for Stopped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let goes_on = GOES_ON.0.lock().expect("nothing panics under it");
        let _goes_on = GOES_ON.1.wait_while(goes_on, |goes_on| !*goes_on).expect("as above");
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs all rows of a group, with each number of workers.
fn run<W: Write + Send + 'static>(programs: &[Program], stdout: fn() -> W) {
    // One group at a time, since the memory is that of all.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    moonlet::set_allocator_trim(allocator::trim);
    panic_in_the_log();
    for workers in WORKERS {
        let host = start(workers, stdout());
        // What is made once: code, images of programs, threads.
        answers(&host, "before all rows");
        let before = resident_bytes();
        let mut faults = Vec::new();
        for Program { rows, entry, cases } in programs {
            for (case, ends) in *cases {
                let fault = check(&host, entry, case, *ends).err();
                faults.extend(fault.map(|fault| format!("{rows}: {entry} `{case}`: {fault}")));
            }
        }
        assert!(faults.is_empty(), "with {workers} workers:\n{}", faults.join("\n"));
        memory_is_back(before);
        readers_go_on(true);
        drop(host);
        readers_go_on(false);
    }
}

fn start(workers: usize, stdout: impl Write + Send + 'static) -> Running {
    let options = LoadOptions { workers: Some(workers), ..LoadOptions::default() };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let builder = Builder::load_with(folder, &options).unwrap_or_else(|error| panic!("{error}"));
    builder.stdout(stdout).start().expect("the runtime starts")
}

/// Runs one row; tells what is wrong.
fn check(host: &Running, entry: &str, case: &str, ends: Ends) -> Result<(), String> {
    let is_killed = matches!(ends, Killed | HeldUp | Asleep) || matches!(ends, Fails(DEADLINE));
    let args =
        [Value::from(entry), Value::from(case), Value::from(is_killed), Value::from(MEMORY_LIMIT)];
    let before = counts(host);
    let began = Instant::now();
    let watch = host.spawn("hostile:watch", &args).expect("room for a process");
    if is_killed {
        see_enough(host, &watch.pid().to_string(), &before, ends)?;
    }
    let ended = match end_of(watch, case) {
        Ok(Value::String(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        other => return Err(format!("{other:?}")),
    };
    let expected = match ends {
        Killed | HeldUp | Asleep => DEADLINE,
        Fails(text) => text,
        Fine => "fine",
    };
    if std::env::var_os("HOSTILE_TIMES").is_some() {
        let text = format!("{:6} ms  {entry} `{case}`: {ended:.90}\n", began.elapsed().as_millis());
        io::stderr().write_all(text.as_bytes()).expect("stderr");
    }
    if !ended.starts_with(expected) {
        return Err(format!("expected `{expected}`, got `{ended:.200}`"));
    }
    answers(host, case);
    Ok(())
}

/// Waits until the workers have done what shows how the row is dealt with, then says so to whoever
/// watches it.
fn see_enough(host: &Running, watch: &str, before: &WorkerStats, ends: Ends) -> Result<(), String> {
    let is_enough = || {
        let now = counts(host);
        let has_preempted = now.preemptions > before.preemptions;
        let has_handed_over = now.hand_overs > before.hand_overs;
        match ends {
            Killed => has_preempted,
            HeldUp => has_preempted && has_handed_over,
            _ => true,
        }
    };
    let began = Instant::now();
    while !is_enough() {
        if began.elapsed() > PATIENCE {
            return Err("no slice is ended, or nothing handed over".to_owned());
        }
        thread::yield_now();
    }
    // One that has ended already has a row that did so.
    let _ = host.send(watch, "enough", &[]);
    Ok(())
}

/// A process that is spawned from outside runs.
fn answers(host: &Running, row: &str) {
    for on in ["app:processes", "hostile:other"] {
        let word = Value::from("word");
        let echo = host.spawn_on(on, "hostile:echo", std::slice::from_ref(&word));
        assert_eq!(end_of(echo.expect("room for a process"), row), Ok(word), "{row}");
    }
}

/// Waits for the end of a process.
fn end_of(process: Process, row: &str) -> Result<Value, String> {
    let (sender, ends) = mpsc::channel();
    thread::spawn(move || sender.send(process.wait().map_err(|failure| failure.to_string())));
    ends.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{row}: it does not end"))
}

/// What the workers of all hosts have done.
fn counts(host: &Running) -> WorkerStats {
    let totals = host.stats().into_iter().map(|stats| stats.pool.total());
    totals.fold(WorkerStats::default(), |sum, total| WorkerStats {
        preemptions: sum.preemptions + total.preemptions,
        hand_overs: sum.hand_overs + total.hand_overs,
        ..sum
    })
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("the second number are resident pages") * 4096
}

/// The memory comes back once what has ended is freed. A sanitizer keeps it, to see who still uses
/// it.
fn memory_is_back(before: usize) {
    if cfg!(any(asan, tsan)) {
        return;
    }
    let most = before + before / 10 + MEMORY_SLACK;
    let began = Instant::now();
    while resident_bytes() > most {
        assert!(began.elapsed() < PATIENCE, "{} bytes are held, {before} before", resident_bytes());
        thread::yield_now();
    }
}

/// What is logged, and what the panic says.
const PANIC: &str = "panic in a host function";

/// A record of the log that says so makes a panic, in the middle of the function that writes it.
fn panic_in_the_log() {
    struct Panics;

    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Panics {
        fn on_event(
            &self,
            event: &tracing::Event<'_>,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) {
            struct Text(bool);
            impl tracing::field::Visit for Text {
                fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                    self.0 |= format!("{value:?}").starts_with(PANIC);
                }
            }
            let mut text = Text(false);
            event.record(&mut text);
            assert!(!text.0, "{PANIC}");
        }
    }

    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        use tracing_subscriber::layer::SubscriberExt as _;
        let subscriber = tracing_subscriber::registry().with(Panics);
        tracing::subscriber::set_global_default(subscriber).expect("nobody else does");
        // Not told on stderr: a backtrace would keep all debug information in memory.
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_ours = info.payload_as_str() == Some(PANIC);
            if !is_ours {
                tell(info);
            }
        }));
    });
}
