//! Log records on stderr: one a line, with time, level, PID and entry id.

use std::fmt::Write as _;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{self, FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;
use tracing_subscriber::registry::LookupSpan;

use super::stderr::Records;
use crate::app::LogLevel;

/// Writes the records of this level and above from now on.
pub(crate) fn start(level: LogLevel) {
    let level = match level {
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Info => Level::INFO,
        LogLevel::Warn => Level::WARN,
        LogLevel::Error => Level::ERROR,
    };
    let lines = fmt::layer().event_format(Line).with_writer(Records).log_internal_errors(false);
    let subscriber = registry().with(LevelFilter::from_level(level)).with(lines);
    // Whoever called this as a library has a log already.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// The line in place of so many records that nobody read.
pub(super) fn dropped(n: usize) -> String {
    let mut line = String::new();
    // Writing to a `String` cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut line));
    let level = Level::WARN.as_str();
    line + &format!(" {level:5} records dropped since nobody read them: {n}\n")
}

/// `<time> <level> <pid> <entry> <message> <other fields>`
#[derive(Debug)]
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let mut record = Record::default();
        event.record(&mut record);
        SystemTime.format_time(&mut writer)?;
        writeln!(writer, " {:5} {}", event.metadata().level().as_str(), record.text())
    }
}

/// The fields of a record.
#[derive(Debug, Default)]
struct Record {
    pid: String,
    entry: String,
    message: String,
    others: String,
}

impl Record {
    fn text(&self) -> String {
        let parts = [&self.pid, &self.entry, &self.message, &self.others];
        let parts: Vec<&str> =
            parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        one_line(&parts.join(" "))
    }

    fn add(&mut self, field: &Field, value: &str) {
        match field.name() {
            "pid" => self.pid = value.to_owned(),
            "entry" => self.entry = value.to_owned(),
            "message" => self.message = value.to_owned(),
            _ if value.is_empty() => {}
            name => {
                let space = if self.others.is_empty() { "" } else { " " };
                // Writing to a `String` cannot fail.
                let _ = write!(self.others, "{space}{name}={value}");
            }
        }
    }
}

impl Visit for Record {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

/// A text with its control characters made visible, so that it is one line and moves no cursor.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_without_control_characters() {
        let record = Record {
            pid: "{app:h|0x00001}".to_owned(),
            message: "a\nb\u{1b}[31m".to_owned(),
            ..Record::default()
        };
        assert_eq!(record.text(), "{app:h|0x00001} a\\nb\\u{1b}[31m");
    }
}
