//! Lua sources: from the `source` field to text that is ready for the compiler.
//!
//! # Invariants
//! - I1: no file outside the application root is read: a path is followed on paper first, `..` by
//!   `..`, and what the file system makes of it, symbolic links included, is compared with the root
//!   again.
//! - I2: nothing but regular files of at most [`SOURCE_BYTES_MAX`] is read.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::entry::Source;
use super::fault::{Fault, FileIdx, Files, Place, quoted};
use super::nearest::nearest;
use super::read::did_you_mean;
use super::yaml::{Data, Node, Scalar, Style};

/// The largest source, in bytes.
pub const SOURCE_BYTES_MAX: u64 = 1 << 20;

/// Why Lua refuses a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// The line of the source text, from 1.
    pub line: u32,
    /// Lua's message, without the position in front.
    pub message: String,
}

/// A source, and where faults inside it are.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) source: Source,
    origin: Origin,
}

#[derive(Debug, Clone, Copy)]
enum Origin {
    /// A file of its own.
    File(FileIdx),
    /// A `|` block: its lines are lines of the entry file, from this one on.
    Block(FileIdx, u32),
    /// Text whose lines are not lines of the file.
    Text(Place),
}

impl Loaded {
    /// The place of a line of the source text, from 1.
    pub(crate) fn place(&self, line: u32) -> Place {
        match self.origin {
            Origin::File(file) => Place::line(file, line.max(1)),
            Origin::Block(file, first) => Place::line(file, first.saturating_add(line.max(1) - 1)),
            Origin::Text(place) => place,
        }
    }
}

/// Reads the sources of one application, each file once.
#[derive(Debug)]
pub(crate) struct Sources {
    /// The application root, without symbolic links.
    root: PathBuf,
    /// The scanned folder, relative to the root.
    scanned: PathBuf,
    read: FxHashMap<PathBuf, (FileIdx, Arc<[u8]>)>,
}

impl Sources {
    pub(crate) fn new(root: PathBuf, scanned: PathBuf) -> Self {
        Self { root, scanned, read: FxHashMap::default() }
    }

    /// Loads what the `source` field of an entry says. `folder` is that of the entry file,
    /// relative to the root, and `file` its name.
    pub(crate) fn load(
        &mut self,
        node: &Node,
        folder: &Path,
        file: &str,
        files: &mut Files,
    ) -> Result<Loaded, Fault> {
        let Data::Scalar(scalar) = &node.data else {
            let message = format!("`source` must be text, found {}", node.describe());
            return Err(Fault::new(node.place, message));
        };
        match scalar.text.strip_prefix("file://") {
            Some(path) => self.file(path, node.place, folder, files),
            None => inline(scalar, node.place, file),
        }
    }

    fn file(
        &mut self,
        path: &str,
        place: Place,
        folder: &Path,
        files: &mut Files,
    ) -> Result<Loaded, Fault> {
        let base = if path.starts_with('/') { &self.scanned } else { folder };
        let outside = || {
            Fault::new(place, format!("source {} is outside the application root", quoted(path)))
        };
        let relative = follow(base, path.trim_start_matches('/')).ok_or_else(outside)?;
        let name = relative.display().to_string();
        let (idx, text) = match self.read.get(&relative) {
            Some((idx, text)) => (*idx, Arc::clone(text)),
            None => {
                let bytes =
                    read_inside(&self.root, &relative, SOURCE_BYTES_MAX).map_err(|error| {
                        let fault = Fault::new(place, format!("source {} {error}", quoted(&name)));
                        fault.maybe_hint(self.meant(&relative, &error))
                    })?;
                let text = prepare(&bytes).map_err(|error| {
                    Fault::new(place, format!("source {} {error}", quoted(&name)))
                })?;
                let idx = files.add(name.as_str(), without_bom(&bytes));
                self.read.insert(relative, (idx, Arc::clone(&text)));
                (idx, text)
            }
        };
        Ok(Loaded { source: Source { file: name, first_line: 1, text }, origin: Origin::File(idx) })
    }

    /// The hint for a missing file: one of nearly that name beside it.
    fn meant(&self, relative: &Path, error: &ReadError) -> Option<String> {
        if !matches!(error, ReadError::Missing) {
            return None;
        }
        let stem = relative.file_stem()?.to_str()?;
        let folder = fs::read_dir(self.root.join(relative.parent()?)).ok()?;
        let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut stems: Vec<String> =
            names.filter_map(|name| name.strip_suffix(".lua").map(str::to_owned)).collect();
        stems.sort();
        let meant = nearest(stem, stems.iter().map(String::as_str))?;
        Some(did_you_mean(format!("{meant}.lua")))
    }
}

/// Loads a source that stands in the entry file itself.
fn inline(scalar: &Scalar, place: Place, file: &str) -> Result<Loaded, Fault> {
    let text = scalar.text.as_str();
    if text.trim().is_empty() {
        return Err(Fault::new(place, "`source` is empty"));
    }
    if text.trim_end().ends_with(".lua") && text.trim().lines().count() == 1 {
        let path = text.trim().trim_start_matches("file:");
        let path = quoted(&format!("file://{path}"));
        return Err(Fault::new(place, "`source` is a file name, not Lua code")
            .hint(format!("write {path}")));
    }
    if text.len() as u64 > SOURCE_BYTES_MAX {
        return Err(Fault::new(
            place,
            format!("`source` {}", ReadError::TooLarge(SOURCE_BYTES_MAX)),
        ));
    }
    let text =
        prepare(text.as_bytes()).map_err(|error| Fault::new(place, format!("`source` {error}")))?;
    // The place of a block is its first line that is not empty.
    let n_empty = scalar.text.chars().take_while(|c| *c == '\n').count();
    let n_empty = u32::try_from(n_empty).unwrap_or(u32::MAX);
    let first_line = place.line.saturating_sub(n_empty);
    let (origin, first_line) = match scalar.style {
        Style::Literal => (Origin::Block(place.file, first_line), first_line),
        Style::Plain | Style::Quoted => (Origin::Text(place), place.line),
    };
    Ok(Loaded { source: Source { file: file.to_owned(), first_line, text }, origin })
}

/// Joins a path to a folder on paper. `None` if it leaves the root at any point.
fn follow(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut joined = PathBuf::new();
    for component in folder.components().chain(Path::new(path).components()) {
        match component {
            Component::Normal(name) => joined.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !joined.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(joined)
}

/// Why a file cannot be read; completes "`<name>` …".
#[derive(Debug)]
pub(crate) enum ReadError {
    Missing,
    Outside,
    NoFile,
    TooLarge(u64),
    Io(io::Error),
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("does not exist"),
            Self::Outside => f.write_str("is outside the application root, by a symbolic link"),
            Self::NoFile => f.write_str("is not a regular file"),
            Self::TooLarge(bytes_max) => write!(f, "is larger than {} MB", bytes_max >> 20),
            Self::Io(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            _ => Self::Io(error),
        }
    }
}

/// Reads a regular file below `root`, which is itself free of symbolic links.
pub(crate) fn read_inside(
    root: &Path,
    relative: &Path,
    bytes_max: u64,
) -> Result<Vec<u8>, ReadError> {
    let path = root.join(relative).canonicalize()?;
    if !path.starts_with(root) {
        return Err(ReadError::Outside);
    }
    // Asked before opening: to open a pipe would wait for its writer.
    if !fs::metadata(&path)?.is_file() {
        return Err(ReadError::NoFile);
    }
    let mut bytes = Vec::new();
    fs::File::open(&path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(ReadError::TooLarge(bytes_max));
    }
    Ok(bytes)
}

/// Makes file contents ready for the compiler: no byte order mark, a first line that starts with
/// `#` emptied. Compiled Lua is refused.
pub(crate) fn prepare(bytes: &[u8]) -> Result<Arc<[u8]>, &'static str> {
    const COMPILED_MARK: u8 = 0x1b;
    let mut text = without_bom(bytes);
    if text.starts_with(b"#") {
        let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        text = &text[end.unwrap_or(text.len())..];
    }
    let first = text.iter().find(|byte| !matches!(byte, b'\n' | b'\r'));
    if first == Some(&COMPILED_MARK) {
        return Err("is compiled Lua; only source text is accepted");
    }
    Ok(text.into())
}

/// Text without the byte order mark in front.
pub(crate) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_mark_and_hash_line_are_skipped_and_lines_keep_their_numbers() {
        let prepared = |bytes: &[u8]| prepare(bytes).unwrap().to_vec();
        assert_eq!(prepared(b"\xef\xbb\xbfreturn 1"), b"return 1");
        assert_eq!(prepared(b"#!/usr/bin/moonlet\nreturn 1"), b"\nreturn 1");
        assert_eq!(prepared(b"\xef\xbb\xbf#x\r\nreturn"), b"\r\nreturn");
        assert_eq!(prepared(b"# only"), b"");
        assert_eq!(prepared(b""), b"");
        assert_eq!(prepared(b"\xff\x00"), b"\xff\x00");
    }

    #[test]
    fn compiled_lua_is_refused_wherever_it_starts() {
        for bytes in [&b"\x1bLua"[..], b"\xef\xbb\xbf\x1bLua", b"#!x\n\x1bLua"] {
            assert!(prepare(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn paths_are_followed_on_paper() {
        let follow = |folder: &str, path| follow(Path::new(folder), path);
        assert_eq!(follow("src/a", "../b/./c.lua"), Some("src/b/c.lua".into()));
        assert_eq!(follow("src", "../lib/x.lua"), Some("lib/x.lua".into()));
        assert_eq!(follow("src", "../../x.lua"), None);
        assert_eq!(follow("src", "../../src/x.lua"), None);
    }

    #[test]
    fn only_regular_files_inside_the_root_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("app");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("ok.lua"), "return 1").unwrap();
        fs::write(dir.path().join("secret.lua"), "return 2").unwrap();
        std::os::unix::fs::symlink("ok.lua", root.join("inner.lua")).unwrap();
        std::os::unix::fs::symlink("../secret.lua", root.join("outer.lua")).unwrap();
        std::os::unix::fs::symlink("loop.lua", root.join("loop.lua")).unwrap();
        let read =
            |name: &str| read_inside(&root, Path::new(name), 8).map_err(|error| error.to_string());
        assert_eq!(read("ok.lua").unwrap(), b"return 1");
        assert_eq!(read("inner.lua").unwrap(), b"return 1");
        assert_eq!(read("none.lua").unwrap_err(), "does not exist");
        assert!(read("outer.lua").unwrap_err().starts_with("is outside the application root"));
        assert!(read("loop.lua").unwrap_err().starts_with("cannot be read"));
        assert_eq!(read("").unwrap_err(), "is not a regular file");
        fs::write(root.join("ok.lua"), "return 11").unwrap();
        assert_eq!(read("ok.lua").unwrap_err(), "is larger than 0 MB");
    }
}
