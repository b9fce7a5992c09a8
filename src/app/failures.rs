//! The log of failed processes: one record for each, and one for all that a shutdown kills. It also
//! keeps what a shutdown had to kill in spite of its patience: the leftovers.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::application::App;
use super::entry::Kind;
use crate::process::{Exit, Failure, Pid, Process};

/// Longest text of a record, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// A process that a shutdown killed since its time was over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its PID.
    pub pid: Pid,
    /// The id of its entry.
    pub entry: String,
    /// Where each of its coroutines was.
    pub places: Vec<String>,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pid, self.entry)?;
        self.places.iter().try_for_each(|place| write!(f, "\n  {place}"))
    }
}

/// Records failures.
#[derive(Debug)]
pub(crate) struct Failures {
    sources: FileNames,
    ledger: Mutex<Ledger>,
}

/// What a shutdown has killed.
#[derive(Debug, Default)]
struct Ledger {
    /// Processes whose time is over, with their entries; those that end by it become leftovers.
    overdue: FxHashMap<Pid, &'static str>,
    leftovers: Vec<Leftover>,
    n_killed: usize,
}

impl Failures {
    pub(crate) fn new(app: &App) -> Self {
        Self { sources: FileNames::new(app), ledger: Mutex::default() }
    }

    /// Records the failure of a process.
    pub(crate) fn record(&self, process: &Process, exit: &Exit, places: &dyn Fn() -> Vec<String>) {
        let Some(failure) = &exit.error else { return };
        let (pid, entry) = (process.pid(), process.entry());
        if process.runtime().is_stopping() && *failure == Failure::shutdown() {
            let mut ledger = self.ledger();
            ledger.n_killed += 1;
            if ledger.overdue.remove(&pid).is_some() {
                let (entry, places) = (entry.to_string(), places());
                ledger.leftovers.push(Leftover { pid, entry, places });
            }
            return;
        }
        let traceback = self.sources.put_into(&String::from_utf8_lossy(&failure.stack));
        let (message, traceback) = (cut(&failure.text()).to_owned(), cut(&traceback).to_owned());
        let kind = &*failure.kind;
        tracing::error!(%pid, %entry, kind, traceback, "process failed: {message}");
    }

    /// The text of `err:stack()` with file names in place of entry ids.
    pub(crate) fn traceback(&self, failure: &Failure) -> String {
        self.sources.put_into(&String::from_utf8_lossy(&failure.stack))
    }

    /// The time of that process is over: it becomes a leftover if it is killed now.
    pub(crate) fn expect_leftover(&self, process: &Process) {
        self.ledger().overdue.insert(process.pid(), process.entry());
    }

    /// The leftovers by PID, and how many processes the shutdown killed in all. One that still
    /// lives could not be ended.
    pub(crate) fn take_leftovers(&self, is_alive: impl Fn(Pid) -> bool) -> (Vec<Leftover>, usize) {
        let Ledger { overdue, mut leftovers, n_killed } = std::mem::take(&mut *self.ledger());
        for (pid, entry) in overdue.into_iter().filter(|(pid, _)| is_alive(*pid)) {
            let places = vec!["in a call that does not return".to_owned()];
            leftovers.push(Leftover { pid, entry: entry.to_string(), places });
        }
        leftovers.sort_by_key(|leftover| leftover.pid.serial());
        (leftovers, n_killed)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At most [`TEXT_BYTES_MAX`] bytes of a text.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// Which file, from which line on, the source of an entry comes from.
#[derive(Debug, Default)]
struct FileNames(FxHashMap<String, (String, u32)>);

impl FileNames {
    fn new(app: &App) -> Self {
        let of_entry = |id: &str, kind: &Kind| {
            let source = kind.source()?;
            Some((id.to_owned(), (source.file.clone(), source.first_line)))
        };
        let declared = app.entries().filter_map(|entry| of_entry(entry.id.as_str(), &entry.kind));
        let sibling = |(id, file): (&super::id::EntryId, String)| (id.to_string(), (file, 1));
        Self(declared.chain(app.siblings.files().map(sibling)).collect())
    }

    /// Replaces the positions of a traceback, `<entry id>:<line>`, which stand behind a tab at the
    /// start of a line or behind `<`.
    fn put_into(&self, traceback: &str) -> String {
        let mut out = String::with_capacity(traceback.len());
        let mut rest = traceback;
        while let Some(at) = rest.find(['\t', '<']) {
            let (before, position) = rest.split_at(at + 1);
            out += before;
            rest = position;
            if let Some((file, line, behind)) = self.position(position) {
                out += &format!("{file}:{line}");
                rest = behind;
            }
        }
        out + rest
    }

    /// The file and line of a text that starts with `<entry id>:<line>`, and what stands behind.
    fn position<'a>(&self, text: &'a str) -> Option<(&str, u32, &'a str)> {
        let is_of_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        let end = text.find(|c| !is_of_id(c)).unwrap_or(text.len());
        let mut parts = text[..end].splitn(4, ':');
        let (namespace, name, line) = (parts.next()?, parts.next()?, parts.next()?);
        let (file, first_line) = self.0.get(&format!("{namespace}:{name}"))?;
        let line_number: u32 = line.parse().ok()?;
        let behind = &text[namespace.len() + name.len() + line.len() + 2..];
        Some((file, line_number.saturating_add(first_line - 1), behind))
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn tracebacks_name_files_and_their_lines() {
        let mut names = FileNames::default();
        names.0.insert("app:w".to_owned(), ("src/w.lua".to_owned(), 1));
        names.0.insert("app.x:inline".to_owned(), ("src/_index.yaml".to_owned(), 10));
        let traceback = "app:w:3: boom\nstack traceback:\n\tapp:w:3: in function <app:w:1>\n\
                         \tapp.x:inline:2: in local 'f'\n\t[C]: in function 'error'\n\tapp:other:1: x";
        let expected = "app:w:3: boom\nstack traceback:\n\tsrc/w.lua:3: in function <src/w.lua:1>\n\
                        \tsrc/_index.yaml:11: in local 'f'\n\t[C]: in function 'error'\n\tapp:other:1: x";
        assert_eq!(names.put_into(traceback), expected);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = "ä".repeat(TEXT_BYTES_MAX);
        assert_eq!(cut(&text).len(), TEXT_BYTES_MAX);
        assert_eq!(cut("short"), "short");
    }
}
