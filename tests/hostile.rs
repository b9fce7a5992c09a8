//! No process takes another's time, memory or life: each row of the table of hostile inputs is a
//! program in the folder `hostile`, run beside a neighbour that ticks, with one worker and with two.
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

/// The command's allocator.
#[global_allocator]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

const WORKERS: [usize; 2] = [1, 2];

/// Whatever a test waits for comes long before this, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What each hostile process may hold.
const MEMORY_LIMIT: i64 = 32 << 20;

/// What may be held above nine tenths of what there was, when a group is over.
const MEMORY_SLACK: usize = 24 << 20;

/// Rows that cannot pass yet: what they call is C code that nothing can interrupt. The test
/// `rows_that_wait_exist` keeps the list honest.
const WAITING: &[(&str, &str)] = &[
    // Patterns are matched by stock Lua.
    ("hostile.time:patterns", "*"),
    // So are the functions of tables and strings.
    ("hostile.time:tables", "*"),
    ("hostile.time:strings", "*"),
];

/// How a row ends, and what shows on the way.
#[derive(Clone, Copy, Debug)]
enum Ends {
    /// It is killed at the deadline; slices of it were ended.
    Killed,
    /// As `Killed`; it could not be suspended, so that others took over what waited.
    HeldUp,
    /// It is killed at the deadline, and does not compute.
    Asleep,
    /// It fails with a text that starts so.
    Fails(&'static str),
    /// It finds that all is well.
    Fine,
}
use Ends::{Asleep, Fails, Fine, HeldUp, Killed};

const DEADLINE: &str = "Canceled: process terminated: cancel deadline of 20ms exceeded";
const OUT_OF_MEMORY: Ends = Fails("LimitExceeded: memory limit of 32MB exceeded");

/// An entry with its cases.
type Rows = &'static [(&'static str, &'static [(&'static str, Ends)])];

const TIME: Rows = &[
    (
        // H5, H6, H7, H38
        "hostile.time:loops",
        &[
            ("while", Killed),
            ("goto", Killed),
            ("for", Killed),
            ("calls", Killed),
            ("generic for", Killed),
            ("pcall", Killed),
            ("pcall of error", Killed),
            ("pcall in pcall", Killed),
            ("pcall of itself", Killed),
            ("handler that loops", HeldUp),
            ("handler that errors", Killed),
            ("handler that calls xpcall", Killed),
            ("loop under a handler", Killed),
            ("collectgarbage of all kinds", Killed),
        ],
    ),
    (
        // H8, H40
        "hostile.time:callbacks",
        &[
            ("gsub", Killed),
            ("gsub by a table", Killed),
            ("sort", Killed),
            ("sort that lies", Killed),
            ("sort by __lt", Killed),
            ("load", HeldUp),
            ("load without end", HeldUp),
            ("__index", Killed),
            ("__newindex", Killed),
            ("__call", Killed),
            ("__lt", Killed),
            ("__le", Killed),
            ("__eq", Killed),
            ("__concat", Killed),
            ("__len", Killed),
            ("__unm", Killed),
            ("__add", Killed),
            ("__close", Killed),
            ("__pairs", Killed),
            ("__tostring", HeldUp),
            ("__tostring in print", HeldUp),
            ("__tostring in format", HeldUp),
            ("__tostring of an error", HeldUp),
            ("__index under ipairs", HeldUp),
            ("__index without end under ipairs", Killed),
        ],
    ),
    (
        // H9
        "hostile.time:coroutines",
        &[
            ("resume", Killed),
            ("wrap", Killed),
            ("spawn", Killed),
            ("many spawned", Killed),
            ("nested resumes", Killed),
            ("nested wraps", Killed),
            ("nested, under pcall", Killed),
            ("iterator", Killed),
            ("loop in an iterator", Killed),
            ("in a sort", Killed),
            ("in a metamethod under tostring", HeldUp),
            ("new ones without end", Killed),
        ],
    ),
    (
        // H10, H11, H12
        "hostile.time:closes",
        &[
            ("loop at a return", Killed),
            ("sleep at a return", Asleep),
            ("loop at an error", Killed),
            ("loop in the grace of a cancel", Fails(DEADLINE)),
            ("loop in coroutine.close", HeldUp),
            ("loop under pcall", Killed),
            ("loops of many", Killed),
            ("error at a return", Fails("Internal: in the close")),
            ("send at a return", Fails("closed")),
            ("coroutine.close", Fine),
            ("finalizers", Fine),
        ],
    ),
    (
        // H16, H55
        "hostile.time:natives",
        &[
            ("load of the largest source", Killed),
            ("load of one expression", Killed),
            ("full collections", Killed),
            ("messages to itself", Killed),
            ("json", Killed),
            ("spawned, with large arguments", Killed),
        ],
    ),
    (
        // H1, H2, H4
        "hostile.time:patterns",
        &[
            ("find", Killed),
            ("match", Killed),
            ("gmatch", Killed),
            ("gsub", Killed),
            ("under pcall", Killed),
            ("quadratic", Killed),
            ("%b", Killed),
            ("%f", Killed),
            ("back reference", Killed),
            ("growth", OUT_OF_MEMORY),
            ("growth that is caught", Killed),
        ],
    ),
    (
        // H53
        "hostile.time:tables",
        &[
            ("move", Killed),
            ("move of what is made up", Killed),
            ("insert", Killed),
            ("remove", Killed),
            ("concat of nothing", Killed),
            ("concat of what is made up", OUT_OF_MEMORY),
            ("unpack", Killed),
            ("unpack of too much", Killed),
        ],
    ),
    (
        // H3, H54
        "hostile.time:strings",
        &[
            ("upper", Killed),
            ("lower", Killed),
            ("reverse", Killed),
            ("plain find", Killed),
            ("utf8.len", Killed),
            ("utf8.codepoint", Killed),
            ("utf8.codes", Killed),
            ("byte", Killed),
            ("rep", Killed),
            ("rep of nothing", Killed),
            ("rep beyond all", Killed),
            ("format", Killed),
            ("compare", Killed),
            ("concat", Killed),
        ],
    ),
    (
        // H19, H27, H29
        "hostile.time:waits",
        &[
            ("sleep", Asleep),
            ("deaf", Asleep),
            ("receive", Asleep),
            ("select", Asleep),
            ("call", Asleep),
            ("accept", Asleep),
            ("read", Asleep),
            ("to itself", Killed),
            ("a pair", Asleep),
            ("many timers", Asleep),
            ("a ticker that nobody reads", Killed),
            ("spawned coroutines", Asleep),
        ],
    ),
];

const MEMORY: Rows = &[
    (
        // H3, H14
        "hostile.memory:bombs",
        &[
            ("table", OUT_OF_MEMORY),
            ("doubling", OUT_OF_MEMORY),
            ("nested tables", OUT_OF_MEMORY),
            ("strings", OUT_OF_MEMORY),
            ("keys", OUT_OF_MEMORY),
            ("coroutines", OUT_OF_MEMORY),
            ("spawned coroutines", OUT_OF_MEMORY),
            ("closures", OUT_OF_MEMORY),
            ("upvalues", OUT_OF_MEMORY),
            ("recursion", Fails("")),
            ("in a coroutine", OUT_OF_MEMORY),
            ("in a handler", Fails("Internal: ")),
            ("rep", OUT_OF_MEMORY),
            ("rep of rep", OUT_OF_MEMORY),
            ("caught for ever", Killed),
            ("always nearly full", Killed),
            ("caught once", Fine),
        ],
    ),
    (
        // H15, H17
        "hostile.memory:messages",
        &[
            ("larger than the receiver", Fine),
            ("more than the receiver has room for", Fine),
            ("more than its mailbox takes", Fine),
            ("for ever", Killed),
            ("to itself", Killed),
            ("on ever new topics", OUT_OF_MEMORY),
        ],
    ),
];

const CROWD: Rows = &[
    (
        // H20
        "hostile.crowd:bombs",
        &[
            ("by one", Killed),
            ("by all", Asleep),
            ("of those that end", Killed),
            ("in a close", Killed),
            ("error at the limit", Fails("Internal: max processes reached: max processes limit")),
        ],
    ),
    (
        // H18, H22, H28, H29
        "hostile.crowd:floods",
        &[
            ("monitors", Fine),
            ("links", Fine),
            ("cancels", Fine),
            ("for ever", Killed),
            ("a circle of links", Fine),
            ("names", Fine),
            ("timers", Fine),
        ],
    ),
    // H23, H25
    ("hostile.crowd:kills", &[("", Fine)]),
    (
        // H50
        "hostile.crowd:upgrades",
        &[
            ("to nothing", Fails("Internal: upgrade: create failed: ")),
            ("to a host", Fails("Internal: upgrade: create failed: ")),
            ("to one that fails", Fails("Internal: hostile.crowd:upgrades:8: ")),
            ("for ever", Asleep),
        ],
    ),
];

const SANDBOX: Rows = &[
    (
        // H32, H35, H36, H37, H49
        "hostile.sandbox:globals",
        &[
            ("everything replaced", Fine),
            ("no globals", Fine),
            ("after the others", Fine),
            ("what is ours is read-only", Fine),
            ("absent", Fine),
            ("bytecode", Fine),
            ("hashes", Fine),
        ],
    ),
    (
        // H13
        "hostile.sandbox:depths",
        &[
            ("recursion", Fine),
            ("pcall", Fine),
            ("xpcall", Fine),
            ("wrap", Fine),
            ("metamethod", Fine),
            ("chain of __index", Fine),
            ("tostring", Fine),
            ("gsub", Fine),
            ("sort", Fine),
            ("load", Fine),
            ("close", Fine),
            ("json", Fine),
            ("message", Fine),
            ("pattern", Fine),
        ],
    ),
    (
        // H12, H16, H39
        "hostile.sandbox:values",
        &[
            ("cannot cross", Fine),
            ("no code runs", Fine),
            ("wrong self", Fine),
            ("as keys and errors", Fine),
            ("after the end", Fine),
        ],
    ),
    // H26, H29, H30, H52
    ("hostile.sandbox:numbers", &[("", Fine)]),
    (
        // H40, H43
        "hostile.sandbox:errors",
        &[
            ("nil", Fails("Internal: ")),
            ("false", Fails("Internal: false")),
            ("failing __tostring", Fails("Internal: ")),
            ("__tostring that gives a table", Fails("Internal: ")),
            ("large", Fails("Internal: xxx")),
            ("escapes", Fails("Internal: a")),
            ("itself", Fails("Internal: ")),
            ("panic", Fails("Internal: runtime fault: panic in a host function")),
        ],
    ),
];

/// H41: whoever reads stdout has stopped doing so.
const OUTPUT: Rows = &[(
    "hostile.sandbox:output",
    &[("failing __tostring", Fine), ("print", Asleep), ("one long line", Asleep), ("log", Asleep)],
)];

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

#[test]
fn rows_that_wait_exist() {
    for (entry, case) in WAITING {
        let cases = [TIME, MEMORY, CROWD, SANDBOX, OUTPUT].concat();
        let cases = cases.into_iter().find(|(other, _)| other == entry).map(|(_, cases)| cases);
        let exists = |(other, _): &(&str, _)| other == case || *case == "*";
        assert!(cases.is_some_and(|cases| cases.iter().any(exists)), "no row {entry} {case}");
    }
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
fn run<W: Write + Send + 'static>(rows: Rows, stdout: fn() -> W) {
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
        for (entry, cases) in rows {
            for (case, ends) in cases.iter().filter(|(case, _)| !waits(entry, case)) {
                let fault = check(&host, entry, case, *ends).err();
                faults.extend(fault.map(|fault| format!("{entry} `{case}`: {fault}")));
            }
        }
        assert!(faults.is_empty(), "with {workers} workers:\n{}", faults.join("\n"));
        memory_is_back(before);
        readers_go_on(true);
        drop(host);
        readers_go_on(false);
    }
}

/// Whether a row is left out.
fn waits(entry: &str, case: &str) -> bool {
    WAITING.iter().any(|(other, which)| *other == entry && (*which == case || *which == "*"))
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
    let ended = match end_of(watch, case) {
        Ok(Value::String(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        other => return Err(format!("{other:?}")),
    };
    let after = counts(host);
    let expected = match ends {
        Killed | HeldUp | Asleep => DEADLINE,
        Fails(text) => text,
        Fine => "fine",
    };
    if std::env::var_os("HOSTILE_TIMES").is_some() {
        let text = format!("{:6} ms  {entry} `{case}`: {ended:.90}\n", began.elapsed().as_millis());
        io::stderr().write_all(text.as_bytes()).expect("stderr");
    }
    let holds = |holds: bool, otherwise: &str| holds.then_some(()).ok_or(otherwise.to_owned());
    holds(ended.starts_with(expected), &format!("expected `{expected}`, got `{ended:.200}`"))?;
    if matches!(ends, Killed | HeldUp) {
        holds(after.preemptions > before.preemptions, "no slice ended")?;
    }
    if matches!(ends, HeldUp) {
        holds(after.hand_overs > before.hand_overs, "nothing was handed over")?;
    }
    answers(host, case);
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

/// The memory comes back once what has ended is freed.
fn memory_is_back(before: usize) {
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
