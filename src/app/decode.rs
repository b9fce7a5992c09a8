//! Trees of entry files to typed entries, and the references between them.

use std::path::Path;
use std::rc::Rc;

use super::entry::{Entry, Kind};
use super::fault::{Fault, Faults, Files, Place, quoted};
use super::fields::Fields;
use super::id::EntryId;
use super::kinds::KindReader;
use super::nearest::nearest;
use super::read::{self, Wrong, did_you_mean};
use super::source::{Loaded, Sources};
use super::yaml::Node;

/// Names of the kinds that exist.
const KINDS: [&str; 4] = ["process.host", "process.lua", "library.lua", "process.service"];

/// What one declaration became.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) id: EntryId,
    /// Its kind; `None` if that is unknown.
    pub(crate) kind: Option<&'static str>,
    /// The place of the name.
    pub(crate) place: Place,
    /// The entry, unless something that it cannot do without is wrong.
    pub(crate) entry: Option<Entry>,
    /// Where faults of its source are.
    pub(crate) loaded: Option<Loaded>,
}

/// An entry that names another one.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) from: EntryId,
    pub(crate) to: EntryId,
    pub(crate) role: Role,
    pub(crate) place: Place,
}

/// What the other entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// `host`
    Host,
    /// `process` of a service
    Process,
    /// a value of `imports`
    Import,
    /// an item of `requires`
    Requires,
}

/// An entry file that has been parsed.
#[derive(Debug)]
pub(crate) struct EntryFile {
    /// Its path relative to the root, as it is shown.
    pub(crate) name: String,
    pub(crate) root: Rc<Node>,
}

/// Everything that entry files declare.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    pub(crate) sources: &'a mut Sources,
    pub(crate) files: &'a mut Files,
    pub(crate) faults: &'a Faults,
    pub(crate) declared: Vec<Declared>,
    pub(crate) references: Vec<Reference>,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(sources: &'a mut Sources, files: &'a mut Files, faults: &'a Faults) -> Self {
        Self { sources, files, faults, declared: Vec::new(), references: Vec::new() }
    }

    /// Reads one entry file.
    pub(crate) fn file(&mut self, file: &EntryFile) {
        let faults = self.faults;
        let Some(mut fields) = Fields::new(&file.root, "an entry file", faults) else { return };
        if let Some(node) = fields.node("version").filter(|node| node.text() != Some("1.0")) {
            let message = format!("`version` must be `\"1.0\"`, found {}", node.describe());
            fields.fault(Fault::new(node.place, message));
        }
        let namespace = fields.required("namespace", read::name);
        let _ = fields.node("meta");
        let entries = fields.required("entries", read::list);
        for node in entries.unwrap_or_default() {
            self.entry(node, namespace, file);
        }
        fields.finish();
    }

    /// Reads one entry. Without a namespace it has no id, but its fields are checked all the same.
    fn entry(&mut self, node: &Node, namespace: Option<&str>, file: &EntryFile) {
        let is_foreign = |kind: &Rc<Node>| kind.text().is_some_and(|kind| kind.starts_with("x-"));
        if node.get("kind").is_some_and(is_foreign) {
            return;
        }
        let Some(mut fields) = Fields::new(node, "an entry", self.faults) else { return };
        let name = fields.required("name", read::name);
        let kind = fields.required("kind", kind_name);
        let _ = fields.node("meta");
        let place_of = |field| node.get(field).map_or(node.place, |node| node.place);
        // Stand-ins let the other fields be checked; such an entry goes no further.
        let (scope, local) = (namespace.unwrap_or("_"), name.unwrap_or("_"));
        let id = EntryId::new(scope, local).expect("both were checked, or are `_`");
        let n_references = self.references.len();
        let (entry, loaded) = match kind {
            Some(kind) => {
                let fields = under_data(fields).of(kind, place_of("kind"));
                self.fields(fields, kind, &id, scope, file)
            }
            None => (None, None),
        };
        if namespace.is_some() && name.is_some() {
            let entry = entry.map(|kind| Entry { id: id.clone(), kind });
            self.declared.push(Declared { id, kind, place: place_of("name"), entry, loaded });
        } else {
            self.references.truncate(n_references);
        }
    }

    /// Reads the fields of a known kind, and its source if it has one.
    fn fields(
        &mut self,
        fields: Fields<'_>,
        kind: &'static str,
        id: &EntryId,
        scope: &str,
        file: &EntryFile,
    ) -> (Option<Kind>, Option<Loaded>) {
        let mut reader = KindReader { id, scope, fields, references: &mut self.references };
        let mut loaded = None;
        if matches!(kind, "process.lua" | "library.lua") {
            let folder = Path::new(&file.name).parent().unwrap_or(Path::new(""));
            let node = reader.fields.required("source", Ok);
            let result = node.map(|node| self.sources.load(node, folder, &file.name, self.files));
            loaded = result.and_then(|loaded| loaded.map_err(|fault| self.faults.add(fault)).ok());
        }
        let source = loaded.as_ref().map(|loaded| loaded.source.clone());
        let kind = match kind {
            "process.host" => Some(Kind::Host(reader.host())),
            "process.service" => reader.service().map(Kind::Service),
            "library.lua" => reader.library(source).map(Kind::Library),
            _ => reader.process(source).map(Kind::Process),
        };
        reader.fields.finish();
        (kind, loaded)
    }
}

/// A kind that exists.
fn kind_name(node: &Node) -> Result<&'static str, Wrong> {
    let text = read::text(node)?;
    if let Some(kind) = KINDS.into_iter().find(|kind| *kind == text) {
        return Ok(kind);
    }
    let known = || format!("known kinds are {}", KINDS.map(quoted).join(", "));
    let hint = nearest(text, KINDS).map_or_else(known, did_you_mean);
    Err(Wrong::message(format!("unknown kind {}", quoted(text))).hint(hint))
}

/// The fields of the kind stand beside `name` and `kind`, or all of them under `data`.
fn under_data(mut fields: Fields<'_>) -> Fields<'_> {
    match fields.section("data") {
        None => fields,
        Some(data) => {
            fields.finish_with_hint("either all fields of the kind stand under `data`, or none");
            data
        }
    }
}
