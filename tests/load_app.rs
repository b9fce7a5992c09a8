//! The result of loading: typed entries, orders, overrides, compile errors, single files.

use std::fs;
use std::path::Path;

use moonlet::app::{
    App, Colour, CompileError, EntryId, HostEntry, Kind, Lifecycle, LoadError, LoadOptions,
    LogLevel, MailboxLimit, Module, OnFull, Report, Restart, Settings, Source, Startup, Value,
    load,
};
use tempfile::TempDir;

const MS: u64 = 1_000_000;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (path, contents) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a path below the root")).expect("a folder");
        fs::write(path, contents).expect("a file");
    }
    dir
}

fn options(overrides: &[&str]) -> LoadOptions {
    let overrides = overrides.iter().map(|text| text.parse().expect("an override")).collect();
    LoadOptions { overrides, workers: None }
}

fn compiles(_: &EntryId, _: &Source) -> Result<(), CompileError> {
    Ok(())
}

fn loaded(path: &Path, options: &LoadOptions) -> App {
    match load(path, options, &compiles) {
        Ok(app) => app,
        Err(error) => panic!("{error}"),
    }
}

fn report(result: Result<App, LoadError>) -> Report {
    match result {
        Err(LoadError::Faulty(report)) => report,
        other => panic!("{other:?}"),
    }
}

/// Loads one entry file of namespace `app`.
fn entries(entries: &str, options: &LoadOptions) -> App {
    let yaml = format!("namespace: app\nentries:{entries}");
    loaded(folder(&[("_index.yaml", &yaml)]).path(), options)
}

fn id(text: &str) -> EntryId {
    EntryId::parse(text).expect("an id")
}

fn names<'a>(ids: impl IntoIterator<Item = &'a EntryId>) -> Vec<&'a str> {
    ids.into_iter().map(EntryId::name).collect()
}

#[test]
fn an_app_can_be_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<App>();
}

#[test]
fn fields_that_are_not_given_have_their_defaults() {
    let app = entries(
        "
  - {name: h, kind: process.host}
  - {name: p, kind: process.lua, source: return 1}
  - {name: l, kind: library.lua, source: return 1}
  - {name: s, kind: process.service, process: p}
",
        &LoadOptions::default(),
    );
    assert_eq!(
        app.settings,
        Settings { shutdown_timeout_ns: 30_000 * MS, log_level: LogLevel::Info }
    );
    let lifecycle = Lifecycle {
        auto_start: false,
        startup: Startup::Required,
        requires: vec![],
        start_timeout_ns: 10_000 * MS,
        stop_timeout_ns: 10_000 * MS,
        stable_threshold_ns: 5_000 * MS,
        restart: Restart {
            initial_delay_ns: 1_000 * MS,
            max_delay_ns: 90_000 * MS,
            backoff_factor: 2.0,
            jitter: 0.1,
            max_attempts: 0,
        },
    };
    let host = HostEntry {
        workers: None,
        queue_size: 1024,
        local_queue_size: 256,
        slice_ns: MS,
        max_processes: 1_048_576,
        memory_limit: None,
        total_memory_limit: None,
        mailbox: None,
        lifecycle: lifecycle.clone(),
    };
    assert_eq!(app.host("app:h"), Some(&host));
    let Kind::Process(process) = &app.entry("app:p").unwrap().kind else { panic!() };
    assert_eq!((process.method.as_str(), &process.lifecycle), ("main", &lifecycle));
    assert_eq!((process.memory_limit, process.mailbox, &process.host), (None, None, &None));
    assert!(process.modules.is_empty() && process.imports.is_empty());
    let Kind::Service(service) = &app.entry("app:s").unwrap().kind else { panic!() };
    assert_eq!(
        (&service.process, &service.host, &service.lifecycle),
        (&id("app:p"), &None, &lifecycle)
    );
    assert!(service.input.is_empty());
}

#[test]
fn given_fields_are_resolved() {
    let dir = folder(&[
        (
            "src/a/_index.yml",
            "
namespace: app.a
meta: {team: us}
entries:
  - name: p
    kind: process.lua
    meta: {note: [free, form]}
    source: file://p.lua
    method: run
    modules: [net, time, json, net]
    imports: {z: l, a: app.b:l}
    memory_limit: 64MB
    mailbox: {on_full: drop_old}
    host: app.b:h
    lifecycle:
      auto_start: true
      startup: optional
      depends_on: [app.b:h, app.b:h]
      stop_timeout: \"500ms\"
      restart: {initial_delay: 10ms, max_delay: 1m, backoff_factor: 1, jitter: 0, max_attempts: 7}
  - {name: l, kind: library.lua, source: file:///b/l.lua}
",
        ),
        (
            "src/b/_index.yaml",
            "
namespace: app.b
entries:
  - {name: l, kind: library.lua, source: \"file://../../shared/l.lua\"}
  - name: h
    kind: process.host
    data:
      host: {workers: 3, queue_size: 1, local_queue_size: 2, slice: 100us, max_processes: 9, memory_limit: 4096, total_memory_limit: 2GB, mailbox: {max_messages: 5}}
  - name: s
    kind: process.service
    process: app.a:p
    input: [1, -2.5, text, '5', true, ~, [1], {k: v, 2: w}]
",
        ),
        ("src/a/p.lua", "#!/usr/bin/env moonlet\nreturn {}\n"),
        ("src/b/l.lua", "return 'b'"),
        ("shared/l.lua", "return 'shared'"),
        ("moonlet.yaml", "shutdown: {timeout: 1m30s}\nlog: {level: debug}\n"),
    ]);
    let app = loaded(dir.path(), &LoadOptions::default());
    assert_eq!(
        app.settings,
        Settings { shutdown_timeout_ns: 90_000 * MS, log_level: LogLevel::Debug }
    );
    let Kind::Process(process) = &app.entry("app.a:p").unwrap().kind else { panic!() };
    assert_eq!(process.source.file, "src/a/p.lua");
    assert_eq!(&*process.source.text, b"\nreturn {}\n");
    assert_eq!(process.method, "run");
    assert_eq!(process.modules, [Module::Json, Module::Net]);
    let imports = [("a".to_owned(), id("app.b:l")), ("z".to_owned(), id("app.a:l"))];
    assert_eq!(process.imports, imports);
    assert_eq!(process.memory_limit, Some(64 << 20));
    let drop_old = MailboxLimit { max_messages: None, on_full: OnFull::DropOld };
    assert_eq!(process.mailbox, Some(drop_old));
    assert_eq!(process.host, Some(id("app.b:h")));
    let Lifecycle { auto_start, startup, requires, stop_timeout_ns, restart, .. } =
        &process.lifecycle;
    assert_eq!((*auto_start, *startup, *stop_timeout_ns), (true, Startup::Optional, 500 * MS));
    assert_eq!(*requires, [id("app.b:h")]);
    let expected = Restart {
        initial_delay_ns: 10 * MS,
        max_delay_ns: 60_000 * MS,
        backoff_factor: 1.0,
        jitter: 0.0,
        max_attempts: 7,
    };
    assert_eq!(*restart, expected);
    let text = |id| app.entry(id).and_then(|entry| entry.kind.source()).unwrap().text.to_vec();
    assert_eq!(
        (text("app.a:l"), text("app.b:l")),
        (b"return 'b'".to_vec(), b"return 'shared'".to_vec())
    );
    let host = app.host("app.b:h").unwrap();
    assert_eq!((host.workers, host.queue_size, host.local_queue_size), (Some(3), 1, 2));
    assert_eq!((host.slice_ns, host.max_processes, host.memory_limit), (100_000, 9, Some(4096)));
    assert_eq!(host.total_memory_limit, Some(2 << 30));
    let reject = MailboxLimit { max_messages: Some(5), on_full: OnFull::Reject };
    assert_eq!(host.mailbox, Some(reject));
    let Kind::Service(service) = &app.entry("app.b:s").unwrap().kind else { panic!() };
    let map = [("k", "v"), ("2", "w")].map(|(key, value)| (key.into(), Value::Str(value.into())));
    let input = [
        Value::Int(1),
        Value::Float(-2.5),
        Value::Str("text".into()),
        Value::Str("5".into()),
        Value::Bool(true),
        Value::Null,
        Value::List(vec![Value::Int(1)]),
        Value::Map(map.into()),
    ];
    assert_eq!(service.input, input);
}

#[test]
fn the_default_host_is_the_only_one_or_the_one_of_the_usual_name() {
    let default = |hosts: &str| {
        let app = entries(hosts, &LoadOptions::default());
        let default = app.default_host().to_string();
        let is_declared = app.entry(&default).is_some();
        assert!(app.host(&default).is_some());
        (default, is_declared)
    };
    let implicit = ("app:processes".to_owned(), false);
    assert_eq!(default(" []"), implicit);
    assert_eq!(default("\n  - {name: h, kind: process.host}"), ("app:h".to_owned(), true));
    let two = "\n  - {name: h, kind: process.host}\n  - {name: i, kind: process.host}";
    assert_eq!(default(two), implicit);
    let usual = format!("{two}\n  - {{name: processes, kind: process.host}}");
    assert_eq!(default(&usual), ("app:processes".to_owned(), true));
}

#[test]
fn libraries_run_after_what_they_import_and_among_equals_by_alias() {
    let app = entries(
        "
  - {name: p, kind: process.lua, source: return 1, imports: {b: one, a: two, c: three}}
  - {name: one, kind: library.lua, source: return 1}
  - {name: two, kind: library.lua, source: return 1, imports: {z: four, y: one}}
  - {name: three, kind: library.lua, source: return 1, imports: {x: two}}
  - {name: four, kind: library.lua, source: return 1}
",
        &LoadOptions::default(),
    );
    let order = app.import_order(&app.entry("app:p").unwrap().kind);
    assert_eq!(names(order), ["one", "four", "two", "three"]);
}

#[test]
fn what_is_needed_starts_first_and_what_is_not_does_not_start() {
    let app = entries(
        "
  - {name: h1, kind: process.host}
  - {name: h2, kind: process.host, lifecycle: {auto_start: true}}
  - {name: h3, kind: process.host}
  - {name: p, kind: process.lua, source: return 1, host: h1}
  - {name: a, kind: process.service, process: p, lifecycle: {auto_start: true, requires: [b]}}
  - {name: b, kind: process.service, process: p, host: h2}
  - {name: c, kind: process.service, process: p}
  - {name: d, kind: process.lua, source: return 1, lifecycle: {auto_start: true}}
",
        &LoadOptions::default(),
    );
    let order = app.start_order(&[]);
    assert_eq!(
        names(order.iter().map(|start| &start.id)),
        ["h1", "h2", "b", "a", "processes", "d"]
    );
    assert_eq!(names(&order[3].after), ["h1", "b"]);
    let more = app.start_order(&[id("app:h3")]);
    assert_eq!(
        names(more.iter().map(|start| &start.id)),
        ["h1", "h2", "b", "a", "h3", "processes", "d"]
    );
}

#[test]
fn overrides_replace_fields_and_later_ones_win() {
    let yaml = "
  - {name: h, kind: process.host, host: {workers: 2}}
  - {name: p, kind: process.lua, data: {source: return 1, method: main}}
";
    let overrides = options(&[
        "app:h:host.workers=4",
        "app:h:host.workers=8",
        "app:h:host.mailbox.max_messages=3",
        "app:p:method='5'",
        "app:p:lifecycle.restart.initial_delay=2s",
    ]);
    let app = entries(yaml, &overrides);
    let host = app.host("app:h").unwrap();
    assert_eq!((host.workers, host.mailbox.unwrap().max_messages), (Some(8), Some(3)));
    let Kind::Process(process) = &app.entry("app:p").unwrap().kind else { panic!() };
    assert_eq!(process.method, "5");
    assert_eq!(process.lifecycle.restart.initial_delay_ns, 2_000 * MS);
    assert_eq!(
        entries(yaml, &LoadOptions { workers: Some(1), ..overrides })
            .host("app:h")
            .unwrap()
            .workers,
        Some(1)
    );
}

#[test]
fn what_is_wrong_with_an_override_is_shown_in_the_option() {
    let dir =
        folder(&[("_index.yaml", "namespace: app\nentries:\n  - {name: h, kind: process.host}\n")]);
    let overrides = options(&["app:h:host.workers=four", "app:h:host.wokers=4", "app:i:method=x"]);
    let report = report(load(dir.path(), &overrides, &compiles));
    let expected = "\
-o:1:20: error: `host.workers` must be a whole number from 1 to 1024, found `four`
  1 | app:h:host.workers=four
    |                    ^^^^
-o:1:12: error: unknown field `host.wokers` in process.host
  1 | app:h:host.wokers=4
    |            ^^^^^^
  hint: did you mean `workers`?
-o:1:1: error: no entry `app:i`
  1 | app:i:method=x
    | ^^^^^
3 problems in 1 files
";
    assert_eq!(report.render(Colour::Never), expected);
}

#[test]
fn an_override_of_the_implicit_host_declares_it() {
    let app = entries(" []", &options(&["app:processes:host.workers=4"]));
    assert_eq!(app.host("app:processes").unwrap().workers, Some(4));
    assert_eq!(app.default_host().as_str(), "app:processes");
}

#[test]
fn compile_errors_are_shown_in_the_lua_line() {
    let dir = folder(&[
        (
            "src/_index.yaml",
            "\
namespace: app
entries:
  - {name: a, kind: process.lua, source: file://f.lua}
  - {name: b, kind: process.lua, source: file://f.lua}
  - name: c
    kind: library.lua
    source: | # with an empty line

      bad code
  - {name: d, kind: library.lua, source: \"-- first\\nbad code\"}
  - {name: e, kind: library.lua, source: return 1}
",
        ),
        ("src/f.lua", "#!moonlet\n  bad code  \n"),
    ]);
    let compile = |_: &EntryId, source: &Source| {
        let text = String::from_utf8_lossy(&source.text);
        let line = text.lines().position(|line| line.contains("bad"));
        line.map_or(Ok(()), |at| {
            Err(CompileError { line: at as u32 + 1, message: "syntax error near 'code'".into() })
        })
    };
    let report = report(load(dir.path(), &LoadOptions::default(), &compile));
    let expected = r#"src/_index.yaml:9:7: error: syntax error near 'code'
  9 |       bad code
    |       ^^^^^^^^
src/_index.yaml:10:42: error: syntax error near 'code'
  10 |   - {name: d, kind: library.lua, source: "-- first\nbad code"}
     |                                          ^^^^^^^^^^^^^^^^^^^^
src/f.lua:2:3: error: syntax error near 'code'
  2 |   bad code
    |   ^^^^^^^^
3 problems in 2 files
"#;
    assert_eq!(report.render(Colour::Never), expected);
}

#[test]
fn a_single_file_is_an_application_with_the_files_beside_it() {
    let dir = folder(&[
        ("f.lua", "return 1"),
        ("g.lua", "return 2"),
        ("broken.lua", "\u{1b}Lua"),
        ("no name.lua", ""),
        ("_index.yaml", "no: [yaml"),
        ("moonlet.yaml", "no: [yaml"),
    ]);
    let app = loaded(&dir.path().join("f.lua"), &options(&["app:f:memory_limit=1MB"]));
    assert_eq!(app.entries().len(), 1);
    assert_eq!(app.default_host().as_str(), "app:processes");
    let Kind::Process(main) = &app.entry("app:f").unwrap().kind else { panic!() };
    assert_eq!((main.modules.as_slice(), main.memory_limit), (&Module::SAFE[..], Some(1 << 20)));
    assert_eq!(main.source.file, "f.lua");
    // Siblings are read when they are first needed.
    fs::write(dir.path().join("g.lua"), "return 3").unwrap();
    let sibling = app.find("app:g").unwrap().unwrap();
    let Kind::Process(process) = &sibling.kind else { panic!() };
    assert_eq!((&*process.source.text, process.method.as_str()), (&b"return 3"[..], "main"));
    assert_eq!(process.modules, Module::SAFE);
    assert_eq!(app.find("app:none").unwrap(), None);
    assert!(app.find("app:broken").unwrap_err().contains("compiled Lua"));
    assert!(app.find("app:f").unwrap().is_some());
}
