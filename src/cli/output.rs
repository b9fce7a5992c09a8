//! What the command itself writes. Nobody may be reading any more, which is no reason to fail.

use std::io::{self, IsTerminal as _, Write as _};

use super::stderr;
use crate::app::{Colour, Report};

/// Writes to stdout.
pub(crate) fn stdout(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

/// Writes a message of the command to stderr.
pub(crate) fn error(message: &str) {
    let (red, off) = match colour() {
        Colour::Always => ("\x1b[1;31m", "\x1b[0m"),
        Colour::Never => ("", ""),
    };
    let text = format!("{red}error:{off} {message}\n");
    stderr::print(&text);
}

/// Writes a line to stderr that is no error.
pub(crate) fn notice(text: &str) {
    stderr::print(&format!("{text}\n"));
}

/// A text of a program, with control characters other than line ends and tabs made visible.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let is_harmful = c.is_control() && !matches!(c, '\n' | '\t');
        if is_harmful { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Writes everything that is wrong with an application to stderr.
pub(crate) fn report(report: &Report) {
    stderr::print(&report.render(colour()));
}

/// Colours are for terminals, and `NO_COLOR` turns them off.
fn colour() -> Colour {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if !refused && io::stderr().is_terminal() { Colour::Always } else { Colour::Never }
}
