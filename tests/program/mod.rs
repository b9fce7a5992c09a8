//! Runs the `moonlet` command to its end, or to the end of our patience.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use snapbox::cmd::{Command, cargo_bin};

/// How long a program may take, far above what any needs; sanitizers make it slow.
const PATIENCE: Duration = Duration::from_secs(if cfg!(any(asan, tsan)) { 600 } else { 30 });

/// What a run of the command shows.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code; none if a signal ended it, as it does when our patience is over.
    pub(crate) code: Option<i32>,
    /// Its stdout, with `<pid>` for each PID.
    pub(crate) stdout: String,
    /// What it writes to stderr beside its log, with `<pid>` for each PID.
    pub(crate) stderr: String,
    /// The records of its log, sorted, with `<pid>` for each PID, without times and tracebacks.
    pub(crate) log: String,
}

impl Run {
    /// Runs `moonlet` with these arguments in a folder.
    pub(crate) fn new(folder: &Path, args: &[&str]) -> Self {
        let command = Command::new(cargo_bin!("moonlet")).current_dir(folder).args(args);
        Self::shown(&command.timeout(PATIENCE).output().expect("the command starts"))
    }

    fn shown(output: &Output) -> Self {
        let stdout = without_pids(&String::from_utf8_lossy(&output.stdout));
        let errors = without_pids(&String::from_utf8_lossy(&output.stderr));
        let (records, stderr): (Vec<&str>, Vec<&str>) =
            errors.split_inclusive('\n').partition(|line| is_record(line));
        let mut records: Vec<String> = records.into_iter().map(record).collect();
        records.sort();
        Self { code: output.status.code(), stdout, stderr: stderr.concat(), log: records.concat() }
    }
}

/// Whether a line is a log record: those start with a time, `2026-01-31T…`.
fn is_record(line: &str) -> bool {
    let is_digit = |at: usize| line.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    (0..4).all(is_digit) && line.as_bytes().get(4) == Some(&b'-') && line.get(10..11) == Some("T")
}

/// A record without its time and its traceback.
fn record(line: &str) -> String {
    let line = line.trim_end().split_once(' ').map_or(line, |(_time, rest)| rest);
    let line = line.split_once(" traceback=").map_or(line, |(record, _)| record);
    format!("{}\n", line.trim())
}

/// A text with `<pid>` for each `{<host id>|0x<n>}`.
fn without_pids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out += &rest[..at];
        rest = &rest[at..];
        let length = pid_length(rest);
        out += if length == 0 { "{" } else { "<pid>" };
        rest = &rest[length.max(1)..];
    }
    out + rest
}

/// The length of the PID that a text starts with, 0 without one.
fn pid_length(text: &str) -> usize {
    let is_of_id = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
    let serial = text[1..].trim_start_matches(is_of_id).strip_prefix("|0x");
    let end = serial.map(|serial| serial.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    match end.and_then(|end| end.strip_prefix('}')) {
        Some(behind) => text.len() - behind.len(),
        None => 0,
    }
}
