//! Stderr of a run: log records, notices and errors, in one order, without anybody waiting for who
//! reads them.
//!
//! Before [`start`] they are written at once. After it a thread writes them; what is left at the
//! end gets out by [`flush`]. Nobody may be reading any more, which is no reason to fail.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use crate::writer::Writer;

/// Bytes of records that may wait for a slow reader: those of a storm of failures.
const ROOM: usize = 4 << 20;

/// How long [`flush`] takes at most, and what it takes even if no time is left: together with the
/// time in which everything is killed less than the second after `shutdown.timeout`.
const FLUSH_MAX: Duration = Duration::from_millis(500);
const FLUSH_MIN: Duration = Duration::from_millis(100);

/// The target of records behind which the program is aborted.
const FATAL: &str = "fatal";

static WRITER: OnceLock<Arc<Writer>> = OnceLock::new();

/// From now on a thread writes, also what panics say.
pub(super) fn start() {
    // Without another thread everything is written at once, as before.
    if let Ok(writer) = Writer::new("stderr", ROOM, io::stderr()) {
        let _ = WRITER.set(writer);
        panic::set_hook(Box::new(tell_panic));
    }
}

/// Writes lines that are never dropped.
pub(super) fn print(text: &str) {
    match WRITER.get() {
        Some(writer) => writer.print(text.as_bytes()),
        None => _ = io::stderr().lock().write_all(text.as_bytes()),
    }
}

/// Waits until everything is written: a short time, `left` if that is even shorter.
pub(super) fn flush(left: Duration) {
    if let Some(writer) = WRITER.get() {
        // What is not read by now is lost.
        let _ = writer.flush(left.clamp(FLUSH_MIN, FLUSH_MAX));
    }
}

/// As the hook of the standard library. The program may be gone as soon as this returns.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let mut text = format!("thread '{}' {panic}\n", thread.name().unwrap_or("<unnamed>"));
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        text += &format!("{backtrace}\n");
    }
    print(&text);
    flush(FLUSH_MAX);
}

/// Where log records go.
#[derive(Debug)]
pub(super) struct Records;

/// The way of one record.
#[derive(Debug)]
pub(super) struct Record {
    is_fatal: bool,
}

impl<'a> MakeWriter<'a> for Records {
    type Writer = Record;

    fn make_writer(&'a self) -> Record {
        Record { is_fatal: false }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Record {
        Record { is_fatal: meta.target() == FATAL }
    }
}

impl Write for Record {
    /// Takes a whole record.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match WRITER.get() {
            Some(writer) if self.is_fatal => {
                writer.print(line);
                flush(FLUSH_MAX);
            }
            Some(writer) => writer.offer(line, super::log::dropped),
            None => io::stderr().lock().write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::process::{Command, exit};

    use super::*;
    use crate::app::LogLevel;

    /// Says which part this test plays in a process of its own.
    const PART: &str = "MOONLET_TEST_PART";

    #[test]
    fn last_words_are_written_before_the_program_is_gone() {
        let Ok(part) = std::env::var(PART) else { return check() };
        start();
        super::super::log::start(LogLevel::Info);
        tracing::info!("first");
        match part.as_str() {
            "panic" => _ = panic::catch_unwind(|| panic!("last words")),
            _ => tracing::error!(target: FATAL, "last words"),
        }
        exit(0);
    }

    #[track_caller]
    fn check() {
        let name = "cli::stderr::tests::last_words_are_written_before_the_program_is_gone";
        for part in ["panic", "fatal"] {
            let mut command = Command::new(std::env::current_exe().unwrap());
            let command = command.args(["--exact", name, "--nocapture"]).env(PART, part);
            let output = command.output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            let (before, _) = text.split_once("last words\n").unwrap_or_else(|| panic!("{text}"));
            assert!(before.contains("INFO  first\n"), "{text}");
        }
    }
}
