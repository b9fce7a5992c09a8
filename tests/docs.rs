//! What the documents show is true: every block of Lua, YAML and shell in them runs or compiles.
//!
//! Each document has a folder of its own, and its blocks are taken in order:
//!
//! | Block | What is done with it |
//! |---|---|
//! | whose first line is `-- <path>.lua` or `# <path>.yaml` | written to that file |
//! | `lua` | run as one file; what it prints is what its `-->` comments say, if it has any |
//! | `lua,fragment` | compiled |
//! | `sh` | run by a shell, with `moonlet` at hand; a `text` block behind it is what it prints |
//! | `console`, `text`, `rust` and the like | nothing |

mod shown;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use shown::{Block, Output, blocks, check_all, difference, sh};
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Documents whose examples need a module that a single file does not get: run as an entry with it.
const LISTED: [&str; 1] = ["net"];

fn documents() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let mut documents = vec![root.join("README.md")];
    for dir in ["docs", "docs/reference"] {
        let files = root.join(dir).read_dir().expect("there are documents");
        let files = files.map(|file| file.expect("it can be read").path());
        documents.extend(files.filter(|path| path.extension().is_some_and(|ext| ext == "md")));
    }
    documents.sort();
    documents
}

fn name(document: &Path) -> String {
    document.strip_prefix(ROOT).unwrap_or(document).display().to_string()
}

/// A document on its way through its blocks.
struct Walk {
    document: PathBuf,
    dir: TempDir,
    faults: Vec<String>,
}

impl Walk {
    fn through(document: &Path) -> Vec<String> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut walk = Self { document: document.to_owned(), dir, faults: Vec::new() };
        let blocks = blocks(&fs::read_to_string(document).expect("it can be read"));
        for (idx, block) in blocks.iter().enumerate() {
            walk.take(block, blocks.get(idx + 1));
        }
        walk.faults
    }

    fn take(&mut self, block: &Block, next: Option<&Block>) {
        match (file_name(block), block.info.as_str()) {
            (Some(path), _) => self.write(path, &block.text),
            (None, "lua") => self.run_lua(block),
            (None, "lua,fragment") => {
                self.write("fragment.lua", &block.text);
                let output = sh("moonlet check fragment.lua", self.dir.path());
                self.expect_success(block, &output);
                fs::remove_file(self.dir.path().join("fragment.lua")).expect("it was written");
            }
            (None, "sh") => {
                let output = sh(block.text.trim_end(), self.dir.path());
                self.expect_success(block, &output);
                if let Some(shown) = next.filter(|next| next.info.starts_with("text")) {
                    let fault = difference(shown, &output.stdout);
                    self.faults.extend(fault.map(|fault| self.at(block, &fault)));
                }
            }
            (None, "yaml") => {
                let fault = "a yaml block begins with `# <path>.yaml`, so that it can be checked";
                self.faults.push(self.at(block, fault));
            }
            _ => {}
        }
    }

    fn run_lua(&mut self, block: &Block) {
        let stem = self.document.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let command = if LISTED.contains(&stem.as_str()) {
            let entry = format!(
                "namespace: app\nentries:\n  - name: example\n    kind: process.lua\n    \
                 source: file://example.lua\n    modules: [{stem}]\n"
            );
            self.write("_index.yaml", &entry);
            "moonlet run . -x app:example"
        } else {
            "moonlet run example.lua"
        };
        self.write("example.lua", &block.text);
        let output = sh(command, self.dir.path());
        self.expect_success(block, &output);
        let expected = expected_lines(&block.text);
        let found: Vec<String> = output.stdout.lines().map(in_single_spaces).collect();
        if !expected.is_empty() && expected != found {
            let (mut text, stderr) = (String::from("it should print\n"), &output.stderr);
            expected.iter().for_each(|line| writeln!(text, "  {line}").expect("memory"));
            let _ = write!(text, "and prints\n{}{stderr}", output.stdout);
            self.faults.push(self.at(block, &text));
        }
    }

    fn expect_success(&mut self, block: &Block, output: &Output) {
        if output.code != Some(0) {
            let fault = format!("{:?}\n{}{}", output.code, output.stdout, output.stderr);
            self.faults.push(self.at(block, &fault));
        }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn at(&self, block: &Block, fault: &str) -> String {
        format!("{}:{}: {fault}", name(&self.document), block.line)
    }
}

/// The file that a block says it is.
fn file_name(block: &Block) -> Option<&str> {
    let first = block.text.lines().next()?;
    let (mark, extension) = match block.info.as_str() {
        "lua" => ("-- ", ".lua"),
        "yaml" => ("# ", ".yaml"),
        _ => return None,
    };
    let path = first.strip_prefix(mark)?;
    (path.ends_with(extension) && !path.contains(' ')).then_some(path)
}

/// What the `-->` comments of a block say.
fn expected_lines(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.split_once("--> "));
    lines.map(|(_, shown)| in_single_spaces(shown)).collect()
}

fn in_single_spaces(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_block_does_what_the_document_says() {
    check_all(&documents(), |document| Walk::through(document));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let check = |document: &PathBuf| {
        let text = fs::read_to_string(document).expect("it can be read");
        let dir = document.parent().expect("it is in a folder");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let broken = targets.filter(|target| {
            let path = target.split('#').next().unwrap_or_default();
            !target.contains("://") && !path.is_empty() && !dir.join(path).exists()
        });
        broken.map(|target| format!("{}: no {target}", name(document))).collect()
    };
    let mut all = documents();
    all.push(Path::new(ROOT).join("CHANGELOG.md"));
    check_all(&all, check);
}

/// A promise of `docs/SEMANTICS.md` is an item of a list that is not headed `Not promised`. Its
/// last line says ``Kept by `<test>` ``.
#[test]
fn every_promise_is_kept_by_a_test_that_exists() {
    let sources = sources();
    let text = fs::read_to_string(Path::new(ROOT).join("docs/SEMANTICS.md")).expect("it exists");
    let mut faults = Vec::new();
    let mut n_tests = 0;
    let paragraphs: Vec<&str> = text.split("\n\n").collect();
    let lists = paragraphs.windows(2).filter(|pair| pair[1].starts_with("- "));
    for promises in lists.filter(|pair| pair[0] != "Not promised:").map(|pair| pair[1]) {
        for item in promises.trim_start_matches("- ").split("\n- ") {
            let Some((_, kept)) = item.split_once("\n  Kept by ") else {
                faults.push(format!("docs/SEMANTICS.md: no test is named for: {item}"));
                continue;
            };
            for test in kept.split('`').skip(1).step_by(2).filter(|name| name.contains('_')) {
                n_tests += 1;
                let name = test.rsplit("::").next().unwrap_or(test);
                if !sources.contains(&format!("fn {name}(")) {
                    faults.push(format!("docs/SEMANTICS.md: no test `{test}`"));
                }
            }
        }
    }
    assert!(n_tests > 0, "no promise names its test");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The last column of the table under `How it is tested` in `docs/SECURITY.md` names tests, or
/// folders of them.
#[test]
fn tests_that_the_page_on_security_names_exist() {
    let sources = sources();
    let text = fs::read_to_string(Path::new(ROOT).join("docs/SECURITY.md")).expect("it exists");
    let table = text.split("\n## ").find(|part| part.starts_with("How it is tested"));
    let rows = table.expect("the table").lines().filter(|line| line.starts_with("| H"));
    let mut faults = Vec::new();
    let mut n_tests = 0;
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        for test in tests.split('`').skip(1).step_by(2) {
            n_tests += 1;
            let exists = match test.contains('/') {
                true => Path::new(ROOT).join(test).exists(),
                false => sources.contains(&format!("fn {test}(")),
            };
            if !exists {
                faults.push(format!("docs/SECURITY.md: no test `{test}`: {row}"));
            }
        }
    }
    assert!(n_tests > 0, "no row names its test");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// All Rust code of the package, one text.
fn sources() -> String {
    let mut text = String::new();
    let mut dirs = vec![Path::new(ROOT).join("src"), Path::new(ROOT).join("tests")];
    while let Some(dir) = dirs.pop() {
        for file in dir.read_dir().expect("it is a folder") {
            let path = file.expect("it can be read").path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                text += &fs::read_to_string(path).expect("it can be read");
            }
        }
    }
    text
}
