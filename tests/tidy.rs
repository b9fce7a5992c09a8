//! The rules of the repository that neither rustfmt nor clippy checks. Each message says how to
//! mend what it found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What each folder of `src` may use of the others. Arrows point down only: a layer that is not in
/// the list of another must not be known to it.
const LAYERS: [(&str, &[&str]); 15] = [
    ("cli", &["app", "writer"]),
    ("app", &["lua", "process", "scheduler", "civil", "writer"]),
    ("lua", &["process", "scheduler", "channel", "civil", "small_map", "stash", "writer"]),
    ("process", &["scheduler", "mailbox", "small_map", "stash", "sync"]),
    ("scheduler", &["wheel", "reactor", "sync"]),
    ("channel", &["sync"]),
    ("civil", &[]),
    ("mailbox", &["sync"]),
    ("reactor", &["sync"]),
    ("small_map", &[]),
    ("stash", &[]),
    ("wheel", &["sync"]),
    ("writer", &[]),
    ("sync", &[]),
    // Calls the checks of all layers; in no build that is shipped.
    ("fuzzing", &["cli", "app", "lua", "process", "channel", "civil", "mailbox", "wheel"]),
];

/// As rustfmt's `max_width`, which does not reach comments and long strings.
const COLUMNS_MAX: usize = 100;

/// Code that is not finished, or looks at itself. Written so that this file passes.
const UNFINISHED: [&str; 4] = [concat!("TO", "DO"), "todo!(", "unimplemented!(", "dbg!("];

struct File {
    /// From the root of the repository.
    path: String,
    text: String,
}

impl File {
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

/// All files below `dirs` with one of the extensions.
fn files(dirs: &[&str], extension: &str) -> Vec<File> {
    let mut files = Vec::new();
    let mut todo: Vec<PathBuf> = dirs.iter().map(|dir| Path::new(ROOT).join(dir)).collect();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            let entries = path.read_dir().expect("a folder of the repository");
            todo.extend(entries.map(|entry| entry.expect("a readable entry").path()));
        } else if path.extension().is_some_and(|other| other == extension) {
            let text = fs::read_to_string(&path).expect("a text file");
            let path = path.strip_prefix(ROOT).expect("below the root").display().to_string();
            files.push(File { path, text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!files.is_empty());
    files
}

fn rust_files() -> Vec<File> {
    let files = files(&["src", "tests", "benches", "fuzz/fuzz_targets"], "rs");
    // Programs under test are no sources of ours to judge.
    files.into_iter().filter(|file| file.path != "tests/tidy.rs").collect()
}

fn documents() -> Vec<File> {
    let mut documents = files(&["docs", "README.md"], "md");
    documents.extend(files(&["CHANGELOG.md"], "md"));
    documents
}

#[track_caller]
fn check(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// The names that follow `crate::` in a piece of code.
fn used_layers(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, found) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + found.len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = group.split('}').next().unwrap_or_default();
                used.extend(group.split(',').map(|name| identifier(name.trim())));
            }
            None => _ = used.insert(identifier(rest)),
        }
    }
    used
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn layers_point_one_way() {
    let mut faults = Vec::new();
    for file in files(&["src"], "rs") {
        let folder = file.path.split('/').nth(1).expect("below `src`").trim_end_matches(".rs");
        if ["allocator", "lib", "main"].contains(&folder) {
            continue;
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == folder) else {
            faults.push(format!(
                "{}: add the layer `{folder}` to LAYERS of tests/tidy.rs",
                file.path
            ));
            continue;
        };
        let code = file.text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for used in used_layers(&code.collect::<Vec<_>>().join("\n")) {
            let is_layer = LAYERS.iter().any(|(layer, _)| *layer == used);
            if is_layer && used != folder && !allowed.contains(&used.as_str()) {
                faults.push(format!(
                    "{}: `{folder}` may not use `{used}`: pass in what it needs from above, or move \
                     the code down",
                    file.path
                ));
            }
        }
    }
    check(faults);
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = rust_files().into_iter().filter(|file| !file.text.starts_with("//! "));
    // An inner attribute may stand first, where it has to.
    let silent = silent.filter(|file| !file.text.lines().any(|line| line.starts_with("//! ")));
    check(silent.map(|file| format!("{}: begin with `//! <what it is for>`", file.path)).collect());
}

#[test]
fn lines_are_short() {
    let mut faults = Vec::new();
    for file in rust_files() {
        for (number, line) in file.lines() {
            // Code is the formatter's: it leaves only what cannot be broken, such as texts in
            // tests.
            if line.trim_start().starts_with("//") && line.chars().count() > COLUMNS_MAX {
                faults.push(format!(
                    "{}:{number}: break the line, it has more than {COLUMNS_MAX} columns",
                    file.path
                ));
            }
        }
    }
    check(faults);
}

#[test]
fn nothing_is_left_for_later() {
    let mut faults = Vec::new();
    for file in rust_files() {
        for (number, line) in file.lines() {
            for mark in UNFINISHED.iter().filter(|mark| line.contains(**mark)) {
                faults.push(format!("{}:{number}: finish it, or drop the `{mark}`", file.path));
            }
        }
    }
    check(faults);
}

/// The targets of the links of a document, without those in code.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut is_code = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        let plain = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        if is_code {
            continue;
        }
        for (at, _) in plain.match_indices("](") {
            let target = plain[at + 2..].split(')').next().unwrap_or_default();
            links.push((number, target.to_owned()));
        }
    }
    links
}

/// The anchors that a document offers: its headings, as the usual viewers spell them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let spell = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(spell).collect()
}

#[test]
fn links_between_documents_resolve() {
    let mut faults = Vec::new();
    for document in documents() {
        for (number, target) in links(&document.text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let file = match path {
                "" => Path::new(ROOT).join(&document.path),
                _ => Path::new(ROOT).join(&document.path).parent().expect("in a folder").join(path),
            };
            let place = format!("{}:{number}", document.path);
            if !file.exists() {
                faults.push(format!("{place}: mend the link, there is no `{path}`"));
            } else if !anchor.is_empty() && file.is_file() {
                let text = fs::read_to_string(&file).expect("a text file");
                if !anchors(&text).contains(anchor) {
                    faults.push(format!("{place}: mend the link, `{target}` has no such heading"));
                }
            }
        }
    }
    check(faults);
}

#[test]
fn unsafe_code_is_accounted_for() {
    const ACCOUNT: &str = "docs/unsafe.md";
    let account = fs::read_to_string(Path::new(ROOT).join(ACCOUNT)).expect(ACCOUNT);
    let firsts = account.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    let listed: BTreeSet<_> =
        firsts.flat_map(|cell| cell.split('`')).filter(|text| text.starts_with("src/")).collect();
    let mut faults = Vec::new();
    let mut found = BTreeSet::new();
    for file in files(&["src"], "rs") {
        let has_code = |line: &str| {
            let code = line.split("//").next().unwrap_or_default();
            ["unsafe {", "unsafe impl", "unsafe fn", "unsafe extern"]
                .iter()
                .any(|form| code.contains(form))
        };
        if file.text.lines().any(has_code) || file.text.contains("expect(unsafe_code") {
            if !listed.contains(file.path.as_str()) {
                faults
                    .push(format!("{}: say in {ACCOUNT} why its unsafe code is sound", file.path));
            }
            found.insert(file.path);
        }
    }
    for path in listed.iter().filter(|path| !found.contains(**path)) {
        faults.push(format!("{ACCOUNT}: drop `{path}`, which has no unsafe code"));
    }
    check(faults);
}
