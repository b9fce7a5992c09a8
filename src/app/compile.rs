//! From the entries of an application to programs that processes run.

use std::sync::Arc;

use super::application::App;
use super::entry::{self, Entry, Kind, ProcessEntry};
use super::id::EntryId;
use super::source::CompileError;
use crate::lua::{self, Catalog, LazyProgram, Program, UnitSource};
use crate::process::{Limits, MailboxLimit, OnFull};

/// Compiles one source, for its errors only.
///
/// # Errors
/// What Lua says.
pub fn check_source(id: &EntryId, source: &entry::Source) -> Result<(), CompileError> {
    let unit = unit(id, source, &[], Vec::new());
    Program::compile(vec![unit], "main", Limits::default()).map(drop).map_err(|error| {
        let lua::CompileError { line, message, .. } = error;
        CompileError { line, message }
    })
}

/// Adds every entry of an application to a catalog. Hosts do not run yet; programs are compiled
/// when they are first spawned.
pub(crate) fn fill(catalog: &Catalog, app: &Arc<App>) {
    for entry in app.entries() {
        let item = match &entry.kind {
            Kind::Process(_) => lazy(app, &entry.id),
            other => lua::Entry::Other(other.name().to_owned()),
        };
        catalog.add_entry(entry.id.as_str(), item);
        if let Kind::Host(_) = &entry.kind {
            catalog.add_host(entry.id.as_str(), lua::HostEntry::Stopped);
        }
    }
    for id in app.siblings.ids() {
        catalog.add_entry(id.as_str(), lazy(app, id));
    }
}

/// An entry of the application, or a file beside its main one.
fn lazy(app: &Arc<App>, id: &EntryId) -> lua::Entry {
    let (app, id) = (Arc::clone(app), id.clone());
    let compile = move || match app.find(id.as_str())?.as_deref() {
        Some(entry @ Entry { kind: Kind::Process(process), .. }) => program(&app, entry, process),
        _ => Err(format!("entry not found: {id}")),
    };
    lua::Entry::Lazy(LazyProgram::new(Box::new(compile)))
}

/// Compiles a process with its libraries.
fn program(app: &App, entry: &Entry, process: &ProcessEntry) -> Result<Arc<Program>, String> {
    let order = app.import_order(&entry.kind);
    let imports = |imports: &[(String, EntryId)]| -> Vec<(String, usize)> {
        let unit_idx = |id: &EntryId| order.iter().position(|unit| *unit == id);
        imports.iter().filter_map(|(alias, id)| Some((alias.clone(), unit_idx(id)?))).collect()
    };
    let library = |id: &EntryId| match &app.entry(id.as_str())?.kind {
        Kind::Library(library) => {
            Some(unit(id, &library.source, &library.modules, imports(&library.imports)))
        }
        _ => None,
    };
    let mut units: Vec<UnitSource> = order.iter().filter_map(|id| library(id)).collect();
    units.push(unit(&entry.id, &process.source, &process.modules, imports(&process.imports)));
    let limits = limits(process.memory_limit, process.mailbox);
    Program::compile(units, &process.method, limits).map_err(|error| error.text)
}

fn unit(
    id: &EntryId,
    source: &entry::Source,
    modules: &[entry::Module],
    imports: Vec<(String, usize)>,
) -> UnitSource {
    UnitSource {
        id: id.to_string(),
        text: Arc::clone(&source.text),
        modules: modules.iter().map(|module| lua_module(*module)).collect(),
        imports,
    }
}

fn lua_module(module: entry::Module) -> lua::Module {
    match module {
        entry::Module::Json => lua::Module::Json,
        entry::Module::Logger => lua::Module::Logger,
        entry::Module::Net => lua::Module::Net,
    }
}

/// The limits of an entry or host.
pub(crate) fn limits(memory_bytes: Option<u64>, mailbox: Option<entry::MailboxLimit>) -> Limits {
    let mailbox = mailbox.map(|mailbox| MailboxLimit {
        max_messages: mailbox.max_messages.unwrap_or(u64::MAX),
        on_full: match mailbox.on_full {
            entry::OnFull::Reject => OnFull::Reject,
            entry::OnFull::DropNew => OnFull::DropNew,
            entry::OnFull::DropOld => OnFull::DropOld,
            entry::OnFull::Kill => OnFull::Kill,
        },
    });
    Limits { memory_bytes, mailbox }
}
