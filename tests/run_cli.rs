//! `moonlet run`: what it runs, what it writes, and its exit codes.

#[expect(dead_code, reason = "the other tests of the command use the rest")]
mod support;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;
use std::time::Duration;

use support::{app, run, start};

/// One file, run on its own.
#[track_caller]
fn file(source: &str) -> support::Finished {
    run(&app(&[("f.lua", source)]), &["run", "f.lua"])
}

#[test]
fn numbers_from_0_to_255_are_the_exit_code() {
    for (result, code) in [("0", 0), ("7", 7), ("255", 255), ("3.0", 3)] {
        let finished = file(&format!("return {result}")).code(code).stdout("");
        assert_eq!(finished.stderr, "");
    }
}

#[test]
fn other_numbers_are_a_failure_with_a_note() {
    for (result, shown) in [("256", "256"), ("-1", "-1"), ("0.5", "0.5"), ("1/0", "inf")] {
        let note = format!("the result `{shown}` is no exit code from 0 to 255\n");
        let finished = file(&format!("return {result}")).code(1).stdout("");
        assert_eq!(finished.stderr, note);
    }
}

#[test]
fn other_results_are_success_but_false() {
    for result in ["", "return", "return nil", "return true"] {
        file(result).code(0).stdout("");
    }
    for result in ["{}", "function() end", "errors.new('e')", "coroutine.create(print)"] {
        file(&format!("return function() return {result} end")).code(0).stdout("");
    }
    file("return false").code(1).stdout("");
}

#[test]
fn a_string_is_the_last_line_of_stdout() {
    file("print('one'); return 'two'").code(0).stdout("one\ntwo\n");
}

#[test]
fn a_failure_is_told_with_its_traceback() {
    file("local function g() error('boom') end\ng()")
        .code(1)
        .stderr_has("error: app:f:1: boom\nstack traceback:\n")
        .stderr_has("\n\tf.lua:1: in ");
    file("return nil, 'no luck'").code(1).stderr_has("error: no luck\n");
}

#[test]
fn an_endless_descent_is_an_error_that_can_be_caught() {
    // Slices end in the middle of each of them, so it also has to get on.
    let source = "
local function call() return 1 + call() end
local ok, err = pcall(call)
assert(not ok and tostring(err):find('stack overflow'), err)
local function wrap() return coroutine.wrap(wrap)() end
ok, err = pcall(wrap)
assert(not ok and tostring(err):find('C stack overflow'), err)
local function resume()
  local _, err = coroutine.resume(coroutine.create(resume))
  return err
end
assert(resume() == 'C stack overflow')";
    file(source).code(0);
}

#[test]
fn a_memory_limit_is_named_whoever_reaches_it() {
    let yaml = "
namespace: app
entries:
  - { name: f, kind: process.lua, source: file://f.lua, memory_limit: 1MB }
";
    let source = "while true do coroutine.spawn(function() time.sleep('1h') end) end";
    let dir = app(&[("_index.yaml", yaml), ("f.lua", source)]);
    run(&dir, &["run", "-x", "app:f"]).code(1).stderr_has("error: memory limit of 1MB exceeded\n");
}

#[test]
fn a_total_memory_limit_is_named_by_the_failure_and_the_log() {
    let dir = app(&[("f.lua", "local held = ('x'):rep(5 << 20) while true do end")]);
    let limit = ["-o", "app:processes:host.total_memory_limit=4MB"];
    run(&dir, &[&["run", "f.lua"][..], &limit].concat())
        .code(1)
        .stderr_has(" WARN ")
        .stderr_has("the processes of host app:processes hold too much memory together")
        .stderr_has("held=5.0MB limit=4MB")
        .stderr_has("error: total memory limit of 4MB of host app:processes exceeded\n");
}

#[test]
fn arguments_are_strings_of_any_bytes() {
    let source = "local a, b = ...; print(math.type(a), a, #b, b:byte(1, -1))";
    let dir = app(&[("f.lua", source)]);
    let output = Command::new(snapbox::cmd::cargo_bin!("moonlet"))
        .args(["run", "f.lua", "--", "12"])
        .arg(OsStr::from_bytes(b"\xff-"))
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "nil\t12\t2\t255\t45\n");
}

#[test]
fn files_beside_the_one_that_runs_can_be_spawned() {
    let dir = app(&[
        (
            "f.lua",
            "print(process.exec('app:other', 'app:processes', 20))\nprint(process.spawn('app:broken', 'app:processes'))",
        ),
        ("other.lua", "local n = ...; return n + 1"),
        ("broken.lua", "return ]"),
    ]);
    let expected = "21\nnil\tfailed to load script: app:broken:1: unexpected symbol near ']'\n";
    run(&dir, &["run", "f.lua"]).code(0).stdout(expected);
    run(&dir, &["run", "f.lua", "-x", "app:other", "--", "1"]).code(2);
}

const TWO_HOSTS: &str = "
namespace: app
entries:
  - { name: one, kind: process.host, host: { workers: 1 } }
  - { name: two, kind: process.host, host: { workers: 1 } }
  - { name: lib, kind: library.lua, source: file://lib.lua }
  - { name: main, kind: process.lua, source: file://main.lua, host: one, imports: { lib: lib } }
";
const TELL_HOST: &str = "local lib = require('lib'); return { main = function(...) print(lib, process.pid():match('{(.*)|'), ...) end, other = function() print('other') end }";

#[test]
fn an_entry_runs_on_its_host_or_the_one_of_the_command_line() {
    let dir =
        app(&[("_index.yaml", TWO_HOSTS), ("main.lua", TELL_HOST), ("lib.lua", "return 'lib'")]);
    run(&dir, &["run", "-x", "app:main", "--", "a"]).code(0).stdout("lib\tapp:one\ta\n");
    run(&dir, &["run", ".", "-x", "app:main", "--host", "app:two"])
        .code(0)
        .stdout("lib\tapp:two\n");
    let with = |option| run(&dir, &["run", "-x", "app:main", "-o", option]).code(0);
    with("app:main:method=other").stdout("other\n");
    with("app:main:host=two").stdout("lib\tapp:two\n");
    run(&dir, &["run", "-x", "app:main", "--workers", "3"]).code(0);
}

#[test]
fn what_cannot_be_run_is_a_fault_of_usage() {
    let dir = app(&[("_index.yaml", TWO_HOSTS), ("main.lua", TELL_HOST), ("lib.lua", "return 1")]);
    let refused = |args: &[&str], text: &str| {
        let args: Vec<&str> = ["run"].iter().chain(args).copied().collect();
        run(&dir, &args).code(2).stdout("").stderr_has(text);
    };
    refused(&["-x", "app:none"], "unknown entry `app:none` for -x; process.lua entries: app:main");
    refused(&["-x", "app:lib"], "`app:lib` is a library.lua");
    refused(&["-x", "app:main", "--host", "app:three"], "unknown host `app:three`");
    refused(&["-x", "app:main", "--host", "app:main"], "unknown host `app:main`");
    refused(&["--", "a"], "ARGS need an entry to run");
    refused(&["--host", "app:one"], "--host need");
    refused(&["nowhere"], "cannot open `nowhere`");
    refused(
        &[],
        "nothing to run: no entry has `lifecycle.auto_start: true`, and there is no -x; process.lua entries: app:main",
    );
    refused(&["-x", "app:main", "--workers", "0"], "--workers");
}

#[test]
fn every_source_is_compiled_before_anything_runs() {
    let yaml = "
namespace: app
entries:
  - { name: main, kind: process.lua, source: file://main.lua }
  - { name: bad, kind: process.lua, source: file://bad.lua }
";
    let dir = app(&[
        ("_index.yaml", yaml),
        ("main.lua", "print('ran')"),
        ("bad.lua", "local x\nx = = 1\n"),
    ]);
    let report = "bad.lua:2:1: error: unexpected symbol near '='\n  2 | x = = 1\n";
    run(&dir, &["run", "-x", "app:main"]).code(2).stdout("").stderr_has(report);
    run(&dir, &["check"]).code(1).stdout("").stderr_has(report);
}

#[test]
fn without_an_entry_it_runs_until_nothing_is_left() {
    let yaml = "
namespace: app
entries:
  - { name: parent, kind: process.lua, source: file://parent.lua, lifecycle: { auto_start: true } }
  - { name: child, kind: process.lua, source: file://child.lua }
";
    let parent = "process.spawn('app:child', 'app:processes'); print('parent')";
    let dir = app(&[
        ("_index.yaml", yaml),
        ("parent.lua", parent),
        ("child.lua", "time.sleep('50ms'); print('child')"),
    ]);
    run(&dir, &["run"]).code(0).stdout("parent\nchild\n");
}

#[test]
fn signals_decide_the_exit_code() {
    let dir = app(&[("f.lua", "print('up'); process.inbox():receive()")]);
    for (signal, code) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        let running = start(&dir, &["run", "f.lua"]);
        running.wait_stdout("up");
        running.signal(signal);
        let finished = running.finish().code(code);
        assert!(finished.took < Duration::from_secs(10), "{finished:?}");
    }
}

#[test]
fn a_run_that_was_stopped_goes_on_where_it_was() {
    let source = "
        for _ = 1, 4 do coroutine.spawn(function() while true do time.sleep('1ms') end end) end
        print('up')
        process.events():receive()
        print('asked')";
    let dir = app(&[("f.lua", source)]);
    let running = start(&dir, &["run", "f.lua"]);
    running.wait_stdout("up");
    for _ in 0..3 {
        running.signal("STOP");
        running.signal("CONT");
    }
    running.signal("TERM");
    running.finish().code(143).stdout("up\nasked\n");
}

#[test]
fn every_line_gets_out_before_the_end() {
    let finished = file("for i = 1, 200000 do print(i) end").code(0);
    assert_eq!(finished.stdout.lines().count(), 200_000);
    assert!(finished.stdout.ends_with("\n200000\n"));
}

/// Runs a shell line with `$MOONLET`.
fn shell(dir: &tempfile::TempDir, line: &str) -> std::process::Output {
    Command::new("sh")
        .args(["-c", line])
        .env("MOONLET", snapbox::cmd::cargo_bin!("moonlet"))
        .current_dir(dir.path())
        .output()
        .expect("a shell")
}

#[test]
fn nobody_needs_to_listen() {
    let source = "for i = 1, 1000 do print(i) end\nrequire('logger').error('x')\nreturn 5";
    let dir = app(&[("f.lua", source)]);
    for line in [
        "$MOONLET run f.lua >&-",
        "$MOONLET run f.lua >&- 2>&-",
        "{ $MOONLET run f.lua; echo $? >code; } | true; exit $(cat code)",
        "{ $MOONLET run f.lua 2>&1; echo $? >code; } | true; exit $(cat code)",
        "$MOONLET run f.lua >/dev/full 2>/dev/full",
    ] {
        let output = shell(&dir, line);
        assert_eq!(output.status.code(), Some(5), "{line}: {output:?}");
    }
    for line in ["$MOONLET check f.lua >&-", "$MOONLET --help >&-", "$MOONLET run none.lua 2>&-"] {
        let code = shell(&dir, line).status.code();
        assert!(matches!(code, Some(0 | 2)), "{line}: {code:?}");
    }
}

#[test]
fn records_are_one_line_of_the_wanted_level() {
    let yaml = "
namespace: app
entries:
  - { name: main, kind: process.lua, source: file://main.lua, modules: [logger] }
";
    let source = "local logger = require('logger')\nlogger.info('a\\nb')\nlogger.warn('c\\27[31m')\nerror('d\\ne')";
    let dir = app(&[
        ("_index.yaml", yaml),
        ("main.lua", source),
        ("moonlet.yaml", "log: { level: warn }\n"),
    ]);
    let finished = run(&dir, &["run", "-x", "app:main"]).code(1);
    let records: Vec<&str> =
        finished.stderr.lines().filter(|line| line.contains(" {app:processes|0x")).collect();
    let [warning, failure] = records.as_slice() else { panic!("{finished:#?}") };
    assert!(warning.contains("Z WARN  {app:processes|0x00001} app:main c\\"), "{warning}");
    assert!(!warning.contains('\x1b'));
    assert!(
        failure
            .contains(" ERROR {app:processes|0x00001} app:main process failed: app:main:4: d\\ne")
    );
    assert!(failure.contains("\\n\\tmain.lua:4: in "), "{failure}");
}
