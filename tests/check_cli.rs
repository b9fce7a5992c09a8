//! `moonlet check` on small applications: exact output and exit codes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use snapbox::cmd::{Command, OutputAssert, cargo_bin};
use snapbox::{IntoData, str};
use tempfile::TempDir;

/// An application of files: paths and contents.
fn app(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (path, contents) in files {
        write(dir.path(), path, contents.as_bytes());
    }
    dir
}

fn write(root: &Path, path: &str, contents: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a path below the root")).expect("a folder");
    fs::write(path, contents).expect("a file");
}

fn moonlet(dir: &TempDir, args: &[&str]) -> OutputAssert {
    Command::new(cargo_bin!("moonlet")).args(args).current_dir(dir.path()).assert()
}

/// Checks an application that has problems.
#[track_caller]
fn faulty(dir: &TempDir, report: impl IntoData) {
    moonlet(dir, &["check"]).code(1).stdout_eq("").stderr_eq(report);
}

/// Checks an application of one entry file in namespace `app`, beside `ok.lua`.
#[track_caller]
fn faulty_entries(entries: &str, report: impl IntoData) {
    let yaml = format!("namespace: app\nentries:{entries}");
    faulty(&app(&[("_index.yaml", &yaml), ("ok.lua", "return {}\n")]), report);
}

#[test]
fn the_form_of_the_specification_is_met_to_the_letter() {
    let yaml = "\
version: \"1.0\"
namespace: app.workers

# The workers.
entries:
  - name: task_worker
    kind: process.lua
    source: file://task_worker.lua
    metod: main
";
    let files = [("src/workers/_index.yaml", yaml), ("src/workers/task_worker.lua", "")];
    faulty(
        &app(&files),
        str![[r#"
src/workers/_index.yaml:9:5: error: unknown field `metod` in process.lua
  9 |     metod: main
    |     ^^^^^
  hint: did you mean `method`?
1 problems in 1 files

"#]],
    );
}

#[test]
fn a_good_application_counts_its_entries() {
    let yaml = "\
version: \"1.0\"
namespace: app
meta: {owner: us}
entries:
  - {name: processes, kind: process.host, host: {workers: 2, slice: 500us}, lifecycle: {auto_start: true}}
  - {name: worker, kind: process.lua, source: file://worker.lua, modules: [time, json], imports: {util: lib}}
  - {name: lib, kind: library.lua, source: \"return {}\"}
  - name: service
    kind: process.service
    data:
      process: worker
      input: [1, {a: [true, ~]}]
      lifecycle: {auto_start: true, requires: [processes], restart: {max_attempts: 3}}
  - {name: other, kind: x-dashboard, anything: goes}
";
    let dir = app(&[
        ("src/_index.yaml", yaml),
        ("src/worker.lua", "return {}\n"),
        ("moonlet.yaml", "shutdown: {timeout: 5s}\nlog: {level: warn}\n"),
        ("src/data.yaml", "some: other file\n---\nin: !two documents\n"),
        ("src/.hidden/_index.yaml", "namespace: [\n"),
        ("src/node_modules/_index.yaml", "namespace: [\n"),
        ("elsewhere/_index.yaml", "namespace: [\n"),
    ]);
    moonlet(&dir, &["check"]).code(0).stdout_eq("ok: 4 entries\n").stderr_eq("");
}

#[test]
fn all_problems_of_all_files_are_reported_together() {
    let dir = app(&[
        (
            "b/_index.yaml",
            "\
namespace: app
entries:
  - name: b
    kind: process.servce
  - name: a
    kind: process.host
    host: {workers: 0, slice: 1s}
    process: x
",
        ),
        (
            "a/_index.yaml",
            "\
namespace: app
entries:
  - name: a
    kind: process.lua
    source: file://a.lua
    modules: [jsn]
    host: b
    lifecycle:
      restart: {jitter: 2}
      stop_timeout: 10
",
        ),
        ("c/bad.yml", "a: [1\n"),
    ]);
    faulty(
        &dir,
        str![[r#"
a/_index.yaml:5:13: error: source `a/a.lua` does not exist
  5 |     source: file://a.lua
    |             ^^^^^^^^^^^^
a/_index.yaml:6:15: error: unknown module `jsn`
  6 |     modules: [jsn]
    |               ^^^
  hint: did you mean `json`?
a/_index.yaml:9:25: error: `lifecycle.restart.jitter` must be a number from 0 to 1, found the number `2`
  9 |       restart: {jitter: 2}
    |                         ^
a/_index.yaml:10:21: error: `lifecycle.stop_timeout` must be a duration such as `10s`, found the number `10`
  10 |       stop_timeout: 10
     |                     ^^
  hint: add a unit: `10s` or `10ms`
b/_index.yaml:4:11: error: unknown kind `process.servce`
  4 |     kind: process.servce
    |           ^^^^^^^^^^^^^^
  hint: did you mean `process.service`?
b/_index.yaml:5:11: error: duplicate entry id `app:a`
  5 |   - name: a
    |           ^
  hint: it is also declared at a/_index.yaml:3:11
b/_index.yaml:7:21: error: `host.workers` must be a whole number from 1 to 1024, found the number `0`
  7 |     host: {workers: 0, slice: 1s}
    |                     ^
b/_index.yaml:7:31: error: `host.slice` must be a duration from 100us to 100ms, found `1s`
  7 |     host: {workers: 0, slice: 1s}
    |                               ^^
b/_index.yaml:8:5: error: unknown field `process` in process.host
  8 |     process: x
    |     ^^^^^^^
  hint: known fields are `name`, `kind`, `meta`, `data`, `lifecycle`, `host`
c/bad.yml:1:4: error: invalid YAML: unclosed bracket '['
  1 | a: [1
    |    ^
10 problems in 3 files

"#]],
    );
}

#[test]
fn broken_yaml_is_reported_where_it_breaks() {
    let dir = app(&[
        (
            "a.yaml",
            "\
namespace: app
entries:
	- name: a
",
        ),
        (
            "b.yaml",
            "\
namespace: app
entries: [a, b
",
        ),
        ("c.yaml", "namespace: *none\n"),
        (
            "d.yaml",
            "\
a: \"\\q\"
",
        ),
    ]);
    faulty(
        &dir,
        str![[r#"
a.yaml:3:1: error: invalid YAML: tabs disallowed within this context (block indentation)
  3 |  - name: a
    | ^
  hint: indent with spaces: YAML allows no tabs there
b.yaml:2:10: error: invalid YAML: unclosed bracket '['
  2 | entries: [a, b
    |          ^
c.yaml:1:12: error: invalid YAML: while parsing node, found unknown anchor
  1 | namespace: *none
    |            ^
d.yaml:1:4: error: invalid YAML: while parsing a quoted scalar, found unknown escape character
  1 | a: "/q"
    |    ^
4 problems in 4 files

"#]],
    );
}

#[test]
fn duplicate_keys_name_both_places() {
    let dir = app(&[(
        "_index.yaml",
        "\
namespace: app
entries:
  - name: a
    kind: library.lua
    source: return 1
    kind: library.lua
namespace: app
",
    )]);
    faulty(
        &dir,
        str![[r#"
_index.yaml:6:5: error: duplicate key `kind`
  6 |     kind: library.lua
    |     ^^^^
  hint: it is also at _index.yaml:4:5
_index.yaml:7:1: error: duplicate key `namespace`
  7 | namespace: app
    | ^^^^^^^^^
  hint: it is also at _index.yaml:1:1
2 problems in 1 files

"#]],
    );
}

#[test]
fn text_that_is_not_utf_8_is_refused_at_its_first_byte() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(dir.path(), "_index.yaml", b"namespace: app\nentries: []\n# caf\xe9\n");
    faulty(
        &dir,
        str![[r#"
_index.yaml:3:6: error: invalid YAML: the file is not UTF-8
  3 | # caf�
    |      ^
1 problems in 1 files

"#]],
    );
}

#[test]
fn entry_files_have_a_namespace_and_entries() {
    let dir = app(&[
        ("a.yaml", "entries: []\n"),
        ("b.yaml", "namespace: app\n"),
        (
            "c.yaml",
            "\
version: 2
namespace: -app
entries: {}
entrys: 1
",
        ),
        (
            "d.yaml",
            "\
namespace: app
entries: [1, {}, {name: x}]
---
more: 1
",
        ),
        (
            "e.yaml",
            "\
namespace:
entries:
",
        ),
    ]);
    faulty(
        &dir,
        str![[r#"
a.yaml:1:1: error: missing field `namespace` in an entry file
  1 | entries: []
    | ^
b.yaml:1:1: error: missing field `entries` in an entry file
  1 | namespace: app
    | ^
c.yaml:1:10: error: `version` must be `"1.0"`, found the number `2`
  1 | version: 2
    |          ^
c.yaml:2:12: error: `namespace` must be a name, found `-app`
  2 | namespace: -app
    |            ^^^^
  hint: names consist of letters, digits, `_`, `-` and `.`, and start with a letter, digit or `_`
c.yaml:3:10: error: `entries` must be a list, found a mapping
  3 | entries: {}
    |          ^
c.yaml:4:1: error: unknown field `entrys` in an entry file
  4 | entrys: 1
    | ^^^^^^
  hint: did you mean `entries`?
d.yaml:2:11: error: an entry must be a mapping, found the number `1`
  2 | entries: [1, {}, {name: x}]
    |           ^
d.yaml:2:14: error: missing field `name` in an entry
  2 | entries: [1, {}, {name: x}]
    |              ^
d.yaml:2:14: error: missing field `kind` in an entry
  2 | entries: [1, {}, {name: x}]
    |              ^
d.yaml:2:18: error: missing field `kind` in an entry
  2 | entries: [1, {}, {name: x}]
    |                  ^
d.yaml:3:1: error: a second document in one file
  3 | ---
    | ^^^
e.yaml:1:10: error: `namespace` must be text, found nothing
  1 | namespace:
    |          ^
e.yaml:2:8: error: `entries` must be a list, found nothing
  2 | entries:
    |        ^
13 problems in 5 files

"#]],
    );
}

#[test]
fn wrong_types_and_values_are_reported_with_what_was_expected() {
    let entries = r#"
  - name: a
    kind: process.host
    host:
      workers: "4"
      queue_size: many
      slice: 1
      max_processes: 0
      memory_limit: 64 mb
      total_memory_limit: [2GB]
      mailbox: {max_messages: 1.5, on_full: drop}
    lifecycle: {auto_start: yes, startup: requierd, start_timeout: -1s, restart: {}}
  - name: b c
    kind: process.lua
    source: file://ok.lua
    method: 5
    modules: json
    imports: [a]
    host:
    lifecycle: true
"#;
    faulty_entries(
        entries,
        str![[r#"
_index.yaml:6:16: error: `host.workers` must be a whole number from 1 to 1024, found the text `4`
  6 |       workers: "4"
    |                ^^^
  hint: remove the quotes
_index.yaml:7:19: error: `host.queue_size` must be a whole number from 1 to 1048576, found `many`
  7 |       queue_size: many
    |                   ^^^^
_index.yaml:8:14: error: `host.slice` must be a duration such as `10s`, found the number `1`
  8 |       slice: 1
    |              ^
  hint: add a unit: `1s` or `1ms`
_index.yaml:9:22: error: `host.max_processes` must be a whole number from 1 to 1073741824, found the number `0`
  9 |       max_processes: 0
    |                      ^
_index.yaml:10:21: error: `host.memory_limit` must be a size such as `64MB`, found `64 mb`
  10 |       memory_limit: 64 mb
     |                     ^^^^^
  hint: units are `KB`, `MB` and `GB`; a number without unit is bytes
_index.yaml:11:27: error: `host.total_memory_limit` must be a size such as `64MB`, found a list
  11 |       total_memory_limit: [2GB]
     |                           ^
_index.yaml:12:31: error: `host.mailbox.max_messages` must be a whole number from 1 to 9223372036854775807, found the number `1.5`
  12 |       mailbox: {max_messages: 1.5, on_full: drop}
     |                               ^^^
_index.yaml:12:45: error: `host.mailbox.on_full` must be `reject`, `drop_new`, `drop_old` or `kill`, found `drop`
  12 |       mailbox: {max_messages: 1.5, on_full: drop}
     |                                             ^^^^
_index.yaml:13:29: error: `lifecycle.auto_start` must be `true` or `false`, found `yes`
  13 |     lifecycle: {auto_start: yes, startup: requierd, start_timeout: -1s, restart: {}}
     |                             ^^^
  hint: did you mean `true`?
_index.yaml:13:43: error: `lifecycle.startup` must be `required` or `optional`, found `requierd`
  13 |     lifecycle: {auto_start: yes, startup: requierd, start_timeout: -1s, restart: {}}
     |                                           ^^^^^^^^
  hint: did you mean `required`?
_index.yaml:13:68: error: `lifecycle.start_timeout` must be a duration of at least 0s, found `-1s`
  13 |     lifecycle: {auto_start: yes, startup: requierd, start_timeout: -1s, restart: {}}
     |                                                                    ^^^
_index.yaml:13:73: error: unknown field `lifecycle.restart` in process.host
  13 |     lifecycle: {auto_start: yes, startup: requierd, start_timeout: -1s, restart: {}}
     |                                                                         ^^^^^^^
  hint: known fields are `auto_start`, `startup`, `start_timeout`, `stop_timeout`, `requires`, `depends_on`
_index.yaml:14:11: error: `name` must be a name, found `b c`
  14 |   - name: b c
     |           ^^^
  hint: names consist of letters, digits, `_`, `-` and `.`, and start with a letter, digit or `_`
_index.yaml:17:13: error: `method` must be text, found the number `5`
  17 |     method: 5
     |             ^
  hint: put it in quotes: `"5"`
_index.yaml:18:14: error: `modules` must be a list, found `json`
  18 |     modules: json
     |              ^^^^
_index.yaml:19:14: error: `imports` must be a mapping, found a list
  19 |     imports: [a]
     |              ^
_index.yaml:20:9: error: `host` must be an entry id such as `app:worker`, found nothing
  20 |     host:
     |         ^
_index.yaml:21:16: error: `lifecycle` must be a mapping, found `true`
  21 |     lifecycle: true
     |                ^^^^
18 problems in 1 files

"#]],
    );
}

#[test]
fn unknown_fields_are_reported_at_every_level() {
    let entries = r#"
  - name: a
    kind: process.lua
    source: file://ok.lua
    colour: red
    lifecycle:
      autostart: true
      restart: {jiter: 0.1}
    mailbox: {size: 1}
"#;
    faulty_entries(
        entries,
        str![[r#"
_index.yaml:6:5: error: unknown field `colour` in process.lua
  6 |     colour: red
    |     ^^^^^^
  hint: known fields are `name`, `kind`, `meta`, `data`, `source`, `method`, `modules`, `imports`, `memory_limit`, `mailbox`, `host`, `lifecycle`
_index.yaml:8:7: error: unknown field `lifecycle.autostart` in process.lua
  8 |       autostart: true
    |       ^^^^^^^^^
  hint: did you mean `auto_start`?
_index.yaml:9:17: error: unknown field `lifecycle.restart.jiter` in process.lua
  9 |       restart: {jiter: 0.1}
    |                 ^^^^^
  hint: did you mean `jitter`?
_index.yaml:10:15: error: unknown field `mailbox.size` in process.lua
  10 |     mailbox: {size: 1}
     |               ^^^^
  hint: known fields are `max_messages`, `on_full`
4 problems in 1 files

"#]],
    );
}

#[test]
fn missing_fields_are_reported_at_the_kind() {
    let entries = r#"
  - kind: library.lua
    source: return 1
  - name: b
  - name: c
    kind: process.lua
  - name: d
    kind: process.service
"#;
    faulty_entries(
        entries,
        str![[r#"
_index.yaml:3:5: error: missing field `name` in an entry
  3 |   - kind: library.lua
    |     ^
_index.yaml:5:5: error: missing field `kind` in an entry
  5 |   - name: b
    |     ^
_index.yaml:7:11: error: missing field `source` in process.lua
  7 |     kind: process.lua
    |           ^^^^^^^^^^^
_index.yaml:9:11: error: missing field `process` in process.service
  9 |     kind: process.service
    |           ^^^^^^^^^^^^^^^
4 problems in 1 files

"#]],
    );
}

#[test]
fn fields_stand_beside_the_name_or_under_data() {
    let entries = r#"
  - name: a
    kind: process.lua
    method: main
    data:
      source: file://ok.lua
      metod: main
"#;
    faulty_entries(
        entries,
        str![[r#"
_index.yaml:5:5: error: unknown field `method` in an entry
  5 |     method: main
    |     ^^^^^^
  hint: either all fields of the kind stand under `data`, or none
_index.yaml:8:7: error: unknown field `metod` in process.lua
  8 |       metod: main
    |       ^^^^^
  hint: did you mean `method`?
2 problems in 1 files

"#]],
    );
}

#[test]
fn unknown_kinds_are_refused() {
    let entries = r#"
  - {name: a, kind: proces.lua}
  - {name: b, kind: http.server}
  - {name: c, kind: [process.lua]}
"#;
    faulty_entries(
        entries,
        str![[r#"
_index.yaml:3:21: error: unknown kind `proces.lua`
  3 |   - {name: a, kind: proces.lua}
    |                     ^^^^^^^^^^
  hint: did you mean `process.lua`?
_index.yaml:4:21: error: unknown kind `http.server`
  4 |   - {name: b, kind: http.server}
    |                     ^^^^^^^^^^^
  hint: known kinds are `process.host`, `process.lua`, `library.lua`, `process.service`
_index.yaml:5:21: error: `kind` must be text, found a list
  5 |   - {name: c, kind: [process.lua]}
    |                     ^
3 problems in 1 files

"#]],
    );
}

#[test]
fn references_name_an_entry_of_the_right_kind() {
    let entries = r#"
  - {name: host1, kind: process.host}
  - {name: host2, kind: process.host}
  - {name: lib, kind: library.lua, source: return 1}
  - {name: worker, kind: process.lua, source: file://ok.lua, host: processes, imports: {a: lbi, b: worker}}
  - {name: service, kind: process.service, process: lib, host: worker}
  - {name: other, kind: process.service, process: worke, lifecycle: {requires: [lib, "a b", none, host1]}}
  - {name: third, kind: process.service, process: x:worker, lifecycle: {requires: [host1], depends_on: [host2]}}
"#;
    faulty_entries(
        entries,
        str![[r#"
_index.yaml:6:92: error: no entry `app:lbi`
  6 |   - {name: worker, kind: process.lua, source: file://ok.lua, host: processes, imports: {a: lbi, b: worker}}
    |                                                                                            ^^^
  hint: did you mean `app:lib`?
_index.yaml:6:100: error: `app:worker` is a process.lua, expected a library.lua
  6 |   - {name: worker, kind: process.lua, source: file://ok.lua, host: processes, imports: {a: lbi, b: worker}}
    |                                                                                                    ^^^^^^
_index.yaml:7:53: error: `app:lib` is a library.lua, expected a process.lua
  7 |   - {name: service, kind: process.service, process: lib, host: worker}
    |                                                     ^^^
_index.yaml:7:64: error: `app:worker` is a process.lua, expected a process.host
  7 |   - {name: service, kind: process.service, process: lib, host: worker}
    |                                                                ^^^^^^
_index.yaml:8:51: error: no entry `app:worke`
  8 |   - {name: other, kind: process.service, process: worke, lifecycle: {requires: [lib, "a b", none, host1]}}
    |                                                   ^^^^^
  hint: did you mean `app:worker`?
_index.yaml:8:81: error: `app:lib` is a library.lua, expected a process.host, process.service or process.lua
  8 |   - {name: other, kind: process.service, process: worke, lifecycle: {requires: [lib, "a b", none, host1]}}
    |                                                                                 ^^^
_index.yaml:8:86: error: an item of `lifecycle.requires` must be an entry id such as `app:worker`, found the text `a b`
  8 |   - {name: other, kind: process.service, process: worke, lifecycle: {requires: [lib, "a b", none, host1]}}
    |                                                                                      ^^^^^
_index.yaml:8:93: error: no entry `app:none`
  8 |   - {name: other, kind: process.service, process: worke, lifecycle: {requires: [lib, "a b", none, host1]}}
    |                                                                                             ^^^^
_index.yaml:9:51: error: no entry `x:worker`
  9 |   - {name: third, kind: process.service, process: x:worker, lifecycle: {requires: [host1], depends_on: [host2]}}
    |                                                   ^^^^^^^^
  hint: did you mean `app:worker`?
_index.yaml:9:104: error: `depends_on` is another name of `requires`, and both are given
  9 |   - {name: third, kind: process.service, process: x:worker, lifecycle: {requires: [host1], depends_on: [host2]}}
    |                                                                                                        ^
  hint: put all ids under `requires`
10 problems in 1 files

"#]],
    );
}

#[test]
fn what_may_stand_in_a_broken_file_is_not_reported_as_missing() {
    let dir = app(&[
        (
            "a.yaml",
            "\
namespace: app
entries:
  - {name: s, kind: process.service, process: worker}
  - {name: t, kind: process.service, process: none}
",
        ),
        (
            "b.yaml",
            "\
namespace: app
entries:
  - name: worker
   kind: process.lua
",
        ),
    ]);
    faulty(
        &dir,
        str![[r#"
a.yaml:4:47: error: no entry `app:none`
  4 |   - {name: t, kind: process.service, process: none}
    |                                               ^^^^
b.yaml:4:4: error: invalid YAML: while parsing a block collection, did not find expected '-' indicator
  4 |    kind: process.lua
    |    ^
2 problems in 2 files

"#]],
    );
}

#[test]
fn the_name_of_the_default_host_is_for_hosts() {
    let entries = "\n  - {name: processes, kind: process.lua, source: file://ok.lua}\n";
    faulty_entries(
        entries,
        str![[r#"
_index.yaml:3:12: error: `app:processes` is the default host, but declared as process.lua
  3 |   - {name: processes, kind: process.lua, source: file://ok.lua}
    |            ^^^^^^^^^
  hint: give it another name, or declare exactly one process.host
1 problems in 1 files

"#]],
    );
}

#[test]
fn duplicate_ids_name_both_places() {
    let dir = app(&[
        (
            "a.yaml",
            "\
namespace: app
entries:
  - {name: x, kind: library.lua, source: return 1}
",
        ),
        (
            "b.yaml",
            "\
namespace: app
entries:
  - {name: x, kind: process.lua, source: return 1}
",
        ),
    ]);
    faulty(
        &dir,
        str![[r#"
b.yaml:3:12: error: duplicate entry id `app:x`
  3 |   - {name: x, kind: process.lua, source: return 1}
    |            ^
  hint: it is also declared at a.yaml:3:12
1 problems in 1 files

"#]],
    );
}

#[test]
fn cycles_are_named_whole() {
    let entries = r#"
  - {name: a, kind: library.lua, source: return 1, imports: {b: b}}
  - {name: b, kind: library.lua, source: return 1, imports: {c: c}}
  - {name: c, kind: library.lua, source: return 1, imports: {a: a}}
  - {name: d, kind: library.lua, source: return 1, imports: {d: d}}
  - {name: p, kind: process.lua, source: return 1}
  - {name: s, kind: process.service, process: p, lifecycle: {requires: [t]}}
  - {name: t, kind: process.service, process: p, lifecycle: {depends_on: [s]}}
"#;
    faulty_entries(
        entries,
        str![[r#"
_index.yaml:3:65: error: import cycle: app:a -> app:b -> app:c -> app:a
  3 |   - {name: a, kind: library.lua, source: return 1, imports: {b: b}}
    |                                                                 ^
_index.yaml:6:65: error: import cycle: app:d -> app:d
  6 |   - {name: d, kind: library.lua, source: return 1, imports: {d: d}}
    |                                                                 ^
_index.yaml:8:73: error: requires cycle: app:s -> app:t -> app:s
  8 |   - {name: s, kind: process.service, process: p, lifecycle: {requires: [t]}}
    |                                                                         ^
3 problems in 1 files

"#]],
    );
}

#[test]
fn a_host_cannot_require_what_runs_on_it() {
    let entries = r#"
  - {name: host, kind: process.host, lifecycle: {requires: [s]}}
  - {name: p, kind: process.lua, source: return 1}
  - {name: s, kind: process.service, process: p}
"#;
    faulty_entries(
        entries,
        str![[r#"
_index.yaml:3:61: error: requires cycle: app:host -> app:s -> app:host
  3 |   - {name: host, kind: process.host, lifecycle: {requires: [s]}}
    |                                                             ^
  hint: `app:s` runs on `app:host`
1 problems in 1 files

"#]],
    );
}

#[test]
fn modules_and_aliases_do_not_collide() {
    let entries = r#"
  - name: a
    kind: process.lua
    source: file://ok.lua
    modules: [time, json, env, jsn, 5]
    imports: {json: lib, print: lib, time: lib, net: lib, "": lib}
  - {name: lib, kind: library.lua, source: return 1}
"#;
    faulty_entries(
        entries,
        str![[r#"
_index.yaml:6:27: error: unknown module `env`
  6 |     modules: [time, json, env, jsn, 5]
    |                           ^^^
  hint: known modules are `json`, `logger`, `net`
_index.yaml:6:32: error: unknown module `jsn`
  6 |     modules: [time, json, env, jsn, 5]
    |                                ^^^
  hint: did you mean `json`?
_index.yaml:6:37: error: an item of `modules` must be text, found the number `5`
  6 |     modules: [time, json, env, jsn, 5]
    |                                     ^
  hint: put it in quotes: `"5"`
_index.yaml:7:15: error: import alias `json` is also a listed module
  7 |     imports: {json: lib, print: lib, time: lib, net: lib, "": lib}
    |               ^^^^
  hint: give it another name
_index.yaml:7:26: error: import alias `print` is also a global that every process has
  7 |     imports: {json: lib, print: lib, time: lib, net: lib, "": lib}
    |                          ^^^^^
  hint: give it another name
_index.yaml:7:38: error: import alias `time` is also a global that every process has
  7 |     imports: {json: lib, print: lib, time: lib, net: lib, "": lib}
    |                                      ^^^^
  hint: give it another name
_index.yaml:7:59: error: an alias of `imports` must be text that is not empty, found the text ``
  7 |     imports: {json: lib, print: lib, time: lib, net: lib, "": lib}
    |                                                           ^^
7 problems in 1 files

"#]],
    );
}

#[test]
fn sources_stay_inside_the_root_and_are_text() {
    let entries = r#"
  - {name: a, kind: library.lua, source: file://none.lua}
  - {name: b, kind: library.lua, source: file://../../etc/passwd}
  - {name: c, kind: library.lua, source: file:///../../etc/passwd}
  - {name: d, kind: library.lua, source: file://link.lua}
  - {name: e, kind: library.lua, source: file://loop.lua}
  - {name: f, kind: library.lua, source: file://folder}
  - {name: g, kind: library.lua, source: file://large.lua}
  - {name: h, kind: library.lua, source: file://binary.lua}
  - {name: i, kind: library.lua, source: ok.lua}
  - {name: j, kind: library.lua, source: file://okk.lua}
  - {name: k, kind: library.lua, source: file://../_index.lua}
  - {name: l, kind: library.lua, source: file:///ok.lua}
  - {name: m, kind: library.lua, source: ""}
  - {name: n, kind: library.lua, source: [a]}
"#;
    let yaml = format!("namespace: app\nentries:{entries}");
    let dir = app(&[
        ("src/_index.yaml", &yaml),
        ("src/ok.lua", ""),
        ("_index.lua", ""),
        ("src/folder/x", ""),
        ("src/large.lua", &" ".repeat((1 << 20) + 1)),
        ("src/binary.lua", "\u{1b}Lua"),
    ]);
    symlink("/etc/passwd", dir.path().join("src/link.lua")).expect("a link");
    symlink("loop.lua", dir.path().join("src/loop.lua")).expect("a link");
    faulty(
        &dir,
        str![[r#"
src/_index.yaml:3:42: error: source `src/none.lua` does not exist
  3 |   - {name: a, kind: library.lua, source: file://none.lua}
    |                                          ^^^^^^^^^^^^^^^
src/_index.yaml:4:42: error: source `../../etc/passwd` is outside the application root
  4 |   - {name: b, kind: library.lua, source: file://../../etc/passwd}
    |                                          ^^^^^^^^^^^^^^^^^^^^^^^
src/_index.yaml:5:42: error: source `/../../etc/passwd` is outside the application root
  5 |   - {name: c, kind: library.lua, source: file:///../../etc/passwd}
    |                                          ^^^^^^^^^^^^^^^^^^^^^^^^
src/_index.yaml:6:42: error: source `src/link.lua` is outside the application root, by a symbolic link
  6 |   - {name: d, kind: library.lua, source: file://link.lua}
    |                                          ^^^^^^^^^^^^^^^
src/_index.yaml:7:42: error: source `src/loop.lua` cannot be read: Too many levels of symbolic links (os error 40)
  7 |   - {name: e, kind: library.lua, source: file://loop.lua}
    |                                          ^^^^^^^^^^^^^^^
src/_index.yaml:8:42: error: source `src/folder` is not a regular file
  8 |   - {name: f, kind: library.lua, source: file://folder}
    |                                          ^^^^^^^^^^^^^
src/_index.yaml:9:42: error: source `src/large.lua` is larger than 1 MB
  9 |   - {name: g, kind: library.lua, source: file://large.lua}
    |                                          ^^^^^^^^^^^^^^^^
src/_index.yaml:10:42: error: source `src/binary.lua` is compiled Lua; only source text is accepted
  10 |   - {name: h, kind: library.lua, source: file://binary.lua}
     |                                          ^^^^^^^^^^^^^^^^^
src/_index.yaml:11:42: error: `source` is a file name, not Lua code
  11 |   - {name: i, kind: library.lua, source: ok.lua}
     |                                          ^^^^^^
  hint: write `file://ok.lua`
src/_index.yaml:12:42: error: source `src/okk.lua` does not exist
  12 |   - {name: j, kind: library.lua, source: file://okk.lua}
     |                                          ^^^^^^^^^^^^^^
  hint: did you mean `ok.lua`?
src/_index.yaml:15:42: error: `source` is empty
  15 |   - {name: m, kind: library.lua, source: ""}
     |                                          ^^
src/_index.yaml:16:42: error: `source` must be text, found a list
  16 |   - {name: n, kind: library.lua, source: [a]}
     |                                          ^
12 problems in 1 files

"#]],
    );
}

#[test]
fn links_to_folders_are_not_followed() {
    let dir = app(&[("_index.yaml", "namespace: app\nentries: []\n")]);
    symlink(".", dir.path().join("again")).expect("a link");
    symlink("/", dir.path().join("outside")).expect("a link");
    moonlet(&dir, &["check"]).code(0).stdout_eq("ok: 0 entries\n");
}

#[test]
fn settings_are_checked() {
    let dir = app(&[
        (
            "_index.yaml",
            "\
namespace: app
entries: []
",
        ),
        (
            "moonlet.yaml",
            "\
shutdown: {timeout: 30}
log: {level: trace}
logs: {}
",
        ),
    ]);
    faulty(
        &dir,
        str![[r#"
moonlet.yaml:1:21: error: `shutdown.timeout` must be a duration such as `10s`, found the number `30`
  1 | shutdown: {timeout: 30}
    |                     ^^
  hint: add a unit: `30s` or `30ms`
moonlet.yaml:2:14: error: `log.level` must be `debug`, `info`, `warn` or `error`, found `trace`
  2 | log: {level: trace}
    |              ^^^^^
moonlet.yaml:3:1: error: unknown field `logs` in moonlet.yaml
  3 | logs: {}
    | ^^^^
  hint: did you mean `log`?
3 problems in 1 files

"#]],
    );
}

#[test]
fn aliases_are_bounded() {
    let mut yaml =
        "namespace: app\nentries: []\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let aliases = vec![format!("*a{}", n - 1); 10].join(", ");
        yaml += &format!("a{n}: &a{n} [{aliases}]\n");
    }
    faulty(
        &app(&[("_index.yaml", &yaml)]),
        str![[r#"
_index.yaml:8:45: error: more than 1000000 values, aliases expanded
  8 | a5: &a5 [*a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4]
    |                                             ^^^
1 problems in 1 files

"#]],
    );
}

#[test]
fn nothing_from_a_file_reaches_the_terminal() {
    let entries = r#"
  - {name: "a\x1b[31m", kind: library.lua, source: return 1}
  - {name: b, kind: library.lua, source: return 1, "\u202e\n": 1}
"#;
    faulty_entries(
        entries,
        str![[r#"
_index.yaml:3:12: error: `name` must be a name, found the text `a/u{1b}[31m`
  3 |   - {name: "a/x1b[31m", kind: library.lua, source: return 1}
    |            ^^^^^^^^^^^
  hint: names consist of letters, digits, `_`, `-` and `.`, and start with a letter, digit or `_`
_index.yaml:4:52: error: unknown field `�/n` in library.lua
  4 |   - {name: b, kind: library.lua, source: return 1, "/u202e/n": 1}
    |                                                    ^^^^^^^^^^
  hint: known fields are `name`, `kind`, `meta`, `data`, `source`, `modules`, `imports`
2 problems in 1 files

"#]],
    );
}

#[test]
fn a_path_that_holds_no_application_is_an_error_of_use() {
    let dir = app(&[("empty/notes.txt", ""), ("data/x.yaml", "a: 1\n")]);
    moonlet(&dir, &["check", "none"]).code(2).stdout_eq("").stderr_eq(str![[r#"
error: cannot open `none`: No such file or directory (os error 2)

"#]]);
    moonlet(&dir, &["check", "empty"]).code(2).stdout_eq("").stderr_eq(str![[r#"
error: nothing found in `empty`: no YAML file with `namespace` and `entries`

"#]]);
    moonlet(&dir, &["check", "data"]).code(2).stdout_eq("").stderr_eq(str![[r#"
error: nothing found in `data`: no YAML file with `namespace` and `entries`

"#]]);
    moonlet(&dir, &["check", "empty/notes.txt"]).code(2).stdout_eq("").stderr_eq(str![[r#"
error: `empty/notes.txt` is neither a folder nor a Lua file of legal name

"#]]);
}

#[test]
fn one_lua_file_needs_no_yaml() {
    let dir = app(&[
        ("ok.lua", "return {}\n"),
        ("other.lua", ""),
        ("no name.lua", ""),
        ("_index.yaml", "namespace: [\n"),
        ("binary.lua", "\u{1b}Lua"),
    ]);
    moonlet(&dir, &["check", "ok.lua"]).code(0).stdout_eq("ok: 1 entries\n").stderr_eq("");
    moonlet(&dir, &["check", "no name.lua"]).code(2).stderr_eq(str![[r#"
error: `no name.lua` is neither a folder nor a Lua file of legal name

"#]]);
    moonlet(&dir, &["check", "binary.lua"]).code(1).stderr_eq(str![[r#"
binary.lua:1:1: error: source `binary.lua` is compiled Lua; only source text is accepted
1 problems in 1 files

"#]]);
}

#[test]
fn the_command_line_is_checked() {
    let dir = app(&[]);
    moonlet(&dir, &["check", "--colour"]).code(2).stdout_eq("").stderr_eq(str![[r#"
error: unexpected argument '--colour' found

  tip: to pass '--colour' as a value, use '-- --colour'

Usage: moonlet check [PATH]

For more information, try '--help'.

"#]]);
    moonlet(&dir, &["--version"]).code(0).stderr_eq("").stdout_eq("moonlet [..]\n");
    moonlet(&dir, &["check", "--help"]).code(0).stderr_eq("").stdout_eq(str![[r#"
Check YAML, references and Lua sources; start nothing

Usage: moonlet check [PATH]

Arguments:
  [PATH]  Application folder, or one .lua file [default: .]

Options:
  -h, --help  Print help

Examples:
  moonlet check
  moonlet check shop
  moonlet check hello.lua

The exit code is 0 without problems and 1 with some.

"#]]);
    moonlet(&dir, &["run", "--help"]).code(0).stderr_eq("").stdout_eq(str![[r#"
Run an application or one Lua file

Usage: moonlet run [OPTIONS] [PATH] [-- <ARGS>...]

Arguments:
  [PATH]     Application folder, or one .lua file [default: .]
  [ARGS]...  Arguments of the -x entry or of the .lua file

Options:
  -x, --exec <NS:ENTRY>      Run this process.lua entry with ARGS, and end with it
      --host <HOST>          Host for the -x entry [default: its host field, else the default host]
      --workers <N>          Workers of every host in this run [default: as declared, else one for
                             each CPU]
  -o <NS:ENTRY:FIELD=VALUE>  Replace one field of an entry, dots for nesting; later ones win
  -h, --help                 Print help

Examples:
  moonlet run                          run the application in this folder until it ends
  moonlet run hello.lua -- World       run one file, with an argument
  moonlet run shop -x app:report -- 7  run one entry of an application, then end
  moonlet run -o app:processes:host.workers=4
  moonlet run -o app:worker:memory_limit=64MB -o app:worker:lifecycle.auto_start=true

The exit code is that of the -x entry: 0 to 255 if it returns such a number, 1 if it fails.

"#]]);
    moonlet(&dir, &["--help"]).code(0).stderr_eq("").stdout_eq(str![[r#"
Runs Lua green processes: spawn, message, monitor, link and supervise them

Usage: moonlet <COMMAND>

Commands:
  run    Run an application or one Lua file
  check  Check YAML, references and Lua sources; start nothing

Options:
  -h, --help     Print help
  -V, --version  Print version

Examples:
  moonlet run                          run the application in this folder
  moonlet run hello.lua -- World       run one file, with an argument
  moonlet run shop -x app:report -- 7  run one entry of an application, then end
  moonlet check shop                   find every problem, start nothing

"#]]);
}

#[test]
fn a_file_as_a_whole_is_shown_at_its_begin() {
    let large = "x".repeat((16 << 20) + 1);
    let dir = app(&[
        ("a/_index.yaml", "namespace: app\nentries: [{}]\n"),
        ("b/large.yaml", &large),
        ("moonlet.yaml", "[]"),
    ]);
    write(dir.path(), "c.yaml", b"\xff");
    symlink("/dev/null", dir.path().join("b/outer.yaml")).expect("a link");
    faulty(
        &dir,
        str![[r#"
a/_index.yaml:2:11: error: missing field `name` in an entry
  2 | entries: [{}]
    |           ^
a/_index.yaml:2:11: error: missing field `kind` in an entry
  2 | entries: [{}]
    |           ^
b/large.yaml:1:1: error: the file is larger than 16 MB
b/outer.yaml:1:1: error: the file is outside the application root, by a symbolic link
c.yaml:1:1: error: invalid YAML: the file is not UTF-8
  1 | �
    | ^
moonlet.yaml:1:1: error: moonlet.yaml must be a mapping, found a list
  1 | []
    | ^
6 problems in 5 files

"#]],
    );
}

#[test]
fn sources_are_named_and_sorted_by_where_they_are() {
    let yaml = "
namespace: app
entries:
  - {name: a, kind: process.lua, source: file://none/../z.lua}
  - {name: b, kind: process.lua, source: file:///b/../a/./y.lua}
  - {name: c, kind: process.lua, source: file://../a/y.lua}
";
    let dir = app(&[("b/_index.yaml", yaml), ("b/z.lua", "return ]"), ("a/y.lua", "x = = 1\n")]);
    faulty(
        &dir,
        str![[r#"
a/y.lua:1:1: error: unexpected symbol near '='
  1 | x = = 1
    | ^^^^^^^
b/z.lua:1:1: error: unexpected symbol near ']'
  1 | return ]
    | ^^^^^^^^
2 problems in 2 files

"#]],
    );
}
