//! The laws of the command line, checked on arbitrary arguments; called by a fuzz target and by a
//! property test.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use clap::Parser as _;
use clap::error::ErrorKind;

use super::run::plan;
use super::{Cli, Command, RunArgs};
use crate::app::{self, App, EntryId, LoadError, LoadOptions, Override};

/// Pieces of real command lines: the bytes from [`PIECE`] on stand for them.
const PIECES: &[&str] = &[
    "run",
    "check",
    "-x",
    "--exec",
    "--host",
    "--workers",
    "-o",
    "--",
    "--help",
    "-h",
    "--version",
    "-V",
    "=",
    ":",
    ".",
    "app",
    "app:main",
    "app:processes",
    "app:tight",
    "app:served",
    "app:shared",
    "host",
    "workers",
    "slice",
    "max_processes",
    "memory_limit",
    "total_memory_limit",
    "mailbox",
    "max_messages",
    "on_full",
    "drop_old",
    "lifecycle",
    "auto_start",
    "restart",
    "max_attempts",
    "requires",
    "stop_timeout",
    "method",
    "modules",
    "imports",
    "source",
    "input",
    "kind",
    "name",
    "data",
    "meta",
    "process.lua",
    "process.host",
    "process.service",
    "library.lua",
    "true",
    "null",
    "0",
    "1",
    "4096",
    "64MB",
    "1.5GiB",
    "18446744073709551616",
    "-1",
    "1e3",
    "100us",
    "1h30m",
    "292y",
    "'",
    "\"",
    "[",
    "{",
    "&a ",
    "*a",
    "!!int ",
    "# ",
    "\\",
    "é",
    "\u{1b}[31m",
    "…",
    "🌙",
];
const PIECE: u8 = 0x80;
const _: () = assert!(PIECES.len() <= (LITERAL - PIECE) as usize);

/// The byte behind this one stands for itself, whatever it is.
const LITERAL: u8 = 0xff;

/// The application that accepted options are tried on.
const APP: &[u8] = b"
namespace: app
entries:
  - {name: main, kind: process.lua, source: return 1, memory_limit: 1MB}
  - {name: served, kind: process.service, process: main, input: [1], lifecycle: {auto_start: true}}
  - {name: shared, kind: library.lua, data: {source: 'return {}', modules: [json]}}
  - {name: tight, kind: process.host, host: {workers: 1, total_memory_limit: 1GB}}
  - {name: processes, kind: process.host}
";

/// Texts of messages are shorter than this, however long what is wrong is.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// Reads a command line that `data` describes, and checks:
/// * nothing panics, and what is refused is refused with one message;
/// * what is accepted is accepted again when it is written out, as the same;
/// * overrides either make an application or say what is wrong, and so does the choice of what to
///   run.
///
/// # Panics
/// When a law is broken.
pub fn check_args(data: &[u8]) {
    let words = words(data);
    for word in words.iter().filter_map(|word| word.to_str()) {
        app::check_values(word);
        if let Err(message) = word.parse::<Override>() {
            is_clear(&message);
        }
    }
    let line = std::iter::once("moonlet".into()).chain(words);
    match Cli::try_parse_from(line).map(|cli| cli.command) {
        Ok(Command::Run(args)) => {
            reads_back(&args);
            args.overrides.iter().for_each(override_reads_back);
            loads_or_tells(args);
        }
        Ok(Command::Check(args)) => assert!(!args.path.as_os_str().is_empty()),
        Err(error) => refuses_clearly(&error),
    }
}

/// The arguments that `data` describes: zeros part them.
fn words(data: &[u8]) -> Vec<OsString> {
    let mut words = vec![Vec::new()];
    let mut bytes = data.iter().copied();
    while let Some(byte) = bytes.next() {
        let word = words.last_mut().expect("there is always one");
        match byte {
            0 => words.push(Vec::new()),
            // Nothing else can be an argument.
            LITERAL => word.extend(bytes.next().filter(|byte| *byte != 0)),
            PIECE.. => {
                let piece = PIECES[usize::from(byte - PIECE) % PIECES.len()];
                word.extend_from_slice(piece.as_bytes());
            }
            byte => word.push(byte),
        }
    }
    words.into_iter().map(OsString::from_vec).collect()
}

fn refuses_clearly(error: &clap::Error) {
    let text = error.to_string();
    match error.exit_code() {
        0 => assert!(text.contains("moonlet"), "help or version: {text}"),
        // Without a command.
        2 if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            assert!(text.contains("Usage: moonlet"), "{text}");
        }
        2 => {
            let message = text.strip_prefix("error: ").expect("it begins with the message");
            let is_told = message.lines().next().is_some_and(|line| !line.trim().is_empty());
            assert!(is_told && text.ends_with('\n'), "{text:?}");
        }
        code => panic!("exit code {code}: {text}"),
    }
}

/// Options that were accepted, written as a command line again.
fn line_of(args: &RunArgs) -> Vec<OsString> {
    let mut line: Vec<OsString> = vec!["moonlet".into(), "run".into(), args.path.clone().into()];
    line.extend(args.exec.iter().map(|exec| format!("--exec={exec}").into()));
    line.extend(args.host.iter().map(|host| format!("--host={host}").into()));
    line.extend(args.workers.iter().map(|workers| format!("--workers={workers}").into()));
    line.extend(args.overrides.iter().map(|option| format!("-o{option}").into()));
    line.push("--".into());
    line.extend(args.args.iter().cloned());
    line
}

fn reads_back(args: &RunArgs) {
    let line = line_of(args);
    let again = match Cli::try_parse_from(&line).map(|cli| cli.command) {
        Ok(Command::Run(again)) => again,
        other => panic!("{line:?}: {other:?}"),
    };
    assert_eq!((&again.path, &again.exec, &again.host), (&args.path, &args.exec, &args.host));
    assert_eq!((again.workers, &again.args), (args.workers, &args.args));
    assert_eq!(again.overrides, args.overrides);
    for id in args.exec.iter().chain(&args.host) {
        assert!(EntryId::parse(id).is_none_or(|read| read.as_str() == id));
    }
}

fn override_reads_back(option: &Override) {
    assert_eq!(option.to_string().parse().as_ref(), Ok(option));
}

fn loads_or_tells(args: RunArgs) {
    let options = LoadOptions { overrides: args.overrides.clone(), workers: args.workers };
    match app::load_text(APP, &options) {
        Ok(app) => {
            has_workers(&app, args.workers);
            if let Err(message) = plan(args, &app) {
                is_clear(&message);
            }
        }
        Err(LoadError::Faulty(report)) => {
            assert!(!report.diagnostics().is_empty(), "refused without a reason");
            for diagnostic in report.diagnostics() {
                is_clear(&diagnostic.message);
                diagnostic.hint.iter().for_each(|hint| is_clear(hint));
            }
        }
        Err(LoadError::NotFound(message)) => panic!("no file is looked for: {message}"),
    }
}

/// The number that was asked for is that of every host.
fn has_workers(app: &App, workers: Option<usize>) {
    let hosts = ["app:tight", "app:processes"].into_iter().filter_map(|id| app.host(id));
    for host in hosts {
        assert!(workers.is_none() || host.workers == workers);
    }
}

/// A message is one line of bounded length that no terminal takes for a command.
fn is_clear(message: &str) {
    let is_short = message.chars().count() < MESSAGE_CHARS_MAX;
    assert!(is_short && !message.is_empty(), "{message:?}");
    assert!(!message.contains(char::is_control), "{message:?}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_command_line_breaks_the_laws(
            line in prop::collection::vec(prop_oneof![4 => PIECE..LITERAL, 2 => Just(0), 1 => any::<u8>()], 0..40),
            begins in prop::sample::select(vec![vec![], b"run\0".to_vec(), b"run\0-o\0app:tight:host.".to_vec()]),
        ) {
            check_args(&[begins, line].concat());
        }
    }

    #[test]
    fn bytes_describe_words() {
        let place = |piece| PIECE + PIECES.iter().position(|other| *other == piece).unwrap() as u8;
        let data =
            [&[place("run"), 0, LITERAL, 0xff, b'a', 0][..], &[place("-o"), LITERAL]].concat();
        let expected: [&[u8]; 3] = [b"run", b"\xffa", b"-o"];
        assert_eq!(words(&data), expected.map(|word| OsString::from_vec(word.to_vec())));
    }

    #[test]
    fn a_line_reads_back_with_all_options() {
        let line = "moonlet run shop -x app:main --host=app:tight --workers 3 -o app:main:method=a=b -- -x --";
        match Cli::try_parse_from(line.split(' ')).unwrap().command {
            Command::Run(args) => {
                assert_eq!(line_of(&args).len(), 10);
                reads_back(&args);
            }
            Command::Check(_) => unreachable!("it says run"),
        }
    }
}
