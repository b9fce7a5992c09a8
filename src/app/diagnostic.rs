//! What an operator sees of a faulty application: one block for each problem, then a summary.
//!
//! The form is part of the specification, so it is written here by hand:
//!
//! ```text
//! src/workers/_index.yaml:9:5: error: unknown field `metod` in process.lua
//!   9 |     metod: main
//!     |     ^^^^^
//!   hint: did you mean `method`?
//! ```

use std::fmt::Write as _;

/// One problem of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, relative to the application root; `-o` for an override of the command line.
    pub file: String,
    /// Line, from 1; also 1 if it is about the file as a whole.
    pub line: u32,
    /// Column in characters, from 1; also 1 if it is about the file as a whole.
    pub col: u32,
    /// How many characters it is about; 0 where something is missing.
    pub len: u32,
    /// What is wrong.
    pub message: String,
    /// The line it is about; none for a file as a whole.
    pub excerpt: Option<Excerpt>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A line of a file, ready to be shown: control characters replaced, long lines cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The text.
    pub text: String,
    /// Characters before the first caret.
    pub indent: usize,
    /// Number of carets, at least one.
    pub carets: usize,
}

/// Whether a report is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// With ANSI escapes.
    Always,
}

/// All problems of an application, sorted by file and line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    pub(crate) fn new(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics }
    }

    /// The problems, in the order in which they are shown.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The whole report, with a line end at its end.
    #[must_use]
    pub fn render(&self, colour: Colour) -> String {
        let style = Style::of(colour);
        let mut out = String::new();
        for diagnostic in &self.diagnostics {
            diagnostic.render(&style, &mut out);
        }
        let mut files: Vec<&str> = self.diagnostics.iter().map(|d| d.file.as_str()).collect();
        files.dedup();
        out += &format!("{} problems in {} files\n", self.diagnostics.len(), files.len());
        out
    }
}

impl Diagnostic {
    fn render(&self, style: &Style, out: &mut String) {
        let Style { bold, red, blue, cyan, off } = style;
        let place = format!("{}:{}:{}", self.file, self.line, self.col);
        let message = &self.message;
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "{bold}{place}:{off} {red}error:{off} {bold}{message}{off}");
        if let Some(Excerpt { text, indent, carets }) = &self.excerpt {
            let line = self.line;
            let gutter = line.to_string().len();
            let bar = if text.is_empty() { "|" } else { "| " };
            let _ = writeln!(out, "  {blue}{line} {bar}{off}{text}");
            let carets = "^".repeat(*carets);
            let _ = writeln!(out, "  {blue}{:gutter$} |{off} {:indent$}{red}{carets}{off}", "", "");
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "  {cyan}hint:{off} {hint}");
        }
    }
}

/// The ANSI escapes of a report, all empty without colours.
#[derive(Default)]
struct Style {
    bold: &'static str,
    red: &'static str,
    blue: &'static str,
    cyan: &'static str,
    off: &'static str,
}

impl Style {
    fn of(colour: Colour) -> Self {
        match colour {
            Colour::Never => Self::default(),
            Colour::Always => Self {
                bold: "\x1b[1m",
                red: "\x1b[1;31m",
                blue: "\x1b[34m",
                cyan: "\x1b[36m",
                off: "\x1b[0m",
            },
        }
    }
}

/// Cuts a line around the stretch of `len` characters at column `col` (from 1).
pub(crate) fn excerpt(line: &str, col: u32, len: u32) -> Excerpt {
    const WIDTH_MAX: usize = 120;
    const BEFORE_MAX: usize = 60;
    let chars: Vec<char> = line.chars().map(visible).collect();
    let at = (col as usize).saturating_sub(1).min(chars.len());
    let start = if chars.len() <= WIDTH_MAX { 0 } else { at.saturating_sub(BEFORE_MAX) };
    let end = chars.len().min(start + WIDTH_MAX);
    let cut_before = if start > 0 { "…" } else { "" };
    let cut_after = if end < chars.len() { "…" } else { "" };
    let shown: String = chars[start..end].iter().collect();
    Excerpt {
        text: format!("{cut_before}{shown}{cut_after}").trim_end().to_owned(),
        indent: at - start + usize::from(start > 0),
        carets: (len as usize).min(end - at).max(1),
    }
}

/// One character for one, so that carets stay under what they are about.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        c if is_hidden(c) => '\u{fffd}',
        c => c,
    }
}

/// Control characters, and those that turn the direction of text.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text without anything that a terminal would act on.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown_field() -> Diagnostic {
        Diagnostic {
            file: "src/workers/_index.yaml".into(),
            line: 9,
            col: 5,
            len: 5,
            message: "unknown field `metod` in process.lua".into(),
            excerpt: Some(excerpt("    metod: main", 5, 5)),
            hint: Some("did you mean `method`?".into()),
        }
    }

    #[test]
    fn the_form_is_the_specified_one() {
        let expected = "\
src/workers/_index.yaml:9:5: error: unknown field `metod` in process.lua
  9 |     metod: main
    |     ^^^^^
  hint: did you mean `method`?
1 problems in 1 files
";
        assert_eq!(Report::new(vec![unknown_field()]).render(Colour::Never), expected);
    }

    #[test]
    fn the_gutter_grows_with_the_line_number() {
        let report = Report::new(vec![Diagnostic { line: 120, hint: None, ..unknown_field() }]);
        let text = report.render(Colour::Never);
        assert!(text.contains("\n  120 |     metod: main\n      |     ^^^^^\n"), "{text}");
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let report = Report::new(vec![unknown_field()]);
        let coloured = report.render(Colour::Always);
        assert!(coloured.contains("\x1b["));
        let mut stripped = coloured;
        for escape in ["\x1b[1m", "\x1b[1;31m", "\x1b[34m", "\x1b[36m", "\x1b[0m"] {
            stripped = stripped.replace(escape, "");
        }
        assert_eq!(stripped, report.render(Colour::Never));
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let line = format!("{}here{}", "a".repeat(500), "b".repeat(500));
        let Excerpt { text, indent, carets } = excerpt(&line, 501, 4);
        let shown: String = text.chars().skip(indent).take(carets).collect();
        assert_eq!(shown, "here");
        assert_eq!(text.chars().count(), 122);
    }

    #[test]
    fn carets_stay_within_the_line() {
        assert_eq!(excerpt("abc", 2, 100), Excerpt { text: "abc".into(), indent: 1, carets: 2 });
        assert_eq!(excerpt("abc", 9, 1), Excerpt { text: "abc".into(), indent: 3, carets: 1 });
        assert_eq!(excerpt("", 1, 0), Excerpt { text: String::new(), indent: 0, carets: 1 });
    }

    #[test]
    fn nothing_in_an_excerpt_reaches_the_terminal() {
        assert_eq!(excerpt("\ta\u{1b}[2J", 2, 1).text, " a\u{fffd}[2J");
        assert_eq!(plain("a\nb\u{202e}"), "a\u{fffd}b\u{fffd}");
    }
}
