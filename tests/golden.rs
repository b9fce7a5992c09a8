//! Programs whose output is known to the letter: every folder `golden/<topic>/<case>` is one, and
//! runs with one worker and with four.
//!
//! # Cases
//!
//! - A case is an application with an `_index.yaml`, or Lua files alone. Those become entries
//!   `app:<stem>` that may use every safe module.
//! - `app:main` is run, unless a file `args` has other arguments for the command.
//! - The library `golden:check` (alias `check` in the entries of Lua files) prints one line
//!   for each row of a table that holds, `ok <row>`, and `FAIL <row>: …` for one that does not. The
//!   process `golden:script` runs the source that is its first argument.
//! - `expect.txt` is what must be seen. The log is compared if it has a section `log:`. In it,
//!   `[..]` stands for any text within a line, and a line `...` for any lines.
//!
//! `GOLDEN=process/spawn` runs the cases whose path starts so; `SNAPSHOTS=overwrite` writes what is
//! seen into `expect.txt`.

mod program;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use snapbox::{Assert, Data, IntoData as _};
use tempfile::TempDir;

use crate::program::Run;

const WORKERS: [&str; 2] = ["1", "4"];

/// Cases that run at one time. They wait more than they compute.
const PARALLEL: usize = 4;

#[test]
fn every_golden_case_shows_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let wanted = std::env::var("GOLDEN").unwrap_or_default();
    let cases = cases(&folder, &wanted);
    assert!(!cases.is_empty(), "no case begins with `{wanted}`");
    let cases = Mutex::new(cases.into_iter());
    let failures = Mutex::new(Vec::new());
    let next = || cases.lock().expect("no case panics").next();
    thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                while let Some(case) = next() {
                    if let Err(failure) = check(&folder, &case) {
                        failures.lock().expect("no case panics").push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no case panics");
    assert!(failures.is_empty(), "{} checks failed\n\n{}", failures.len(), failures.join("\n"));
}

/// The cases `<topic>/<case>` whose path starts as wanted.
fn cases(folder: &Path, wanted: &str) -> Vec<String> {
    let mut cases: Vec<String> = folders(folder)
        .iter()
        .flat_map(|topic| folders(topic))
        .map(|case| case.strip_prefix(folder).expect("a path in it").display().to_string())
        .filter(|case| case.starts_with(wanted))
        .collect();
    cases.sort();
    cases
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// Runs a case with each number of workers.
fn check(folder: &Path, case: &str) -> Result<(), String> {
    let application = application(folder, &folder.join(case));
    let expected = folder.join(case).join("expect.txt");
    let shows_log = fs::read_to_string(&expected).is_ok_and(|text| text.contains("\nlog:\n"));
    for workers in WORKERS {
        let args = fs::read_to_string(application.path().join("args"));
        let args = args.as_deref().unwrap_or("run . -x app:main").split_whitespace();
        let args: Vec<&str> = args.chain(["--workers", workers]).collect();
        let run = Run::new(application.path(), &args);
        let seen = text(&run, shows_log);
        let failed = run.stdout.lines().any(|line| line.starts_with("FAIL"));
        let describe = |difference: &str| {
            format!("{case} with {workers} workers:\n{difference}\nlog:\n{}", run.log)
        };
        if failed || run.code.is_none() {
            return Err(describe(&seen));
        }
        Assert::new()
            .action_env(snapbox::assert::DEFAULT_ACTION_ENV)
            .normalize_paths(false)
            .try_eq(Some(&case), seen.into_data(), Data::read_from(&expected, None))
            .map_err(|difference| describe(&difference.to_string()))?;
    }
    Ok(())
}

/// What is compared.
fn text(run: &Run, shows_log: bool) -> String {
    let code = run.code.map_or("none, it was killed".to_owned(), |code| code.to_string());
    let mut text = format!("exit: {code}\n");
    for (name, part) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        if !part.is_empty() {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{name}:\n{part}");
        }
    }
    if shows_log { text + "log:\n" + &run.log } else { text }
}

/// A copy of a case as an application, with the entries that all cases share.
fn application(folder: &Path, case: &Path) -> TempDir {
    let application = tempfile::tempdir().expect("a temporary folder");
    let root = application.path();
    let mut entries = String::from("namespace: app\nentries:\n");
    for file in fs::read_dir(case).expect("a case").map(|file| file.expect("a file").path()) {
        fs::copy(&file, root.join(file.file_name().expect("a name"))).expect("a file");
        if let Some(stem) = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".lua")) {
            let _ = writeln!(
                entries,
                "  - {{name: {stem}, kind: process.lua, source: file://{stem}.lua, \
                 modules: [json, logger], imports: {{check: golden:check}}}}"
            );
        }
    }
    if !root.join("_index.yaml").exists() {
        fs::write(root.join("_index.yaml"), entries).expect("a file");
    }
    let shared = root.join("golden");
    fs::create_dir(&shared).expect("a folder");
    for file in ["golden.yaml", "check.lua", "script.lua"] {
        fs::copy(folder.join(file), shared.join(file)).expect("a file");
    }
    application
}
