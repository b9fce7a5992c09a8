//! Loading: a folder of entry files, or one Lua file, to an [`App`] or to all that is wrong with
//! it.
//!
//! # Protocol
//! 1. Find the entry files; parse each to a tree.
//! 2. Replace fields by the `-o` options, in the trees.
//! 3. Read the trees into typed entries; load their sources.
//! 4. Check what goes across entries.
//! 5. Compile every source.
//!
//! No step stops at a fault. What a step could not make sense of is left out of the next ones.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs};

use rustc_hash::FxHashSet;

use super::application::App;
use super::decode::{Declared, Decoder, EntryFile, Reference};
use super::diagnostic::{Colour, Report};
use super::entry::{Entry, HostEntry, Kind, Source};
use super::fault::{Fault, Faults, FileIdx, Files, Place, quoted};
use super::id::EntryId;
use super::overrides::{self, Override};
use super::settings::{self, Settings};
use super::single::{self, Siblings};
use super::source::{CompileError, ReadError, Sources, read_inside, without_bom};
use super::validate::{Validator, default_host};
use super::yaml;

/// The largest YAML file, in bytes.
const YAML_BYTES_MAX: u64 = 16 << 20;

/// The name of the file with the settings, in the root.
const SETTINGS_FILE: &str = "moonlet.yaml";

/// What the command line says about loading.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Fields to replace, later ones win.
    pub overrides: Vec<Override>,
    /// Workers of every host.
    pub workers: Option<usize>,
}

/// Why there is no application.
#[derive(Debug)]
pub enum LoadError {
    /// There is nothing to load at that path.
    NotFound(String),
    /// There is, and this is all that is wrong with it.
    Faulty(Report),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(message) => f.write_str(message),
            Self::Faulty(report) => f.write_str(&report.render(Colour::Never)),
        }
    }
}

impl std::error::Error for LoadError {}

/// Compiles a source of an entry, for its errors only.
pub type Compile<'a> = &'a dyn Fn(&EntryId, &Source) -> Result<(), CompileError>;

/// Loads the application at `path`: a folder, or one `.lua` file.
///
/// # Errors
/// [`LoadError::NotFound`] if nothing is there, else [`LoadError::Faulty`] with every problem of
/// every file.
pub fn load(path: &Path, options: &LoadOptions, compile: Compile<'_>) -> Result<App, LoadError> {
    let shown = quoted(&path.display().to_string());
    let found = path
        .canonicalize()
        .map_err(|error| LoadError::NotFound(format!("cannot open {shown}: {error}")))?;
    if found.is_dir() {
        load_folder(found, &shown, options, compile)
    } else {
        // The id comes from the name that was given, not from what a link points to.
        let id = single::id_of(path).ok_or_else(|| {
            LoadError::NotFound(format!("{shown} is neither a folder nor a Lua file of legal name"))
        })?;
        load_file(path, &id, options, compile)
    }
}

fn load_folder(
    root: PathBuf,
    shown: &str,
    options: &LoadOptions,
    compile: Compile<'_>,
) -> Result<App, LoadError> {
    let source_folder = Path::new("src");
    let scanned = if root.join(source_folder).is_dir() { source_folder } else { Path::new("") };
    let mut loader = Loader::new(root, scanned);
    loader.settings();
    for path in loader.find_yaml(scanned) {
        loader.read_entry_file(&path);
    }
    if loader.entry_files.is_empty() && loader.faults.is_empty() {
        return Err(LoadError::NotFound(format!(
            "nothing found in {shown}: no YAML file with `namespace` and `entries`"
        )));
    }
    loader.finish(options, Siblings::default(), compile)
}

fn load_file(
    path: &Path,
    id: &EntryId,
    options: &LoadOptions,
    compile: Compile<'_>,
) -> Result<App, LoadError> {
    let not_found = |error| {
        LoadError::NotFound(format!("cannot open {}: {error}", quoted(&path.display().to_string())))
    };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let root = folder.canonicalize().map_err(not_found)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let siblings = Siblings::list(&root, id);
    let mut loader = Loader::new(root, Path::new(""));
    let file = loader.files.add(name.as_ref(), []);
    loader.entry_files.push(single::entry_file(id, &name, file));
    loader.finish(options, siblings, compile)
}

/// Parses the bytes of one entry file and makes every check that needs no other file. Returns the
/// report as text. For fuzzing: no input may panic, or take long.
#[cfg(any(test, fuzzing))]
#[must_use]
pub fn check_yaml(data: &[u8]) -> String {
    match load_text(data, &LoadOptions::default()) {
        Ok(app) => format!("{app:?}"),
        Err(error) => error.to_string(),
    }
}

/// Loads an application of one entry file of these bytes, without its sources.
///
/// # Errors
/// Every problem of it.
#[cfg(any(test, fuzzing))]
pub fn load_text(data: &[u8], options: &LoadOptions) -> Result<App, LoadError> {
    // No file system knows such a root, so no file is touched.
    let mut loader = Loader::new(PathBuf::from("\0"), Path::new(""));
    loader.add_entry_file("fuzz.yaml", data);
    loader.finish(options, Siblings::default(), &|_, _| Ok(()))
}

/// An application while it is loaded.
struct Loader {
    root: PathBuf,
    sources: Sources,
    files: Files,
    faults: Faults,
    settings: Settings,
    entry_files: Vec<EntryFile>,
    /// The texts of files that are no YAML.
    broken: Vec<String>,
}

impl Loader {
    fn new(root: PathBuf, scanned: &Path) -> Self {
        Self {
            sources: Sources::new(root.clone(), scanned.to_owned()),
            root,
            files: Files::default(),
            faults: Faults::default(),
            settings: Settings::default(),
            entry_files: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// Adds a fault of a file as a whole.
    fn file_fault(&mut self, name: &str, message: String) {
        let place = Place::whole(self.files.add(name, []));
        self.faults.add(Fault::new(place, message));
    }

    /// Reads the settings, if there are any.
    fn settings(&mut self) {
        let bytes = match read_inside(&self.root, Path::new(SETTINGS_FILE), YAML_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(ReadError::Missing) => return,
            Err(error) => return self.file_fault(SETTINGS_FILE, format!("the file {error}")),
        };
        let Some(document) = self.parse(SETTINGS_FILE, &bytes) else { return };
        document.faults.into_iter().for_each(|fault| self.faults.add(fault));
        if let Some(root) = &document.root {
            self.settings = settings::read(root, &self.faults);
        }
    }

    /// The YAML files below a folder, sorted. Links to folders are not followed, so that no file is
    /// found twice and no loop has no end.
    fn find_yaml(&mut self, scanned: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![scanned.to_owned()];
        while let Some(folder) = open.pop() {
            let entries = fs::read_dir(self.root.join(&folder)).and_then(Iterator::collect);
            let entries: Vec<fs::DirEntry> = match entries {
                Ok(entries) => entries,
                Err(error) => {
                    let name = folder.display().to_string();
                    self.file_fault(&name, format!("the folder cannot be read: {error}"));
                    continue;
                }
            };
            for entry in entries {
                let path = folder.join(entry.file_name());
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_folder && !is_skipped(&entry.file_name()) {
                    open.push(path);
                } else if !is_folder && is_yaml(&path) && !self.root.join(&path).is_dir() {
                    found.push(path);
                }
            }
        }
        found.retain(|path| path != Path::new(SETTINGS_FILE));
        found.sort();
        found
    }

    fn read_entry_file(&mut self, path: &Path) {
        let name = path.display().to_string();
        match read_inside(&self.root, path, YAML_BYTES_MAX) {
            Ok(bytes) => self.add_entry_file(&name, &bytes),
            Err(error) => self.file_fault(&name, format!("the file {error}")),
        }
    }

    /// Parses a YAML file, and keeps it if it declares entries.
    fn add_entry_file(&mut self, name: &str, bytes: &[u8]) {
        let Some(document) = self.parse(name, bytes) else { return };
        let Some(root) = document.root else { return };
        if root.get("namespace").is_some() || root.get("entries").is_some() {
            document.faults.into_iter().for_each(|fault| self.faults.add(fault));
            self.entry_files.push(EntryFile { name: name.to_owned(), root });
        }
    }

    /// Parses a YAML file; a text that is none is a fault.
    fn parse(&mut self, name: &str, bytes: &[u8]) -> Option<yaml::Document> {
        let bytes = without_bom(bytes);
        let file = self.files.add(name, bytes);
        let document = match std::str::from_utf8(bytes) {
            Ok(text) => yaml::parse(file, text),
            Err(error) => {
                let (before, _) = bytes.split_at(error.valid_up_to());
                Err(Fault::new(end_of(before, file), "invalid YAML: the file is not UTF-8"))
            }
        };
        document
            .map_err(|fault| {
                self.broken.push(String::from_utf8_lossy(bytes).into_owned());
                self.faults.add(fault);
            })
            .ok()
    }

    /// Steps 2 to 5.
    fn finish(
        mut self,
        options: &LoadOptions,
        siblings: Siblings,
        compile: Compile<'_>,
    ) -> Result<App, LoadError> {
        overrides::apply(&options.overrides, &mut self.entry_files, &mut self.files, &self.faults);
        let mut decoder = Decoder::new(&mut self.sources, &mut self.files, &self.faults);
        self.entry_files.iter().for_each(|file| decoder.file(file));
        let Decoder { declared, references, .. } = decoder;
        let app = self.app(&declared, options.workers, siblings);
        self.validate(&app, &declared, &references);
        self.compile(&declared, compile);
        if self.faults.is_empty() {
            Ok(app)
        } else {
            Err(LoadError::Faulty(self.faults.into_report(&self.files)))
        }
    }

    /// The application, as far as its entries could be read.
    fn app(&self, declared: &[Declared], workers: Option<usize>, siblings: Siblings) -> App {
        let mut entries: BTreeMap<EntryId, Arc<Entry>> = BTreeMap::new();
        for entry in declared.iter().filter_map(|declared| declared.entry.as_ref()) {
            let mut entry = entry.clone();
            if let Kind::Host(host) = &mut entry.kind {
                host.workers = workers.or(host.workers);
            }
            entries.entry(entry.id.clone()).or_insert_with(|| Arc::new(entry));
        }
        let default_host = default_host(declared);
        let is_declared = declared.iter().any(|declared| declared.id == default_host);
        let implicit_host = (!is_declared).then(|| HostEntry { workers, ..HostEntry::default() });
        let (root, settings) = (self.root.clone(), self.settings);
        App { root, settings, entries, default_host, implicit_host, siblings }
    }

    fn validate(&self, app: &App, declared: &[Declared], references: &[Reference]) {
        let (broken, faults) = (self.broken.as_slice(), &self.faults);
        Validator { app, declared, references, broken, faults }.check();
    }

    fn compile(&self, declared: &[Declared], compile: Compile<'_>) {
        // Many entries may share a source.
        let mut good = FxHashSet::default();
        for Declared { id, loaded, .. } in declared {
            let Some(loaded) = loaded else { continue };
            if good.contains(&*loaded.source.text) {
                continue;
            }
            match compile(id, &loaded.source) {
                Ok(()) => _ = good.insert(&*loaded.source.text),
                Err(CompileError { line, message }) => {
                    self.faults.add(Fault::new(loaded.place(line), message));
                }
            }
        }
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Whether the walk leaves out a folder of that name.
fn is_skipped(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") || name == "node_modules"
}

/// The place right behind a text.
fn end_of(text: &[u8], file: FileIdx) -> Place {
    let text = String::from_utf8_lossy(text);
    let last = text.rsplit('\n').next().unwrap_or_default();
    let to_u32 = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let line = to_u32(text.matches('\n').count() + 1);
    Place { file, line, col: to_u32(last.chars().count() + 1), len: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEED: &str = r#"version: "1.0"
namespace: app
entries:
  - name: h
    kind: process.host
    host: {workers: 2, slice: 1ms, mailbox: {max_messages: 5, on_full: kill}}
  - name: p
    kind: process.lua
    source: |
      return {}
    imports: {l: lib}
    lifecycle: {auto_start: true, requires: [h], restart: {jitter: 0.5}}
  - {name: lib, kind: library.lua, data: {source: "return 1", modules: [json]}}
  - {name: s, kind: process.service, process: p, input: &x [1, {a: *y}, ~]}
"#;

    #[test]
    fn a_file_alone_is_checked_without_a_file_system() {
        assert!(check_yaml(b"namespace: app\nentries:\n").contains("found nothing"));
        let missing =
            b"namespace: app\nentries: [{name: a, kind: library.lua, source: file://a.lua}]";
        assert!(check_yaml(missing).contains("1 problems in 1 files"));
    }

    proptest! {
        #[test]
        fn no_damage_to_a_file_panics(
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, any::<u8>()), 1..8),
        ) {
            let mut bytes = SEED.as_bytes().to_vec();
            for (at, n_removed, byte) in edits {
                let at = at.index(bytes.len() + 1);
                let end = bytes.len().min(at + n_removed);
                bytes.splice(at..end, [byte]);
            }
            let _ = check_yaml(&bytes);
        }
    }
}
