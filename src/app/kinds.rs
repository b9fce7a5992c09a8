//! The fields of each kind of entry.

use super::decode::{Reference, Role};
use super::entry::{
    BUILTIN_GLOBALS, BUILTIN_TABLES, HostEntry, LibraryEntry, Lifecycle, MailboxLimit, Module,
    OnFull, ProcessEntry, Restart, ServiceEntry, Source, Startup,
};
use super::fault::{Fault, quoted};
use super::fields::Fields;
use super::id::EntryId;
use super::nearest::nearest;
use super::read::{self, DURATION_MAX_NS, Wrong, did_you_mean};
use super::yaml::{Node, Pair};

/// Reads the fields of one entry whose kind is known.
///
/// Only fields without which there is no entry make a reading fail; any other wrong field is a
/// fault, and its default takes its place so that reading can go on.
pub(crate) struct KindReader<'a, 'r> {
    pub(crate) id: &'r EntryId,
    /// The namespace that completes bare names.
    pub(crate) scope: &'r str,
    pub(crate) fields: Fields<'a>,
    pub(crate) references: &'r mut Vec<Reference>,
}

/// Which fields of `lifecycle` an entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Restarts {
    Never,
    ByPolicy,
}

impl<'a> KindReader<'a, '_> {
    /// `process.host`
    pub(crate) fn host(&mut self) -> HostEntry {
        const SLICE_NS_MIN: u64 = 100_000;
        const SLICE_NS_MAX: u64 = 100_000_000;
        let lifecycle = self.lifecycle(Restarts::Never);
        let mut host = HostEntry { lifecycle, ..HostEntry::default() };
        let Some(mut fields) = self.fields.section("host") else { return host };
        host.workers = fields.optional("workers", read::whole(1..=WORKERS_MAX));
        set(&mut host.queue_size, fields.optional("queue_size", read::whole(1..=QUEUE_SIZE_MAX)));
        set(
            &mut host.local_queue_size,
            fields.optional("local_queue_size", read::whole(1..=QUEUE_SIZE_MAX)),
        );
        set(
            &mut host.slice_ns,
            fields.optional("slice", read::duration(SLICE_NS_MIN..=SLICE_NS_MAX)),
        );
        set(
            &mut host.max_processes,
            fields.optional("max_processes", read::whole(1..=PROCESSES_MAX)),
        );
        host.memory_limit = fields.optional("memory_limit", read::size);
        host.total_memory_limit = fields.optional("total_memory_limit", read::size);
        host.mailbox = mailbox(&mut fields);
        fields.finish();
        host
    }

    /// `process.lua`
    pub(crate) fn process(&mut self, source: Option<Source>) -> Option<ProcessEntry> {
        let method = self.fields.optional("method", read::text).unwrap_or("main").to_owned();
        let (modules, imports) = self.modules_and_imports();
        let memory_limit = self.fields.optional("memory_limit", read::size);
        let mailbox = mailbox(&mut self.fields);
        let host = self.host_field();
        let lifecycle = self.lifecycle(Restarts::ByPolicy);
        let source = source?;
        Some(ProcessEntry {
            source,
            method,
            modules,
            imports,
            memory_limit,
            mailbox,
            host,
            lifecycle,
        })
    }

    /// `library.lua`
    pub(crate) fn library(&mut self, source: Option<Source>) -> Option<LibraryEntry> {
        let (modules, imports) = self.modules_and_imports();
        Some(LibraryEntry { source: source?, modules, imports })
    }

    /// `process.service`
    pub(crate) fn service(&mut self) -> Option<ServiceEntry> {
        let process = self.fields.required("process", Ok);
        let process = process.and_then(|node| self.reference("`process`", node, Role::Process));
        let host = self.host_field();
        let items = self.fields.items("input").iter();
        let read = |node| self.fields.check("an item of `input`", node, read::value);
        let input = items.filter_map(|node| read(node)).collect();
        let lifecycle = self.lifecycle(Restarts::ByPolicy);
        Some(ServiceEntry { process: process?, host, input, lifecycle })
    }

    fn host_field(&mut self) -> Option<EntryId> {
        let node = self.fields.node("host")?;
        self.reference("`host`", node, Role::Host)
    }

    /// Reads the id of another entry.
    fn reference(&mut self, what: &str, node: &'a Node, role: Role) -> Option<EntryId> {
        let to = self.fields.check(what, node, read::entry_id(self.scope))?;
        let (from, place) = (self.id.clone(), node.place);
        self.references.push(Reference { from, to: to.clone(), role, place });
        Some(to)
    }

    fn modules_and_imports(&mut self) -> (Vec<Module>, Vec<(String, EntryId)>) {
        let items = self.fields.items("modules");
        let mut listed = Vec::new();
        let mut modules = Vec::new();
        for node in items {
            if let Some(module) = self.fields.check("an item of `modules`", node, module) {
                listed.extend(node.text());
                modules.extend(module);
            }
        }
        modules.sort_unstable();
        modules.dedup();
        let mut imports = Vec::new();
        let pairs = self.fields.optional("imports", read::map).unwrap_or_default();
        for Pair { key, value } in pairs {
            let alias =
                self.fields.check("an alias of `imports`", key, |node| alias(node, &listed));
            let library = self.reference("an id of `imports`", value, Role::Import);
            imports.extend(alias.map(str::to_owned).zip(library));
        }
        imports.sort();
        (modules, imports)
    }

    fn lifecycle(&mut self, restarts: Restarts) -> Lifecycle {
        let mut lifecycle = Lifecycle::default();
        let Some(mut fields) = self.fields.section("lifecycle") else { return lifecycle };
        let any = || read::duration(0..=DURATION_MAX_NS);
        set(&mut lifecycle.auto_start, fields.optional("auto_start", read::boolean));
        set(&mut lifecycle.startup, fields.optional("startup", read::one_of(&Startup::NAMES)));
        set(&mut lifecycle.start_timeout_ns, fields.optional("start_timeout", any()));
        set(&mut lifecycle.stop_timeout_ns, fields.optional("stop_timeout", any()));
        lifecycle.requires = self.requires(&mut fields);
        if restarts == Restarts::ByPolicy {
            set(&mut lifecycle.stable_threshold_ns, fields.optional("stable_threshold", any()));
            set(&mut lifecycle.restart, fields.section("restart").map(restart));
        }
        fields.finish();
        lifecycle
    }

    /// `requires`, which may also be written `depends_on`.
    fn requires(&mut self, lifecycle: &mut Fields<'a>) -> Vec<EntryId> {
        let items = lifecycle.items("requires");
        let others = lifecycle.items("depends_on");
        if let (true, Some(node)) = (lifecycle.has("requires"), lifecycle.node("depends_on")) {
            let message = "`depends_on` is another name of `requires`, and both are given";
            lifecycle.fault(Fault::new(node.place, message).hint("put all ids under `requires`"));
        }
        let mut ids = Vec::new();
        for node in items.iter().chain(others) {
            let id = self.reference("an item of `lifecycle.requires`", node, Role::Requires);
            ids.extend(id.filter(|id| !ids.contains(id)));
        }
        ids
    }
}

/// More workers than any machine has processors for.
pub(crate) const WORKERS_MAX: usize = 1024;

/// Queues grow by themselves: a larger first capacity is only memory.
const QUEUE_SIZE_MAX: usize = 1 << 20;

const PROCESSES_MAX: usize = 1 << 30;

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

fn restart(mut fields: Fields<'_>) -> Restart {
    let mut restart = Restart::default();
    let any = || read::duration(0..=DURATION_MAX_NS);
    set(&mut restart.initial_delay_ns, fields.optional("initial_delay", any()));
    set(&mut restart.max_delay_ns, fields.optional("max_delay", any()));
    set(
        &mut restart.backoff_factor,
        fields.optional("backoff_factor", read::number(1.0..=f64::MAX)),
    );
    set(&mut restart.jitter, fields.optional("jitter", read::number(0.0..=1.0)));
    set(&mut restart.max_attempts, fields.optional("max_attempts", read::whole(0..=u32::MAX)));
    fields.finish();
    restart
}

fn mailbox(fields: &mut Fields<'_>) -> Option<MailboxLimit> {
    let mut mailbox = fields.section("mailbox")?;
    let max_messages = mailbox.optional("max_messages", read::whole(1..=i64::MAX.unsigned_abs()));
    let on_full = mailbox.optional("on_full", read::one_of(&OnFull::NAMES)).unwrap_or_default();
    mailbox.finish();
    Some(MailboxLimit { max_messages, on_full })
}

/// A module name; `None` is one of those that are always present.
fn module(node: &Node) -> Result<Option<Module>, Wrong> {
    let name = read::text(node)?;
    if let Some(module) = Module::from_name(name) {
        return Ok(Some(module));
    }
    if BUILTIN_TABLES.contains(&name) {
        return Ok(None);
    }
    let modules = Module::ALL.map(Module::name);
    let known = || format!("known modules are {}", modules.map(quoted).join(", "));
    let meant = nearest(name, modules.into_iter().chain(BUILTIN_TABLES));
    let hint = meant.map_or_else(known, did_you_mean);
    Err(Wrong::message(format!("unknown module {}", quoted(name))).hint(hint))
}

/// The alias of an import. It becomes a global, so it must not hide another one.
fn alias<'n>(node: &'n Node, listed: &[&str]) -> Result<&'n str, Wrong> {
    let alias = read::text(node)?;
    let taken = if BUILTIN_TABLES.contains(&alias) || BUILTIN_GLOBALS.contains(&alias) {
        "a global that every process has"
    } else if listed.contains(&alias) {
        "a listed module"
    } else {
        return Ok(alias);
    };
    let message = format!("import alias {} is also {taken}", quoted(alias));
    Err(Wrong::message(message).hint("give it another name"))
}
