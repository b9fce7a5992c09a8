//! Services: in which order they start, when they start again, and what a start that fails means.

#[expect(dead_code, reason = "the other tests of the command use the rest")]
mod support;

use std::fmt::Write as _;

use support::{Finished, app, run, start};

/// Entries of an entry file, in namespace `app`. A name with a source is a `process.lua`, others
/// are whole entries.
fn yaml(entries: &[&str]) -> String {
    let mut yaml = "namespace: app\nentries:\n".to_owned();
    for entry in entries {
        writeln!(yaml, "  - {{ {entry} }}").expect("a string takes any text");
    }
    yaml
}

/// Runs one auto-started process with this lifecycle, in the words of YAML.
#[track_caller]
fn service(lifecycle: &str, source: &str) -> Finished {
    let entry = format!(
        "name: s, kind: process.lua, source: file://s.lua, lifecycle: {{ auto_start: true{lifecycle} }}"
    );
    run(&app(&[("_index.yaml", &yaml(&[&entry])), ("s.lua", source)]), &["run"])
}

#[test]
fn the_words_of_the_log_follow_a_service_through_its_states() {
    let finished =
        service(", restart: { initial_delay: 2ms, max_attempts: 1 }", "error('boom')").code(1);
    // What the process itself does to the log may come before or behind the word of its start.
    let words: Vec<&str> = finished
        .stderr
        .lines()
        .filter_map(|line| line.split_once(" app:s service "))
        .map(|(_, words)| words)
        .collect();
    let [started, failed, again, gave_up] = words.as_slice() else { panic!("{finished:#?}") };
    assert_eq!([*started, *again], ["started"; 2]);
    assert!(failed.starts_with("failed, restarts in ") && failed.ends_with(": app:s:1: boom"));
    assert_eq!(*gave_up, "failed, gave up after 1 restart: app:s:1: boom");
    assert_eq!(
        finished.stderr.matches("app:s process failed: app:s:1: boom kind=Internal").count(),
        2
    );
}

#[test]
fn a_failure_is_followed_by_a_new_process_with_the_same_arguments() {
    let entries = yaml(&[
        "name: w, kind: process.lua, source: file://w.lua",
        "name: s, kind: process.service, process: w, input: [1, two, {three: [3.5, true]}], \
         lifecycle: { auto_start: true, restart: { initial_delay: 1ms, max_attempts: 2 } }",
    ]);
    let source =
        "local a, b, c = ...; print(process.pid(), a, b, c.three[1], c.three[2]); error('x')";
    let finished = run(&app(&[("_index.yaml", &entries), ("w.lua", source)]), &["run"]).code(1);
    let mut pids: Vec<&str> = Vec::new();
    for line in finished.stdout.lines() {
        let (pid, args) = line.split_once('\t').unwrap();
        assert_eq!(args, "1\ttwo\t3.5\ttrue");
        pids.push(pid);
    }
    assert_eq!(pids.len(), 3);
    pids.dedup();
    assert_eq!(pids.len(), 3);
}

#[test]
fn a_normal_end_is_final_and_good() {
    for result in ["nil", "false", "'text'", "42"] {
        let source = format!("print('ran'); return {result}");
        service("", &source).code(0).stdout("ran\n").stderr_has("app:s service exited\n");
    }
}

#[test]
fn an_error_that_is_not_retryable_is_final_and_bad() {
    for result in ["nil, 'no'", "nil, errors.new{ message = 'no', retryable = false }"] {
        let source = format!("print('ran'); return {result}");
        service("", &source)
            .code(1)
            .stdout("ran\n")
            .stderr_has("service exited with an error: no\n");
    }
}

#[test]
fn whatever_else_ends_it_is_followed_by_a_restart() {
    let failures = [
        "return nil, errors.new{ message = 'no', retryable = true }",
        "return nil, errors.new('no')",
        "channel.new():receive()",
        "process.terminate(process.pid())",
        "process.cancel(process.pid(), 0)",
    ];
    for failure in failures {
        let source = format!("print('ran'); {failure}");
        let restart = ", restart: { initial_delay: 1ms, max_attempts: 1 }";
        service(restart, &source)
            .code(1)
            .stdout("ran\nran\n")
            .stderr_has("gave up after 1 restart");
    }
}

#[test]
fn a_service_that_recovers_ends_well() {
    let entries = yaml(&[
        "name: counter, kind: process.lua, source: file://counter.lua, lifecycle: { auto_start: true }",
        "name: s, kind: process.lua, source: file://s.lua, \
         lifecycle: { auto_start: true, requires: [counter], restart: { initial_delay: 1ms } }",
    ]);
    let counter = "
        process.registry.register('counter')
        local inbox = process.inbox()
        for n = 1, 3 do
          local sender = process.listen('next'):receive()
          process.send(sender, 'n', n)
        end";
    let source = "
        local mine = process.listen('n')
        while not process.send('counter', 'next', process.pid()) do time.sleep('1ms') end
        local n = mine:receive()
        print(n)
        if n < 3 then error('again') end";
    let files = [("_index.yaml", entries.as_str()), ("counter.lua", counter), ("s.lua", source)];
    run(&app(&files), &["run"]).code(0).stdout("1\n2\n3\n");
}

#[test]
fn what_is_required_starts_first_and_is_started_too() {
    let entries = yaml(&[
        "name: a, kind: process.lua, source: file://p.lua, lifecycle: { auto_start: true, requires: [c] }",
        "name: b, kind: process.lua, source: file://p.lua, lifecycle: { auto_start: true }",
        "name: c, kind: process.lua, source: file://p.lua, lifecycle: { depends_on: [d] }",
        "name: d, kind: process.service, process: w",
        "name: w, kind: process.lua, source: file://p.lua",
        "name: other, kind: process.lua, source: file://p.lua",
    ]);
    let finished = run(&app(&[("_index.yaml", &entries), ("p.lua", "")]), &["run"]).code(0);
    let started: Vec<&str> = finished
        .stderr
        .lines()
        .filter_map(|line| line.strip_suffix(" service started")?.rsplit(' ').next())
        .collect();
    assert_eq!(started, ["app:b", "app:d", "app:c", "app:a"]);
}

const SMALL_HOST: &str = "name: processes, kind: process.host, host: { max_processes: 1 }";

#[test]
fn a_required_service_that_cannot_start_ends_the_boot() {
    let entries = yaml(&[
        SMALL_HOST,
        "name: a, kind: process.lua, source: file://p.lua, lifecycle: { auto_start: true }",
        "name: b, kind: process.lua, source: file://p.lua, lifecycle: { auto_start: true }",
    ]);
    let source = "
        local event = process.events():receive()
        print(event.kind, event.reason)";
    run(&app(&[("_index.yaml", &entries), ("p.lua", source)]), &["run"])
        .code(1)
        .stdout("pid.cancel\tservice stopping\n")
        .stderr_has("error: required `app:b` could not start: max processes limit exceeded: app:processes\n");
}

#[test]
fn an_optional_service_that_cannot_start_is_tried_again() {
    let entries = yaml(&[
        SMALL_HOST,
        "name: a, kind: process.lua, source: file://a.lua, lifecycle: { auto_start: true }",
        "name: b, kind: process.lua, source: file://b.lua, \
         lifecycle: { auto_start: true, startup: optional, restart: { initial_delay: 1ms, max_delay: 1ms } }",
        "name: c, kind: process.lua, source: file://c.lua, lifecycle: { auto_start: true, requires: [b] }",
    ]);
    let files = [
        ("_index.yaml", entries.as_str()),
        ("a.lua", "time.sleep('1s'); print('a')"),
        ("b.lua", "print('b')"),
        ("c.lua", "print('c')"),
    ];
    run(&app(&files), &["run"])
        .code(0)
        .stdout("a\nb\n")
        .stderr_has("app:b could not start: max processes limit exceeded")
        .stderr_has("app:c not started: `app:b` does not run");
}

#[test]
fn a_pool_starts_anew_when_it_is_terminated() {
    let entries = yaml(&[
        "name: pool, kind: process.lua, source: file://pool.lua, \
         lifecycle: { auto_start: true, restart: { initial_delay: 1ms } }",
        "name: worker, kind: process.lua, source: file://worker.lua",
        "name: assassin, kind: process.lua, source: file://assassin.lua",
    ]);
    let pool = "
        process.registry.register('pool')
        process.spawn_linked('app:worker', 'app:processes')
        print('pool up', process.pid())
        process.inbox():receive()";
    let assassin = "
        local first = process.registry.lookup('pool')
        process.terminate('pool')
        repeat
          time.sleep('1ms')
          local now = process.registry.lookup('pool')
        until now and now ~= first
        print('reborn')";
    let files = [
        ("_index.yaml", entries.as_str()),
        ("pool.lua", pool),
        ("worker.lua", "process.inbox():receive()"),
        ("assassin.lua", assassin),
    ];
    let dir = app(&files);
    let running = start(&dir, &["run", "-x", "app:assassin"]);
    running.wait_stdout("reborn");
    running.finish().code(0).stderr_has("app:worker process failed: linked process failed");
}
