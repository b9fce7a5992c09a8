//! What a process runs: the compiled script of an entry with its libraries; and the catalog of all
//! programs and hosts that a running process can name.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use rustc_hash::FxHashMap;

use super::code::{Code, CompileError};
use super::images::Images;
use crate::process::{Host, Limits, interned};

/// A module that an entry may list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Module {
    /// `json`.
    Json,
    /// `logger`.
    Logger,
    /// `net`.
    Net,
}

impl Module {
    /// All modules that need to be listed.
    pub const ALL: [Module; 3] = [Module::Json, Module::Logger, Module::Net];

    /// The name in `modules` and `require`.
    pub fn name(self) -> &'static str {
        match self {
            Module::Json => "json",
            Module::Logger => "logger",
            Module::Net => "net",
        }
    }

    /// The module of that name.
    pub fn by_name(name: &str) -> Option<Module> {
        Module::ALL.into_iter().find(|module| module.name() == name)
    }
}

/// A source with what its `require` sees.
#[derive(Debug)]
pub(crate) struct Unit {
    /// The entry's id.
    pub(crate) id: Arc<str>,
    pub(crate) code: Code,
    text: Arc<[u8]>,
    pub(crate) modules: Vec<Module>,
    /// Alias → index among the program's units.
    pub(crate) imports: Vec<(String, usize)>,
}

impl Unit {
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Whether the code outside of all functions uses `...`, the arguments of the process.
    pub(crate) fn looks_at_arguments(&self) -> bool {
        Code::uses_varargs(&self.text)
    }
}

/// A source, as the caller of [`Program::compile`] gives it.
#[derive(Debug, Clone)]
pub struct UnitSource {
    /// The entry's id.
    pub id: String,
    /// The text.
    pub text: Arc<[u8]>,
    /// Modules that its `require` finds.
    pub modules: Vec<Module>,
    /// Alias → index among the units.
    pub imports: Vec<(String, usize)>,
}

/// An entry, ready to be spawned.
#[derive(Debug)]
pub struct Program {
    pub(crate) id: &'static str,
    pub(crate) method: String,
    pub(crate) limits: Limits,
    /// Libraries in the order in which they run, then the script.
    pub(crate) units: Vec<Unit>,
    /// What processes are copied from.
    pub(crate) images: Images,
}

impl Program {
    /// Compiles an entry. `units` are its libraries in the order in which they run, then its
    /// script. `limits` are those of the entry; what it leaves open is the host's to say.
    pub fn compile(
        units: Vec<UnitSource>,
        method: &str,
        limits: Limits,
    ) -> Result<Arc<Program>, CompileError> {
        let mut compiled = Vec::with_capacity(units.len());
        for unit in units {
            let code = Code::compile(&unit.id, &unit.text)?;
            compiled.push(Unit {
                id: unit.id.into(),
                code,
                text: unit.text,
                modules: unit.modules,
                imports: unit.imports,
            });
        }
        let id = interned(&compiled.last().expect("a program has a script").id);
        Ok(Arc::new(Program {
            id,
            method: method.to_owned(),
            limits,
            units: compiled,
            images: Images::default(),
        }))
    }

    pub(crate) fn script(&self) -> &Unit {
        self.units.last().expect("a program has a script")
    }

    /// The entry's id.
    pub fn id(&self) -> &'static str {
        self.id
    }
}

/// What an entry id names.
#[derive(Clone)]
pub enum Entry {
    /// A program.
    Program(Arc<Program>),
    /// A program that is compiled when it is first spawned.
    Lazy(Arc<LazyProgram>),
    /// Something that cannot be spawned: its kind.
    Other(String),
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Entry::Program(program) => write!(f, "Program({})", program.id),
            Entry::Lazy(_) => f.write_str("Lazy"),
            Entry::Other(kind) => write!(f, "Other({kind})"),
        }
    }
}

/// A program whose source is read and compiled on first use.
pub struct LazyProgram {
    compile: Box<CompileFn>,
    done: OnceLock<Result<Arc<Program>, String>>,
}

impl std::fmt::Debug for LazyProgram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LazyProgram").field("done", &self.done).finish_non_exhaustive()
    }
}

type CompileFn = dyn Fn() -> Result<Arc<Program>, String> + Send + Sync;

impl LazyProgram {
    /// `compile` reads and compiles; its error is the text of the spawn error.
    pub fn new(compile: Box<CompileFn>) -> Arc<LazyProgram> {
        Arc::new(LazyProgram { compile, done: OnceLock::new() })
    }

    fn get(&self) -> Result<Arc<Program>, String> {
        self.done.get_or_init(|| (self.compile)()).clone()
    }
}

/// What a host id names.
#[derive(Clone, Debug)]
pub enum HostEntry {
    /// A started host.
    Running(Arc<Host>),
    /// A declared host that was not started.
    Stopped,
}

/// Entries and hosts by id.
#[derive(Default)]
pub struct Catalog {
    entries: RwLock<FxHashMap<String, Entry>>,
    hosts: RwLock<FxHashMap<String, HostEntry>>,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").finish_non_exhaustive()
    }
}

/// Why an id does not lead to a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoProgram {
    Missing,
    OtherKind(String),
    Broken(String),
}

impl Catalog {
    /// Adds or replaces an entry.
    pub fn add_entry(&self, id: impl Into<String>, entry: Entry) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).insert(id.into(), entry);
    }

    /// Adds or replaces a host.
    pub fn add_host(&self, id: impl Into<String>, host: HostEntry) {
        self.hosts.write().unwrap_or_else(PoisonError::into_inner).insert(id.into(), host);
    }

    pub(crate) fn program(&self, id: &str) -> Result<Arc<Program>, NoProgram> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        match entries.get(id) {
            Some(Entry::Program(program)) => Ok(program.clone()),
            Some(Entry::Lazy(lazy)) => {
                let lazy = lazy.clone();
                drop(entries);
                lazy.get().map_err(NoProgram::Broken)
            }
            Some(Entry::Other(kind)) => Err(NoProgram::OtherKind(kind.clone())),
            None => Err(NoProgram::Missing),
        }
    }

    pub(crate) fn host(&self, id: &str) -> Option<HostEntry> {
        self.hosts.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The kind of an entry that is no program, for messages.
    pub(crate) fn other_kind(&self, id: &str) -> Option<String> {
        match self.entries.read().unwrap_or_else(PoisonError::into_inner).get(id) {
            Some(Entry::Other(kind)) => Some(kind.clone()),
            Some(Entry::Program(_) | Entry::Lazy(_)) => Some("process.lua".to_owned()),
            None => None,
        }
    }
}
