//! How a run ends: who is asked, in which order, who is waited for, who is killed and listed.

mod support;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{app, run, signal, start};
use tempfile::TempDir;

/// Far more than a prompt end takes, and far less than the deadlines that must not be waited for.
const PROMPT: Duration = Duration::from_secs(6);

const CANCEL: &str = "
local event = process.events():receive()
local left = math.floor(event.deadline - event.at + 0.5)
";

#[test]
fn idle_processes_keep_nobody_waiting() {
    let source = "
        for n = 1, 100 do process.spawn('app:idle', 'app:processes') end
        print('done')";
    let dir = app(&[("f.lua", source), ("idle.lua", "process.inbox():receive()")]);
    let finished = run(&dir, &["run", "f.lua"]).code(0).stdout("done\n");
    assert!(finished.took < PROMPT, "{finished:?}");
    finished.stderr_has("processes killed by the shutdown: 100");
}

#[test]
fn leftovers_are_listed_with_their_places() {
    let yaml = "
namespace: app
entries:
  - { name: processes, kind: process.host, lifecycle: { stop_timeout: 100ms } }
  - { name: s, kind: process.lua, source: file://s.lua, lifecycle: { auto_start: true, stop_timeout: 50ms } }
  - { name: w, kind: process.lua, source: file://w.lua }
";
    let service = "
process.spawn_linked('app:w', 'app:processes')
process.spawn('app:w', 'app:processes')
print('up')
while true do
  time.sleep('1ms')
end";
    let dir = app(&[
        ("_index.yaml", yaml),
        ("s.lua", service),
        ("w.lua", "while true do time.sleep('1s') end"),
    ]);
    let running = start(&dir, &["run"]);
    running.wait_stdout("up");
    running.signal("INT");
    let finished = running.finish().code(130);
    let (_, list) = finished.stderr.split_once("left over at the end, and killed: 2\n").unwrap();
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 4, "{list}");
    assert!(lines[0].starts_with("  {app:processes|0x") && lines[0].ends_with("} app:s"), "{list}");
    assert!(lines[1].starts_with("    ") && lines[1].ends_with(" at app:s:6"), "{list}");
    assert!(lines[2].ends_with("} app:w"), "{list}");
    assert!(lines[3].ends_with(" at app:w:1"), "{list}");
    // The other worker fell with the service.
    finished.stderr_has("app:w process failed: linked process failed");
}

#[test]
fn dependents_stop_before_what_they_require_and_others_last() {
    let yaml = "
namespace: app
entries:
  - { name: db, kind: process.service, process: p, input: [db], lifecycle: { stop_timeout: 20s } }
  - { name: web, kind: process.service, process: p, input: [web], lifecycle: { auto_start: true, requires: [db] } }
  - { name: p, kind: process.lua, source: file://p.lua }
  - { name: other, kind: process.lua, source: file://p.lua }
";
    let source = format!(
        "
        local name = ...
        if name == 'web' then process.spawn('app:other', 'app:processes', 'other') end
        print('up ' .. name)
        {CANCEL}
        time.sleep('30ms')
        print(name, event.kind, event.from == '', event.reason, left)"
    );
    let dir = app(&[("_index.yaml", yaml), ("p.lua", &source)]);
    let running = start(&dir, &["run"]);
    for name in ["up db", "up web", "up other"] {
        running.wait_stdout(name);
    }
    running.signal("TERM");
    let finished = running.finish().code(143);
    let lines: Vec<&str> = finished.stdout.lines().skip(3).collect();
    let expected = [
        "web\tpid.cancel\ttrue\tservice stopping\t10",
        "db\tpid.cancel\ttrue\tservice stopping\t20",
        "other\tpid.cancel\ttrue\thost stopping\t10",
    ];
    assert_eq!(lines, expected, "{finished:#?}");
}

#[test]
fn younger_processes_are_asked_first() {
    let source = "
        local name = ...
        if not name then
          for n = 1, 5 do process.spawn('app:f', 'app:processes', n) end
        else
          local events = process.events()
          print('up ' .. name)
          print('asked', name, events:receive().at)
        end
        if not name then process.inbox():receive() end";
    let dir = app(&[("f.lua", source)]);
    let running = start(&dir, &["run", "f.lua", "--workers", "1"]);
    running.wait_stdout("up 5");
    running.signal("INT");
    let finished = running.finish().code(130);
    let mut asked: Vec<(u32, f64)> = Vec::new();
    for line in finished.stdout.lines().filter(|line| line.starts_with("asked")) {
        let [_, name, at] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        asked.push((name.parse().unwrap(), at.parse().unwrap()));
    }
    // Who runs first is up to the scheduler: what counts is when they were asked.
    asked.sort_unstable_by_key(|(name, _)| *name);
    assert_eq!(asked.len(), 5, "{finished:#?}");
    assert!(asked.is_sorted_by(|(_, older), (_, younger)| older >= younger), "{asked:?}");
}

#[test]
fn nothing_is_spawned_any_more() {
    let source = "
        print('up')
        process.events():receive()
        local pid, err = process.spawn('app:f', 'app:processes')
        print(pid, err, err:kind(), err:retryable())";
    let dir = app(&[("f.lua", source)]);
    let running = start(&dir, &["run", "f.lua"]);
    running.wait_stdout("up");
    running.signal("INT");
    let expected = "up\nnil\thost is shutting down: app:processes\tUnavailable\ttrue\n";
    running.finish().code(130).stdout(expected);
}

#[test]
fn no_service_starts_again() {
    let yaml = "
namespace: app
entries:
  - { name: s, kind: process.lua, source: file://s.lua, lifecycle: { auto_start: true, restart: { initial_delay: 1ms } } }
  - { name: t, kind: process.lua, source: file://t.lua, lifecycle: { auto_start: true, requires: [s] } }
";
    let files = [
        ("_index.yaml", yaml),
        ("s.lua", "print('up'); process.events():receive(); error('on purpose')"),
        ("t.lua", "print('up too'); process.events():receive(); error('on purpose')"),
    ];
    let dir = app(&files);
    let running = start(&dir, &["run"]);
    running.wait_stdout("up too");
    running.wait_stdout("up");
    running.signal("INT");
    let finished = running.finish().code(130);
    assert_eq!(finished.stdout.lines().count(), 2, "{finished:#?}");
    assert!(!finished.stderr.contains("restarts in"), "{finished:#?}");
}

const BUSY: &str = "
if ... then process.spawn('app:f', 'app:processes') end
print('up')
while true do end";

#[test]
fn a_second_hang_up_hurries_nobody() {
    let source = "
        print('up')
        process.events():receive()
        print('asked')
        time.sleep('100ms')
        print('done')";
    let dir = app(&[("f.lua", source)]);
    let running = start(&dir, &["run", "f.lua"]);
    running.wait_stdout("up");
    running.signal("HUP");
    running.wait_stdout("asked");
    running.signal("HUP");
    running.finish().code(129).stdout("up\nasked\ndone\n");
}

#[test]
fn a_signal_behind_a_hang_up_ends_it_at_once() {
    let source = "print('up') process.events():receive() print('asked') while true do end";
    let dir = app(&[("f.lua", source)]);
    let running = start(&dir, &["run", "f.lua"]);
    running.wait_stdout("up");
    running.signal("HUP");
    running.wait_stdout("asked");
    running.signal("TERM");
    let finished = running.finish().code(129);
    assert!(finished.took < PROMPT, "{finished:?}");
}

#[test]
fn a_hang_up_that_was_ignored_stays_ignored() {
    let dir = app(&[("f.lua", "print('up') process.events():receive() print('asked')")]);
    let mut child = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$MOONLET\" run f.lua"])
        .env("MOONLET", snapbox::cmd::cargo_bin!("moonlet"))
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdout = child.stdout.take().expect("it is a pipe");
    stdout.read_exact(&mut [0; 3]).expect("it prints");
    // Had the first one any effect, it would decide the exit code.
    signal(child.id(), "HUP");
    signal(child.id(), "TERM");
    assert_eq!(child.wait().expect("it is a child").code(), Some(143));
}

#[test]
fn a_step_that_takes_long_says_so_and_a_second_signal_ends_it() {
    let dir = app(&[("f.lua", BUSY)]);
    let running = start(&dir, &["run", "f.lua"]);
    running.wait_stdout("up");
    running.signal("TERM");
    let notice = running.wait_stderr("shutdown waits for app:f {app:processes|0x00001}, at most ");
    assert!(notice.ends_with(" more; a second signal ends it at once"), "{notice}");
    running.signal("INT");
    let finished = running.finish().code(143);
    assert!(finished.took < PROMPT, "{finished:?}");
    assert_eq!(finished.stderr.matches("shutdown waits for").count(), 1);
    assert!(!finished.stderr.contains("left over"), "{finished:#?}");
}

#[test]
fn after_the_timeout_of_the_whole_everything_is_killed() {
    let yaml = "
namespace: app
entries:
  - { name: f, kind: process.lua, source: file://f.lua }
";
    let settings = "shutdown: { timeout: 200ms }\n";
    let dir = app(&[("_index.yaml", yaml), ("f.lua", BUSY), ("moonlet.yaml", settings)]);
    let running = start(&dir, &["run", "-x", "app:f", "--", "two"]);
    running.wait_stdout("up");
    running.signal("INT");
    let finished = running.finish().code(130);
    assert!(finished.took < PROMPT, "{finished:?}");
    finished.stderr_has("left over at the end, and killed: 2\n").stderr_has("running at app:f:4\n");
}

#[test]
fn processes_can_finish_their_talk() {
    let source = "
        local partner = ...
        if not partner then
          partner = process.spawn('app:f', 'app:processes', process.pid())
          local inbox = process.inbox()
          print('up')
          process.events():receive()
          process.send(partner, 'bye', 1)
          print(inbox:receive():payload():data())
        else
          local value = process.listen('bye'):receive()
          time.sleep('20ms')
          process.send(partner, 'back', value + 1)
        end";
    let dir = app(&[("f.lua", source)]);
    let running = start(&dir, &["run", "f.lua"]);
    running.wait_stdout("up");
    running.signal("INT");
    running.finish().code(130).stdout("up\n2\n");
}

#[test]
fn a_reader_that_never_reads_does_not_keep_it() {
    let settings = "shutdown: { timeout: 100ms }\n";
    let yaml = "
namespace: app
entries:
  - { name: f, kind: process.lua, source: file://f.lua }
";
    let source = "while true do print(('x'):rep(1000)) end";
    let dir = app(&[("_index.yaml", yaml), ("f.lua", source), ("moonlet.yaml", settings)]);
    let mut child = Command::new(snapbox::cmd::cargo_bin!("moonlet"))
        .args(["run", "-x", "app:f"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command starts");
    let mut stdout = child.stdout.take().expect("it is a pipe");
    stdout.read_exact(&mut [0; 1000]).expect("it prints");
    signal(child.id(), "INT");
    assert_eq!(child.wait().expect("it is a child").code(), Some(130));
}

/// An application that logs `n` records of a kilobyte each, numbered, prints `up` and goes on with
/// `rest`. It is given 100 ms to shut down.
fn logging(n: usize, rest: &str) -> TempDir {
    let yaml = "
namespace: app
entries:
  - { name: f, kind: process.lua, source: file://f.lua, modules: [logger] }
";
    let source = format!(
        "
        local logger, text = require('logger'), ('x'):rep(1000)
        for n = 1, {n} do logger.info('record ' .. n .. ' ' .. text) end
        print('up')
        {rest}"
    );
    let settings = "shutdown: { timeout: 100ms }\n";
    app(&[("_index.yaml", yaml), ("f.lua", &source), ("moonlet.yaml", settings)])
}

/// Starts it with nobody reading stderr, and waits until it prints `up`.
fn unread(dir: &TempDir) -> Child {
    let mut child = Command::new(snapbox::cmd::cargo_bin!("moonlet"))
        .args(["run", "-x", "app:f"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let stdout = child.stdout.as_mut().expect("it is a pipe");
    stdout.read_exact(&mut [0; 3]).expect("it prints");
    child
}

/// The number of a record of [`logging`].
fn number(record: &str) -> Option<usize> {
    record.split_once(" record ")?.1.split(' ').next()?.parse().ok()
}

#[test]
fn a_log_that_nobody_reads_keeps_nobody() {
    let dir = logging(8_000, "while true do logger.info(text) end");
    let mut child = unread(&dir);
    let began = Instant::now();
    signal(child.id(), "TERM");
    assert_eq!(child.wait().expect("it is a child").code(), Some(143));
    assert!(began.elapsed() < Duration::from_millis(1100), "{:?}", began.elapsed());
}

#[test]
fn records_that_nobody_read_in_time_are_counted() {
    const N: usize = 8_000;
    let dir = logging(N, "process.inbox():receive()");
    let mut child = unread(&dir);
    let mut records = BufReader::new(child.stderr.take().expect("it is a pipe")).lines();
    let mut seen = 0;
    let dropped: usize = loop {
        let record = records.next().expect("a line").expect("text");
        if let Some((_, n)) = record.split_once(" WARN  records dropped since nobody read them: ") {
            break n.parse().expect("a number");
        }
        seen += 1;
        assert_eq!(number(&record), Some(seen), "in order, and none before them is missing");
    };
    assert_eq!(seen + dropped, N);
    signal(child.id(), "TERM");
    assert_eq!(child.wait().expect("it is a child").code(), Some(143));
}

#[test]
fn a_log_that_is_read_is_whole_and_in_order() {
    const N: usize = 3_000;
    let dir = logging(N, "process.inbox():receive()");
    let mut child = unread(&dir);
    let records = BufReader::new(child.stderr.take().expect("it is a pipe")).lines();
    let numbers = records.take(N).map(|record| number(&record.expect("text")).expect("a record"));
    assert!(numbers.eq(1..=N));
    signal(child.id(), "TERM");
    assert_eq!(child.wait().expect("it is a child").code(), Some(143));
}
