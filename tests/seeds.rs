//! The programs of the tutorials run unchanged, and do what the specification of processes says in
//! section 21. The tutorials are read from the folder that `MOONLET_SEEDS` names; without them these
//! tests have nothing to run. Workers that the tutorials only name are ours.

mod support;
mod tutorial;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread;

use tempfile::TempDir;

use crate::support::{Finished, app, run, start};
use crate::tutorial::{Code, Document, documents};

macro_rules! worker {
    ($name:literal) => {
        include_str!(concat!("seeds/workers/", $name, ".lua"))
    };
}

macro_rules! driver {
    ($name:literal) => {
        include_str!(concat!("seeds/drivers/", $name, ".lua"))
    };
}

/// The text of an id that the programs of the first tutorial use.
fn test_id(name: &str) -> String {
    format!("app.test.process:{name}")
}

/// An application of process entries: ids and sources.
fn site(entries: &[(&str, &str)]) -> TempDir {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (id, source) in entries {
        let (namespace, name) = id.split_once(':').expect("an id");
        let index = files.entry(format!("{namespace}/_index.yaml")).or_default();
        if index.is_empty() {
            *index = format!("namespace: {namespace}\nentries:\n");
        }
        // Writing to a `String` cannot fail.
        let _ =
            writeln!(index, "  - {{name: {name}, kind: process.lua, source: file://{name}.lua}}");
        files.insert(format!("{namespace}/{name}.lua"), (*source).to_owned());
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(p, c)| (p.as_str(), c.as_str())).collect();
    app(&files)
}

/// Runs one entry of such an application.
fn run_entry(entries: &[(&str, &str)], id: &str, args: &[&str]) -> Finished {
    let all = [&["run", ".", "-x", id, "--"], args].concat();
    run(&site(entries), &all)
}

/// Runs the program itself.
fn run_program(entries: &[(&str, &str)]) -> Finished {
    run_entry(entries, "app:program", &[])
}

/// Runs the program in all documents that show it, side by side.
fn in_each_document(check: impl Fn(&Document) + Sync) {
    let Some((documents, _)) = documents() else { return };
    thread::scope(|scope| {
        for document in &documents {
            let check = &check;
            let body = move || check(document);
            let builder = thread::Builder::new().name(document.name.clone());
            builder.spawn_scoped(scope, body).expect("a thread");
        }
    });
}

/// Runs a check with the programs of the second tutorial.
fn in_supervision(check: impl FnOnce(&Document)) {
    if let Some((_, document)) = documents() {
        check(&document);
    }
}

/// A text with `<pid>` for each PID, its lines sorted: those of different processes have no order.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(without_pids).collect();
    lines.sort();
    lines
}

/// A line with `<pid>` for each PID.
fn without_pids(line: &str) -> String {
    let mut out = String::new();
    for (n, piece) in line.split("{app:processes|0x").enumerate() {
        if n == 0 {
            out += piece;
            continue;
        }
        let (serial, rest) = piece.split_once('}').expect("a PID ends");
        assert!(serial.len() >= 5 && serial.bytes().all(|b| b.is_ascii_hexdigit()), "{line}");
        out += "<pid>";
        out += rest;
    }
    out
}

/// The PID in the line of a text that starts so.
fn pid_in<'a>(text: &'a str, line: &str) -> &'a str {
    let line = text.lines().find(|found| found.starts_with(line)).expect("that line");
    &line[line.find('{').expect("a PID")..]
}

trait Shows {
    /// Checks the lines of stdout, in any order.
    fn shows(self, expected: &[&str]) -> Self;
}

impl Shows for Finished {
    #[track_caller]
    fn shows(self, expected: &[&str]) -> Self {
        let mut expected: Vec<&str> = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(lines(&self.stdout), expected, "{self:#?}");
        self
    }
}

// ---- the tutorial of processes

#[test]
fn p1_spawns_a_worker_with_an_argument() {
    in_each_document(|document| {
        let program = &document.lua[0];
        let started = format!("{}\t<pid>", program.text("Started"));
        let worker = test_id("echo_worker");
        let entries = [
            ("app:driver", driver!("spawned")),
            ("app:program", &program.0),
            (&worker, worker!("reports_argument")),
        ];
        run_entry(&entries, "app:driver", &[]).code(0).shows(&[
            &started,
            "EXIT\ttrue\tnil\tnil",
            "ARGUMENT\thello\ttrue",
        ]);
        run_entry(
            &[("app:driver", driver!("observe")), ("app:program", &program.0)],
            "app:driver",
            &[],
        )
        .code(0)
        .shows(&["EXIT\tnil\tInternal\tfalse\tspawn failed: entry not found: \
                      app.test.process:echo_worker"]);
        run_program(&[("app:program", &program.0)])
            .code(1)
            .stdout("")
            .stderr_has("spawn failed: entry not found: app.test.process:echo_worker");
    });
}

#[test]
fn p2_tells_its_own_pid() {
    in_each_document(|document| {
        let program = document.lua[1].between("", "assert(my_pid == process.pid()) return my_pid");
        let entries = [("app:driver", driver!("observe")), ("app:program", &program)];
        run_entry(&entries, "app:driver", &[]).code(0).shows(&["EXIT\town PID\tnil\tnil\tnil"]);
    });
}

#[test]
fn p3_and_p4_send_to_a_listener() {
    in_each_document(|document| {
        let (sender, listener) = (&document.lua[2], &document.lua[3]);
        let received = format!("{}\t{}", listener.text("Received"), sender.text("hello"));
        let failure = format!("EXIT\t{}process not found: <pid>", sender.text("send failed"));
        let sender = sender.between("local worker_pid = ...", "print('SENT', sent, err)");
        let entries = [
            ("app:driver", driver!("listener")),
            ("app:program", &sender),
            ("app:listener", &listener.0),
        ];
        run_entry(&entries, "app:driver", &[]).code(0).shows(&[
            &received,
            "SENT\ttrue\tnil",
            "EXIT\tlistener true nil, program nil nil",
            &failure,
        ]);
    });
}

#[test]
fn p5_reads_what_nobody_listens_on_from_the_inbox() {
    in_each_document(|document| {
        let got = format!("{}\tgreeting\thello", document.lua[4].text("Inbox got"));
        let program = document.lua[4].as_main();
        let entries = [("app:driver", driver!("inbox_reader")), ("app:program", &program)];
        run_entry(&entries, "app:driver", &[]).code(0).shows(&[
            &got,
            "ALIVE\ttrue",
            "EXIT\ttrue\tprocess terminated",
        ]);
    });
}

#[test]
fn p6_echoes_in_message_mode() {
    in_each_document(|document| {
        let entries = [("app:driver", driver!("echo")), ("app:program", &document.lua[5].0)];
        run_entry(&entries, "app:driver", &[]).code(0).stdout(
            "EXIT\ttrue\ttrue\tnil\nREPLY\tstring\ta text\n\
             EXIT\ttrue\ttrue\tnil\nREPLY\ttable\t1\tx\ttrue\n",
        );
    });
}

#[test]
fn p7_waits_for_an_exit() {
    in_each_document(|document| {
        let worker = test_id("events_exit_worker");
        let exited = format!("{}\t<pid>", document.lua[6].text("Worker exited"));
        let program = document.lua[6].between(
            "",
            "print('RESULT', event.from == worker_pid, event.result.value, event.error)",
        );
        run_program(&[("app:program", &program), (&worker, worker!("ends"))])
            .code(0)
            .shows(&[&exited, "RESULT\ttrue\tdone\tnil"]);
        let error = format!("{}\t{worker}:4: boom", document.lua[6].text("Exit error"));
        run_program(&[("app:program", &program), (&worker, worker!("fails"))]).code(0).shows(&[
            &exited,
            &error,
            &format!("RESULT\ttrue\tnil\t{worker}:4: boom"),
        ]);
        run_program(&[("app:program", &program), (&worker, worker!("obeys"))])
            .code(1)
            .stdout("")
            .stderr_has(document.lua[6].text("timeout"));
    });
}

#[test]
fn p8_monitors_and_unmonitors() {
    // After a CANCEL the next EXIT is that of the worker, or of one that ends later.
    const THEN: &str = "process.cancel(worker_pid, '10s')
        while process.send(worker_pid, 'are you alive?') do time.sleep('1ms') end
        local later = process.spawn_monitored('app.test.process:later', 'app:processes')
        local names = { [worker_pid] = 'worker', [later] = 'later' }
        local event
        repeat
            event = events_ch:receive()
            print('EXIT', names[event.from], event.result)
        until event.from == later";
    in_each_document(|document| {
        let (monitor, unmonitor) = (&document.lua[7], &document.lua[8]);
        let (long, later) = (test_id("long_worker"), test_id("later"));
        let entries = |program| {
            let site = [
                ("app:program", program),
                (long.as_str(), worker!("obeys")),
                (later.as_str(), worker!("ends")),
            ];
            run_program(&site).code(0)
        };
        let program = monitor.between("", &format!("print('OK', ok, monitor_err)\n{THEN}"));
        entries(&program).stdout("OK\ttrue\tnil\nEXIT\tworker\tcancelled\nEXIT\tlater\tdone\n");
        let both = Code(monitor.between("", &unmonitor.0));
        let program = both.between("", &format!("print('OK', ok, err)\n{THEN}"));
        entries(&program).stdout("OK\ttrue\tnil\nEXIT\tlater\tdone\n");
    });
}

#[test]
fn p9_shares_the_fate_of_a_linked_child() {
    const THEN: &str = "process.send('driver', 'child', pid)
        if process.listen('do'):receive() == 'raise' then error('parent failed', 0) end";
    in_each_document(|document| {
        let program = document.lua[9].between("", THEN);
        let child = test_id("child_worker");
        let with = |worker, what| {
            let entries = [
                ("app:driver", driver!("linked_child")),
                ("app:program", &program),
                (&child, worker),
            ];
            run_entry(&entries, "app:driver", &[what]).code(0)
        };
        with(worker!("waits_for_events"), "raise").stdout(
            "PROGRAM\ttrue\tnil\tparent failed\nCHILD\ttrue\tnil\tlinked process failed\n\
             DOWN FROM\tnil\n",
        );
        with(worker!("traps"), "raise").stdout(
            "PROGRAM\ttrue\tnil\tparent failed\nCHILD\ttrue\tparent down\tnil\nDOWN FROM\ttrue\n",
        );
        with(worker!("waits_for_events"), "return")
            .stdout("PROGRAM\ttrue\tnil\tnil\nCHILD LIVES\ttrue\n");
    });
}

#[test]
fn p10_links_and_unlinks() {
    const THEN: &str = "print('OK', ok, err)
        process.send('driver', 'done')
        if process.listen('do'):receive() == 'fail' then error('program failed', 0) end
        return 'program ends'";
    in_each_document(|document| {
        let long = test_id("long_worker");
        let with = |program: &Code, who| {
            let program = program.between("local target_pid = ...", THEN);
            let entries = [
                ("app:driver", driver!("linked")),
                ("app:program", &program),
                (&long, worker!("obeys")),
            ];
            run_entry(&entries, "app:driver", &[who]).code(0)
        };
        let (whole, link) = (&document.lua[10], document.lua[10].first_part());
        with(&link, "program").stdout(
            "OK\ttrue\tnil\nEXITS\tprogram: program failed, target: linked process failed\n",
        );
        with(&link, "target").stdout(
            "OK\ttrue\tnil\nEXITS\ttarget: process terminated, program: linked process failed\n",
        );
        with(whole, "program")
            .stdout("OK\ttrue\tnil\nEXITS\tprogram: program failed, target: cancelled\n");
        with(whole, "target")
            .stdout("OK\ttrue\tnil\nEXITS\ttarget: process terminated, program: program ends\n");
    });
}

#[test]
fn p11_traps_the_failure_of_a_linked_child() {
    in_each_document(|document| {
        let program = &document.lua[11];
        let worker = test_id("error_exit_worker");
        let entries = [
            ("app:driver", driver!("observe")),
            ("app:program", &program.0),
            (&worker, worker!("fails")),
        ];
        let died = program.text("Linked process died");
        let finished = run_entry(&entries, "app:driver", &[]).code(0);
        assert_eq!(pid_in(&finished.stdout, died), {
            let started = pid_in(&finished.stdout, "STARTED");
            &started[..=started.find('}').expect("it ends")]
        });
        finished.shows(&[
            &format!("{died}\t<pid>"),
            "EXIT\ttrue\tnil\tnil\tnil",
            "STARTED\t<pid>\tNotFound",
        ]);
        run_program(&entries[1..]).code(0).shows(&[&format!("{died}\t<pid>")]);
        run_program(&[("app:program", &program.0), (&worker, worker!("ends"))])
            .code(1)
            .stdout("")
            .stderr_has(program.text("timeout"));
    });
}

#[test]
fn p12_registers_and_looks_up_a_name() {
    in_each_document(|document| {
        let program = &document.lua[12];
        let prefix = program.texts()[0];
        let entries = [("app:driver", driver!("registered")), ("app:program", &program.0)];
        run_entry(&entries, "app:driver", &[prefix])
            .code(0)
            .stdout("EXIT\ttrue\ttrue\tnil\nHELD\tfalse\n");
    });
}

#[test]
fn p13_unregisters_a_name() {
    in_each_document(|document| {
        let fragment = &document.lua[13];
        let after = "print('FOUND', pid, err ~= nil)";
        let registers = "local test_name = 'held' process.registry.register(test_name)";
        let program = fragment.between(registers, after);
        run_program(&[("app:program", &program)]).code(0).stdout("FOUND\tnil\ttrue\n");
        let program = fragment.between("local test_name = 'held'", after);
        run_program(&[("app:program", &program)])
            .code(0)
            .stdout(&format!("{}\nFOUND\tnil\ttrue\n", fragment.text("Name was")));
    });
}

#[test]
fn p14_collects_the_results_of_monitored_workers() {
    in_each_document(|document| {
        let (program, shown_worker) = (&document.lua[14], &document.lua[15]);
        let worker = test_id("task_worker");
        let line = |n: u32, label: &str, text: &str| {
            format!("{}{n}{}\t{text}", program.text("Worker "), program.text(label))
        };
        let completed = |n: u32| line(n, " completed", &(20 * n).to_string());
        let mut expected: Vec<String> = (1..=5).map(completed).collect();
        let check = |worker_source: &str, expected: &[String]| {
            let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
            run_program(&[("app:program", &program.0), (&worker, worker_source)])
                .code(0)
                .shows(&expected);
        };
        check(&shown_worker.0, &expected);
        expected[2] = line(3, " failed:", &format!("{worker}:3: task 3 is bad"));
        check(worker!("third_task_raises"), &expected);
    });
}

// ---- the tutorial of supervision

#[test]
fn q1_receives_the_exit_of_a_worker() {
    in_supervision(|document| {
        let worker = "app.workers:task_worker";
        let program = document.lua[0].as_main();
        let exited = format!("{}\t<pid>", document.lua[0].text("Worker exited"));
        let result = |value: &str| format!("{}\t{value}", document.lua[0].text("Result"));
        let error = |text: &str| format!("{}\t{text}", document.lua[0].text("Error"));
        let with =
            |source: &str| run_program(&[("app:program", &program), (worker, source)]).code(0);
        with(worker!("answer")).stdout_without_pids(&[&exited, &result("42")]);
        with(worker!("raises")).stdout_without_pids(&[
            &exited,
            &result("nil"),
            &error("app.workers:task_worker:1: no answer"),
        ]);
        let finished = with(&document.lua[14].0);
        assert!(finished.stdout.contains("attempt to concatenate a nil value"), "{finished:#?}");
    });
}

trait ShowsInOrder {
    /// Checks the lines of stdout, in this order.
    fn stdout_without_pids(self, expected: &[&str]) -> Self;
}

impl ShowsInOrder for Finished {
    #[track_caller]
    fn stdout_without_pids(self, expected: &[&str]) -> Self {
        let seen: Vec<String> = self.stdout.lines().map(without_pids).collect();
        assert_eq!(seen, expected, "{self:#?}");
        self
    }
}

const OVERDUE: &str = "process terminated: cancel deadline of 100ms exceeded kind=Canceled";

/// A program that cancels a long worker and prints one line: with a worker that obeys, and with one
/// that has to be killed.
fn cancels(program: &Code, label: &str) {
    let line = format!("{}\t<pid>", program.text(label));
    let main = program.as_main();
    let with = |worker: &str| {
        let entries = [("app:program", main.as_str()), ("app.workers:long_worker", worker)];
        run_program(&entries).code(0).shows(&[&line])
    };
    let finished = with(worker!("obeys"));
    assert_eq!(finished.stderr, "", "{finished:#?}");
    with(worker!("stubborn")).stderr_has(OVERDUE);
}

#[test]
fn q2_monitors_a_running_worker() {
    in_supervision(|document| cancels(&document.lua[1], "Worker terminated"));
}

#[test]
fn q3_sees_no_exit_after_unmonitor() {
    in_supervision(|document| {
        let program = document.lua[2].as_main();
        for worker in [worker!("obeys"), worker!("stubborn")] {
            let entries = [
                ("app:driver", driver!("observe")),
                ("app:program", program.as_str()),
                ("app.workers:long_worker", worker),
            ];
            let finished = run_entry(&entries, "app:driver", &[]).code(0);
            assert!(finished.took.as_millis() >= 205, "{finished:#?}");
            finished.shows(&["EXIT\tnil\tnil\tnil\tnil", "STARTED\t<pid>\tNotFound"]);
        }
    });
}

#[test]
fn q4_links_to_a_target_from_its_inbox() {
    in_supervision(|document| {
        let program = document.lua[3].as_main();
        let with = |target, args: &[&str]| {
            let entries = [
                ("app:driver", driver!("link_reporter")),
                ("app:program", &program),
                ("app:target", target),
            ];
            run_entry(&entries, "app:driver", args).code(0)
        };
        let received = document.lua[3].text("LINK_DOWN");
        let linked = "LINKED\tlinked\ttrue\ttrue";
        with(worker!("target_fails"), &[])
            .stdout(&format!("{linked}\nEXIT\ttrue\t{received}\tnil\n"));
        let failure = document.lua[3].text("no LINK_DOWN");
        with(worker!("target_returns"), &[])
            .stdout(&format!("{linked}\nEXIT\ttrue\tnil\t{failure}\n"));
        with(worker!("target_fails"), &["dead"])
            .shows(&["EXIT\ttrue\tnil\tlink failed: process not found: <pid>"]);
    });
}

#[test]
fn q5_traps_the_failure_of_a_child() {
    in_supervision(|document| {
        let program = document.lua[4].as_main();
        run_program(&[
            ("app:program", &program),
            ("app.workers:child_worker", worker!("fails_soon")),
        ])
        .code(0)
        .shows(&[&format!("{}\t<pid>", document.lua[4].text("Child died"))]);
    });
}

#[test]
fn q6_falls_with_a_child() {
    in_supervision(|document| {
        let program = document.lua[5].as_main();
        run_program(&[("app:program", &program), ("app.workers:error_worker", worker!("fails"))])
            .code(1)
            .stdout(&format!("{}\tfalse\n", document.lua[5].text("trap_links")))
            .stderr_has("linked process failed");
    });
}

#[test]
fn q7_handles_the_failure_of_a_child() {
    in_supervision(|document| {
        let program = document.lua[6].as_main();
        let handled = document.lua[6].text("Child failed");
        let result = document.lua[6].text("LINK_DOWN");
        run_program(&[("app:program", &program), ("app.workers:error_worker", worker!("fails"))])
            .code(0)
            .stdout(&format!("{handled}\n{result}\n"));
    });
}

#[test]
fn q8_cancels_a_worker() {
    in_supervision(|document| cancels(&document.lua[7], "Worker cancelled"));
}

#[test]
fn q9_serves_its_inbox_until_it_is_cancelled() {
    const BEFORE: &str = "local function cleanup() process.send('driver', 'cleanup') end
        local function handle_message(m) process.send('driver', 'handled', m.topic) end";
    in_supervision(|document| {
        let program = Code(document.lua[8].as_main()).between(BEFORE, "");
        let result = document.lua[8].text("cancelled");
        for deadline in [&["10s"][..], &[]] {
            let entries = [("app:driver", driver!("served")), ("app:program", &program)];
            run_entry(&entries, "app:driver", deadline).code(0).stdout(&format!(
                "DID\thandled first, handled second, cleanup nil\nMORE\tfalse\n\
                 EXIT\ttrue\t{result}\tnil\n"
            ));
        }
    });
}

#[test]
fn q10_fails_with_all_its_children() {
    const BORN: &str =
        "process.send('driver', 'born', process.pid()) process.listen('begin'):receive()";
    in_supervision(|document| {
        let parent = document.lua[9].as_main();
        let failure = document.lua[9].text("PARENT");
        let child = Code(document.lua[10].as_main());
        let plain =
            run_program(&[("app:program", &parent), ("app.workers:linker_child", &child.0)])
                .code(1)
                .stdout("")
                .stderr_has(failure);
        assert_eq!(plain.stderr.matches("process failed: ").count(), 11, "{plain:#?}");
        assert_eq!(plain.stderr.matches("linked process failed").count(), 10, "{plain:#?}");

        let ends = |child: &str| {
            let entries = [
                ("app:driver", driver!("star")),
                ("app:program", parent.as_str()),
                ("app.workers:linker_child", child),
            ];
            run_entry(&entries, "app:driver", &[]).code(0)
        };
        let lines = |child: &str| {
            let children = format!("child: {child}\n").repeat(10);
            let line = failing_line(&document.lua[9], failure);
            format!("{children}program: app:program:{line}: {failure}\nSEND\tNotFound\n")
        };
        ends(&child.between(BORN, "")).stdout(&lines("linked process failed"));
        let traps = format!("{BORN} process.set_options({{ trap_links = true }})");
        ends(&child.between(&traps, "")).stdout(&lines(document.lua[10].text("parent")));
    });
}

/// The line of a program of [`Code::as_main`] on which a text stands.
fn failing_line(code: &Code, text: &str) -> usize {
    let main = code.as_main();
    main.lines().position(|line| line.contains(text)).expect("it stands there") + 1
}

#[test]
fn q11_runs_a_failure_down_a_chain() {
    in_supervision(|document| {
        let (root, node) = (document.lua[11].as_main(), document.lua[12].as_main());
        let finished = run_program(&[("app:program", &root), ("app.workers:chain_node", &node)])
            .code(1)
            .stdout("")
            .stderr_has(document.lua[11].text("CHAIN"));
        assert_eq!(finished.stderr.matches("process failed: ").count(), 6, "{finished:#?}");
        assert_eq!(finished.stderr.matches("linked process failed").count(), 5, "{finished:#?}");
        // The nodes would sleep for 5 s.
        assert!(finished.took.as_secs() < 5, "{finished:#?}");
    });
}

/// The application of the supervised pool, with other files beside it.
fn pool(document: &Document, others: &[(&str, &str)]) -> TempDir {
    let files = [
        ("src/_index.yaml", document.yaml[0].0.as_str()),
        ("src/supervisor/_index.yaml", &document.yaml[1].0),
        ("src/supervisor/pool.lua", &document.lua[13].0),
        ("src/workers/_index.yaml", &document.yaml[2].0),
        ("src/workers/task_worker.lua", &document.lua[14].0),
    ];
    app(&[&files, others].concat())
}

const AUTO_STARTED: &str = "namespace: app.driver
entries:
  - {name: driver, kind: process.lua, source: file://driver.lua, lifecycle: {auto_start: true}}
";

#[test]
fn q12_starts_a_pool_that_ends_by_a_signal() {
    in_supervision(|document| {
        let site = pool(document, &[]);
        run(&site, &["check"]).code(0).stdout("ok: 3 entries\n");
        let running = start(&site, &["run"]);
        let (pool, worker) = (&document.lua[13], &document.lua[14]);
        running.wait_stdout(pool.text("Supervisor"));
        for n in 1..=4 {
            running.wait_stdout(&format!("Worker {n}{}", worker.text(" idle")));
        }
        running.signal("INT");
        // What keeps it is named, long before the pool's time is over.
        assert!(running.wait_stderr("shutdown waits for").contains("app.supervisor:pool"));
        let finished = running.finish().code(130).stderr_has("app.supervisor:pool");
        let by_pool = |line: &&str| {
            line.starts_with(pool.text("Supervisor")) || line.contains(pool.text(" started: "))
        };
        let started: Vec<String> =
            finished.stdout.lines().filter(by_pool).map(without_pids).collect();
        let mut expected: Vec<String> =
            (1..=4).map(|n| format!("Worker {n}{}<pid>", pool.text(" started: "))).collect();
        expected.push(format!("{}4{}", pool.text("Supervisor"), pool.text(" workers")));
        assert_eq!(started, expected, "{finished:#?}");
        for n in 1..=4 {
            let line = format!("{}{n} started\n", worker.text("Task worker"));
            assert!(finished.stdout.contains(&line), "{finished:#?}");
        }
        assert!(!finished.stdout.contains("linked process died"), "{finished:#?}");
    });
}

#[test]
fn q12_replaces_workers_that_fail() {
    in_supervision(|document| {
        let driver =
            [("src/driver/_index.yaml", AUTO_STARTED), ("src/driver/driver.lua", driver!("pool"))];
        let site = pool(document, &driver);
        let running = start(&site, &["run"]);
        let (pool, worker) = (&document.lua[13], &document.lua[14]);
        let answer = worker.text("completed");
        assert_eq!(running.wait_stdout("ANSWER"), format!("ANSWER\t{answer}x\t{answer}x"));
        assert_eq!(running.wait_stdout("CANCELLED"), "CANCELLED\ttrue\tcancelled\tnil");
        assert_eq!(running.wait_stdout("UNTOUCHED"), "UNTOUCHED\ttrue");
        assert_eq!(
            running.wait_stdout("FALLS"),
            "FALLS WITH THE POOL\ttrue\tlinked process failed"
        );
        running.wait_stdout("A NEW POOL");
        running.signal("TERM");
        running.signal("TERM");
        let finished = running.finish().code(143);
        let count = |text: &str| finished.stdout.matches(text).count();
        assert_eq!(count(pool.text(" died after ")), 2, "{finished:#?}");
        assert_eq!(count(pool.text("s, restarting")), 2, "{finished:#?}");
        assert_eq!(count(pool.text("Supervisor")), 2, "{finished:#?}");
        assert_eq!(count(pool.text(" started: ")), 4 + 2 + 4, "{finished:#?}");
        assert_eq!(count(&format!("{}\n", worker.text(" cancelled"))), 1, "{finished:#?}");
        assert_eq!(count(worker.text(" linked process")), 0, "{finished:#?}");
    });
}

#[test]
fn q12_tells_its_health_each_minute() {
    const MARKER: &str = "return { main = function() time.sleep('30s') print('HALF') end }";
    in_supervision(|document| {
        let driver = [("src/driver/_index.yaml", AUTO_STARTED), ("src/driver/driver.lua", MARKER)];
        let site = pool(document, &driver);
        let running = start(&site, &["run"]);
        let pool = &document.lua[13];
        running.wait_stdout("HALF");
        let health = pool.text("Health");
        let line = running.wait_stdout(health);
        assert_eq!(line, format!("{health}4{}", pool.text(" active")));
    });
}

#[test]
fn q13_configures_a_host() {
    in_supervision(|document| {
        let site = app(&[("src/_index.yaml", &document.yaml[3].0)]);
        run(&site, &["check"]).code(0).stdout("ok: 1 entries\n");
    });
}
