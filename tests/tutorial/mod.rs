//! Code blocks of tutorial documents, and what a test adds to make programs of them.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// A piece of code of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) String);

impl Code {
    /// A fragment as the top level of a program: with a line in front of it, and lines behind it.
    pub(crate) fn between(&self, before: &str, after: &str) -> String {
        format!("{before}\n{}\n{after}\n", self.0)
    }

    /// A file that defines one function, which the document leaves unreturned.
    pub(crate) fn as_main(&self) -> String {
        let start = self.0.lines().find_map(|line| line.strip_prefix("local function "));
        let name = start.and_then(|rest| rest.split('(').next()).expect("it defines a function");
        self.between("", &format!("return {{ main = {name} }}"))
    }

    /// The code up to its first empty line.
    pub(crate) fn first_part(&self) -> Code {
        let lines: Vec<&str> = self.0.lines().take_while(|line| !line.trim().is_empty()).collect();
        Code(lines.join("\n"))
    }

    /// What stands in double quotes outside of comments.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.0.lines().flat_map(texts_of_line).collect()
    }

    /// The text that is this one, or else the only one that starts so. Tests name the start of a
    /// text, not all of it.
    #[track_caller]
    pub(crate) fn text(&self, start: &str) -> &str {
        let mut texts = self.texts();
        if let Some(whole) = texts.iter().find(|text| **text == start) {
            return whole;
        }
        texts.retain(|text| text.starts_with(start));
        texts.dedup();
        assert_eq!(texts.len(), 1, "one text starts with `{start}` in\n{}", self.0);
        texts[0]
    }

    fn with_crlf(&self) -> Code {
        Code(self.0.replace('\n', "\r\n"))
    }
}

fn texts_of_line(line: &str) -> Vec<&str> {
    let mut texts = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find('"') {
        if rest[..start].contains("--") {
            break;
        }
        let Some(length) = rest[start + 1..].find('"') else { break };
        texts.push(&rest[start + 1..start + 1 + length]);
        rest = &rest[start + length + 2..];
    }
    texts
}

/// The code of one document, in its order.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) lua: Vec<Code>,
    pub(crate) yaml: Vec<Code>,
}

/// The two tutorials: the one on processes in several translations and forms, and the one on
/// supervision. None where the documents are not at hand, which is said.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn documents() -> Option<(Vec<Document>, Document)> {
    let Some(folder) = folder() else {
        println!("skipped: MOONLET_SEEDS names no folder of tutorial documents");
        return None;
    };
    let entries = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("a file"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let texts: Vec<(String, String)> = paths.iter().map(|path| read(path)).collect();
    let marked = texts.iter().filter(|(_, text)| text.contains("\n```lua\n"));
    let marked = marked.map(|(name, text)| blocks(name, text));
    let (supervision, mut processes): (Vec<_>, Vec<_>) = marked.partition(|d| !d.yaml.is_empty());
    let supervision = supervision.into_iter().next().expect("a document with entry files");
    assert_eq!((supervision.lua.len(), supervision.yaml.len()), (15, 4), "its code");
    for (name, text) in texts.iter().filter(|(_, text)| !text.contains("\n```")) {
        processes.push(found(name, text, &processes));
    }
    for document in &processes {
        assert_eq!(document.lua.len(), 16, "the programs of {}", document.name);
    }
    let windows = Document {
        name: format!("{} with CRLF", processes[0].name),
        lua: processes[0].lua.iter().map(Code::with_crlf).collect(),
        yaml: Vec::new(),
    };
    processes.push(windows);
    Some((processes, supervision))
}

fn folder() -> Option<PathBuf> {
    env::var_os("MOONLET_SEEDS").map(PathBuf::from).filter(|folder| folder.is_dir())
}

fn read(path: &Path) -> (String, String) {
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    (name, fs::read_to_string(path).expect("a text").replace("\r\n", "\n"))
}

fn blocks(name: &str, text: &str) -> Document {
    let block = |block: &str| {
        let (language, code) = block.split_once('\n').expect("a block has lines");
        (language.to_owned(), Code(code.trim_end().to_owned()))
    };
    // Fences alternate: every second piece between them is code.
    let all: Vec<_> = text.split("```").skip(1).step_by(2).map(block).collect();
    let of = |wanted: &str| {
        let blocks = all.iter().filter(|(language, _)| language == wanted);
        blocks.map(|(_, code)| code.clone()).collect()
    };
    Document { name: name.to_owned(), lua: of("lua"), yaml: of("yaml") }
}

/// A document without markup shows the code of a translation, which is found in it by its text.
fn found(name: &str, text: &str, others: &[Document]) -> Document {
    let shows_all = |other: &&Document| other.lua.iter().all(|code| text.contains(&code.0));
    let same = others.iter().find(shows_all);
    let same = same.unwrap_or_else(|| panic!("{name} shows the programs of no other document"));
    Document { name: name.to_owned(), lua: same.lua.clone(), yaml: Vec::new() }
}
