//! Faults while they are gathered: a place in a file, what is wrong, what would help.
//!
//! Loading never stops at the first fault. Every step takes `&Faults`, adds what it finds and goes
//! on with what is left; at the end the faults become the [`Report`].

use std::cell::RefCell;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Report, excerpt, plain};

/// A stretch of text in one of the [`Files`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which file.
    pub(crate) file: FileIdx,
    /// Line, from 1; 0: the file as a whole, shown at its begin.
    pub(crate) line: u32,
    /// Column in characters, from 1; 0: the line as a whole.
    pub(crate) col: u32,
    /// Length in characters; 0 where something is missing.
    pub(crate) len: u32,
}

impl Place {
    /// A file as a whole.
    pub(crate) fn whole(file: FileIdx) -> Self {
        Self { file, line: 0, col: 0, len: 0 }
    }

    /// A line as a whole, where no column is known.
    pub(crate) fn line(file: FileIdx, line: u32) -> Self {
        Self { file, line, col: 0, len: 0 }
    }
}

/// Index of a file in [`Files`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileIdx(u32);

/// The texts that faults point into, by the names under which they are shown.
#[derive(Debug, Default)]
pub(crate) struct Files(Vec<(String, Arc<[u8]>)>);

impl Files {
    /// Adds a file; its text may be empty if it could not be read.
    pub(crate) fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<[u8]>>) -> FileIdx {
        self.0.push((name.into(), text.into()));
        FileIdx(u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX))
    }

    fn name(&self, file: FileIdx) -> &str {
        self.0.get(file.0 as usize).map_or("", |(name, _)| name)
    }

    fn text(&self, file: FileIdx) -> &[u8] {
        self.0.get(file.0 as usize).map_or(&[], |(_, text)| text)
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    place: Place,
    message: String,
    hint: Option<Hint>,
}

#[derive(Debug, Clone, PartialEq)]
enum Hint {
    Text(String),
    /// Another place that has to do with it, and what is there.
    See(&'static str, Place),
}

impl Fault {
    /// A fault at a place. The message is lower case, without full stop.
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), hint: None }
    }

    /// What to do about it.
    pub(crate) fn hint(self, text: impl Into<String>) -> Self {
        Self { hint: Some(Hint::Text(text.into())), ..self }
    }

    /// What to do about it, if anything is known.
    pub(crate) fn maybe_hint(self, text: Option<String>) -> Self {
        match text {
            Some(text) => self.hint(text),
            None => self,
        }
    }

    /// The other place that has to do with it: `what` is there.
    pub(crate) fn see(self, what: &'static str, place: Place) -> Self {
        Self { hint: Some(Hint::See(what, place)), ..self }
    }
}

/// The faults found so far. Shared by reference: adding is all that most code may do.
#[derive(Debug, Default)]
pub(crate) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.0.borrow_mut().push(fault);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Turns the faults into the report that is shown, sorted by file and line.
    pub(crate) fn into_report(self, files: &Files) -> Report {
        let mut faults = self.0.into_inner();
        faults.sort_by(|a, b| {
            let key = |fault: &Fault| (fault.place.line, fault.place.col);
            files
                .name(a.place.file)
                .cmp(files.name(b.place.file))
                .then_with(|| a.place.file.0.cmp(&b.place.file.0))
                .then_with(|| key(a).cmp(&key(b)))
        });
        // Entries that share a source share its faults.
        faults.dedup();
        let mut diagnostics = Vec::with_capacity(faults.len());
        for of_one_file in faults.chunk_by(|a, b| a.place.file == b.place.file) {
            let lines = Lines::new(files.text(of_one_file[0].place.file));
            diagnostics.extend(of_one_file.iter().map(|fault| diagnose(fault, &lines, files)));
        }
        Report::new(diagnostics)
    }
}

fn diagnose(fault: &Fault, lines: &Lines<'_>, files: &Files) -> Diagnostic {
    let Place { file, line, mut col, mut len } = fault.place;
    let text = lines.get(line).map(String::from_utf8_lossy);
    if line > 0 && col == 0 {
        (col, len) = text.as_deref().map_or((1, 0), stretch);
    }
    Diagnostic {
        file: plain(files.name(file)),
        line: line.max(1),
        col: col.max(1),
        len,
        message: plain(&fault.message),
        excerpt: text.map(|text| excerpt(&text, col, len)),
        hint: fault.hint.as_ref().map(|hint| match hint {
            Hint::Text(text) => plain(text),
            Hint::See(what, Place { file, line, col, .. }) => {
                plain(&format!("{what} at {}:{line}:{col}", files.name(*file)))
            }
        }),
    }
}

/// Column and length of a line without the blanks around it.
fn stretch(line: &str) -> (u32, u32) {
    let count = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let unindented = line.trim_start();
    (count(line) - count(unindented) + 1, count(unindented.trim_end()))
}

/// The lines of a text, found once for all faults in it.
struct Lines<'a> {
    text: &'a [u8],
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Lines end, as in YAML, with LF, CR LF or CR.
    fn new(text: &'a [u8]) -> Self {
        let ends_line = |(at, byte): (usize, &u8)| match byte {
            b'\n' => Some(at + 1),
            b'\r' if text.get(at + 1) != Some(&b'\n') => Some(at + 1),
            _ => None,
        };
        let mut starts = vec![0];
        starts.extend(text.iter().enumerate().filter_map(ends_line));
        Self { text, starts }
    }

    /// The line with that number, from 1, without its end.
    fn get(&self, line: u32) -> Option<&'a [u8]> {
        let at = (line as usize).checked_sub(1)?;
        let start = *self.starts.get(at)?;
        let end = self.starts.get(at + 1).copied().unwrap_or(self.text.len());
        let line = &self.text[start..end];
        let ended = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
        Some(&line[..ended.map_or(0, |at| at + 1)])
    }
}

/// A value of the operator in backticks: cut if long, control characters made visible.
pub(crate) fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    let cut = text.char_indices().nth(CHARS_MAX).map(|(at, _)| &text[..at]);
    let mut shown = String::new();
    for c in cut.unwrap_or(text).chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    format!("`{shown}{}`", if cut.is_some() { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: FileIdx, line: u32, col: u32) -> Place {
        Place { file, line, col, len: 1 }
    }

    #[test]
    fn faults_are_sorted_by_file_and_line_and_shown_once() {
        let mut files = Files::default();
        let b = files.add("b.yaml", *b"1\n2\n3\n");
        let a = files.add("a.yaml", *b"1\n");
        let faults = Faults::default();
        faults.add(Fault::new(at(b, 3, 1), "third"));
        faults.add(Fault::new(at(b, 2, 1), "second"));
        faults.add(Fault::new(at(b, 3, 1), "third"));
        faults.add(Fault::new(at(a, 1, 1), "first"));
        let report = faults.into_report(&files);
        let messages: Vec<_> = report.diagnostics().iter().map(|d| d.message.as_str()).collect();
        assert_eq!(messages, ["first", "second", "third"]);
    }

    #[test]
    fn lines_end_with_lf_crlf_or_cr() {
        let lines = Lines::new(b"a\r\nb\rc\n\nd");
        let texts: Vec<_> = (0..=6).map(|line| lines.get(line)).collect();
        assert_eq!(
            texts,
            [None, Some(&b"a"[..]), Some(b"b"), Some(b"c"), Some(b""), Some(b"d"), None]
        );
    }

    #[test]
    fn quoted_values_are_short_and_harmless() {
        assert_eq!(quoted("a\u{1b}[31m\n"), "`a\\u{1b}[31m\\n`");
        assert_eq!(quoted(&"x".repeat(1000)).chars().count(), 83);
    }
}
