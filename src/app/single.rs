//! Single-file mode: one Lua file as an application, without any YAML.
//!
//! The file becomes the entry `app:<stem>`; every other Lua file in its folder is the entry
//! `app:<stem>` too, read when it is first needed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::DEFAULT_HOST;
use super::application::App;
use super::decode::EntryFile;
use super::entry::{Entry, HostEntry, Kind, Lifecycle, Module, ProcessEntry, Source};
use super::fault::{FileIdx, Place};
use super::id::EntryId;
use super::settings::Settings;
use super::source::{SOURCE_BYTES_MAX, prepare, read_inside};
use super::yaml::{Node, Style};

/// The namespace of all entries.
const NAMESPACE: &str = "app";

/// The id of a Lua file, if its stem is a legal name.
pub(crate) fn id_of(path: &Path) -> Option<EntryId> {
    if path.extension()? != "lua" {
        return None;
    }
    EntryId::new(NAMESPACE, path.file_stem()?.to_str()?)
}

/// The entry file that somebody would have written for a Lua file. Its faults are shown at the Lua
/// file as a whole.
pub(crate) fn entry_file(id: &EntryId, file_name: &str, file: FileIdx) -> EntryFile {
    let place = Place::whole(file);
    let text = |text: &str| Node::scalar(place, text, Style::Quoted);
    let modules = Module::SAFE.map(|module| text(module.name()));
    let entry = Node::map(
        place,
        [
            ("name", text(id.name())),
            ("kind", text("process.lua")),
            ("source", text(&format!("file://{file_name}"))),
            ("modules", Node::list(place, modules)),
        ],
    );
    let entries = Node::list(place, [entry]);
    let root = Node::map(place, [("namespace", text(NAMESPACE)), ("entries", entries)]);
    EntryFile { name: file_name.to_owned(), root }
}

/// The files beside the main one.
#[derive(Debug, Default)]
pub(crate) struct Siblings(BTreeMap<EntryId, Sibling>);

#[derive(Debug)]
struct Sibling {
    file_name: PathBuf,
    entry: OnceLock<Result<Arc<Entry>, String>>,
}

impl Siblings {
    /// Lists the Lua files of a folder besides `main`. One that cannot be listed has none.
    pub(crate) fn list(folder: &Path, main: &EntryId) -> Self {
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        let sibling = |file: fs::DirEntry| {
            let file_name = PathBuf::from(file.file_name());
            let id = id_of(&file_name).filter(|id| id != main)?;
            Some((id, Sibling { file_name, entry: OnceLock::new() }))
        };
        Self(files.filter_map(sibling).collect())
    }

    /// Their ids.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &EntryId> {
        self.0.keys()
    }

    /// Their ids and file names.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&EntryId, String)> {
        self.0.iter().map(|(id, sibling)| (id, sibling.file_name.display().to_string()))
    }

    /// The entry of that id, read on first use.
    pub(crate) fn find(&self, root: &Path, id: &str) -> Result<Option<Arc<Entry>>, String> {
        let Some((id, sibling)) = self.0.get_key_value(id) else { return Ok(None) };
        let entry = sibling.entry.get_or_init(|| read(root, id, &sibling.file_name));
        entry.clone().map(Some)
    }
}

fn read(root: &Path, id: &EntryId, file_name: &Path) -> Result<Arc<Entry>, String> {
    let file = file_name.display().to_string();
    let bytes = read_inside(root, file_name, SOURCE_BYTES_MAX)
        .map_err(|error| format!("source `{file}` {error}"))?;
    let text = prepare(&bytes).map_err(|error| format!("source `{file}` {error}"))?;
    Ok(entry(id.clone(), Source { file, first_line: 1, text }))
}

fn entry(id: EntryId, source: Source) -> Arc<Entry> {
    let process = ProcessEntry {
        source,
        method: "main".to_owned(),
        modules: Module::SAFE.to_vec(),
        imports: Vec::new(),
        memory_limit: None,
        mailbox: None,
        host: None,
        lifecycle: Lifecycle::default(),
    };
    Arc::new(Entry { id, kind: Kind::Process(process) })
}

/// An application of nothing but the entry `app:main` with this source.
pub(crate) fn from_source(text: &[u8]) -> App {
    let known = |id| EntryId::parse(id).expect("the id is legal");
    let source = Source { file: "main.lua".to_owned(), first_line: 1, text: text.into() };
    let main = entry(known("app:main"), source);
    App {
        root: PathBuf::new(),
        settings: Settings::default(),
        entries: BTreeMap::from([(main.id.clone(), main)]),
        default_host: known(DEFAULT_HOST),
        implicit_host: Some(HostEntry::default()),
        siblings: Siblings::default(),
    }
}
