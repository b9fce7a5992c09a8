//! `moonlet.yaml`: settings of a run that are no entries.

use super::fault::Faults;
use super::fields::Fields;
use super::read::{self, DURATION_MAX_NS};
use super::yaml::Node;

/// The settings of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `shutdown.timeout`: everything that still lives this long after a shutdown began is killed;
    /// in nanoseconds.
    pub shutdown_timeout_ns: u64,
    /// `log.level`: the least level that is logged.
    pub log_level: LogLevel,
}

impl Default for Settings {
    fn default() -> Self {
        Self { shutdown_timeout_ns: 30_000_000_000, log_level: LogLevel::Info }
    }
}

/// How much a log record matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For finding faults.
    Debug,
    /// For following what happens.
    Info,
    /// Something may be wrong.
    Warn,
    /// Something is wrong.
    Error,
}

impl LogLevel {
    const NAMES: [(&'static str, Self); 4] = [
        ("debug", Self::Debug),
        ("info", Self::Info),
        ("warn", Self::Warn),
        ("error", Self::Error),
    ];
}

/// Reads the tree of a `moonlet.yaml`.
pub(crate) fn read(root: &Node, faults: &Faults) -> Settings {
    let mut settings = Settings::default();
    let Some(mut fields) = Fields::new(root, "moonlet.yaml", faults) else { return settings };
    if let Some(mut shutdown) = fields.section("shutdown") {
        let timeout = shutdown.optional("timeout", read::duration(0..=DURATION_MAX_NS));
        settings.shutdown_timeout_ns = timeout.unwrap_or(settings.shutdown_timeout_ns);
        shutdown.finish();
    }
    if let Some(mut log) = fields.section("log") {
        let level = log.optional("level", read::one_of(&LogLevel::NAMES));
        settings.log_level = level.unwrap_or(settings.log_level);
        log.finish();
    }
    fields.finish();
    settings
}
