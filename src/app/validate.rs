//! What only shows when all entries are known: duplicate ids, references to nothing or to the wrong
//! kind, cycles.

use std::collections::BTreeMap;

use super::DEFAULT_HOST;
use super::application::App;
use super::decode::{Declared, Reference, Role};
use super::fault::{Fault, Faults, Place};
use super::graph::{Edges, cycles};
use super::id::EntryId;
use super::nearest::nearest_id;
use super::read::did_you_mean;

/// Everything that was declared, for checks across entries.
pub(crate) struct Validator<'a> {
    pub(crate) app: &'a App,
    pub(crate) declared: &'a [Declared],
    pub(crate) references: &'a [Reference],
    /// The texts of files that could not be parsed: what seems to be missing may stand there.
    pub(crate) broken: &'a [String],
    pub(crate) faults: &'a Faults,
}

/// The first declaration of each id.
type Firsts<'a> = BTreeMap<&'a EntryId, &'a Declared>;

/// The host of processes for which none is named: the only one, else the one of the usual name.
pub(crate) fn default_host(declared: &[Declared]) -> EntryId {
    let mut hosts = declared.iter().filter(|entry| entry.kind == Some("process.host"));
    match (hosts.next(), hosts.next()) {
        (Some(only), None) => only.id.clone(),
        _ => EntryId::parse(DEFAULT_HOST).expect("a legal id"),
    }
}

impl Validator<'_> {
    /// Runs all checks.
    pub(crate) fn check(&self) {
        let firsts = self.duplicates();
        for reference in self.references {
            self.reference(reference, &firsts);
        }
        self.default_host(&firsts);
        self.import_cycles(&firsts);
        self.requires_cycles(&firsts);
    }

    /// Reports ids that are declared again; the first declaration of each counts.
    fn duplicates(&self) -> Firsts<'_> {
        let mut firsts = Firsts::new();
        for entry in self.declared {
            match firsts.get(&entry.id) {
                None => {
                    firsts.insert(&entry.id, entry);
                }
                Some(first) => {
                    let message = format!("duplicate entry id `{}`", entry.id);
                    let fault = Fault::new(entry.place, message);
                    self.faults.add(fault.see("it is also declared", first.place));
                }
            }
        }
        firsts
    }

    /// Reports a reference to nothing or to the wrong kind.
    fn reference(&self, reference: &Reference, firsts: &Firsts<'_>) {
        let Reference { to, role, place, .. } = reference;
        match firsts.get(to).map(|target| target.kind) {
            // Its kind is unknown, which is reported there.
            Some(None) => {}
            Some(Some(kind)) if role.accepts(kind) => {}
            Some(Some(kind)) => {
                let expected = role.expected();
                let message = format!("`{to}` is a {kind}, expected {expected}");
                self.faults.add(Fault::new(*place, message));
            }
            None if role.accepts("process.host") && self.app.host(to.as_str()).is_some() => {}
            None if self.broken.iter().any(|text| text.contains(to.name())) => {}
            None => {
                let fits = |entry: &&&Declared| entry.kind.is_none_or(|kind| role.accepts(kind));
                let known = firsts.values().filter(fits).map(|entry| &entry.id);
                let meant = nearest_id(to, known).map(did_you_mean);
                let message = format!("no entry `{to}`");
                self.faults.add(Fault::new(*place, message).maybe_hint(meant));
            }
        }
    }

    /// Reports an entry that takes the name of the implicit host.
    fn default_host(&self, firsts: &Firsts<'_>) {
        let Some(entry) = firsts.get(self.app.default_host()) else { return };
        if let Some(kind) = entry.kind.filter(|_| !self.is_host(&entry.id)) {
            let message = format!("`{}` is the default host, but declared as {kind}", entry.id);
            let hint = "give it another name, or declare exactly one process.host";
            self.faults.add(Fault::new(entry.place, message).hint(hint));
        }
    }

    /// Whether any declaration of that id is a host.
    fn is_host(&self, id: &EntryId) -> bool {
        self.declared.iter().any(|entry| entry.id == *id && entry.kind == Some("process.host"))
    }

    /// The references of a role that lead to an entry of the right kind.
    fn sound(&self, role: Role, firsts: &Firsts<'_>) -> impl Iterator<Item = &Reference> {
        let leads = move |to| {
            firsts.get(to).and_then(|entry| entry.kind).is_some_and(|kind| role.accepts(kind))
        };
        self.references.iter().filter(move |r| r.role == role && leads(&r.to))
    }

    fn import_cycles(&self, firsts: &Firsts<'_>) {
        let mut edges: Edges<'_, Place> = BTreeMap::new();
        for reference in self.sound(Role::Import, firsts) {
            edges.entry(&reference.from).or_default().push((&reference.to, reference.place));
        }
        for cycle in cycles(&edges) {
            let message = format!("import cycle: {}", chain(&cycle));
            self.faults.add(Fault::new(cycle[0].1, message));
        }
    }

    /// Besides what it requires, a service needs its host to run.
    fn requires_cycles(&self, firsts: &Firsts<'_>) {
        let mut edges: Edges<'_, (Place, Role)> = BTreeMap::new();
        for reference in self.sound(Role::Requires, firsts) {
            let edge = (&reference.to, (reference.place, Role::Requires));
            edges.entry(&reference.from).or_default().push(edge);
        }
        for Declared { id, place, entry, .. } in self.declared {
            let host = entry.as_ref().and_then(|entry| self.app.host_of(&entry.kind));
            let host = host.filter(|host| self.app.host(host.as_str()).is_some());
            let edge = host.map(|host| (host, (*place, Role::Host)));
            edges.entry(id).or_default().extend(edge);
        }
        for cycle in cycles(&edges) {
            let message = format!("requires cycle: {}", chain(&cycle));
            let ids = cycle.iter().map(|(id, _)| *id).cycle();
            let mut steps = cycle.iter().zip(ids.skip(1));
            let runs_on = steps.find(|((_, (_, role)), _)| *role == Role::Host);
            let hint = runs_on.map(|((id, _), host)| format!("`{id}` runs on `{host}`"));
            self.faults.add(Fault::new(cycle[0].1.0, message).maybe_hint(hint));
        }
    }
}

/// A cycle as text, the first entry at both ends.
fn chain<T>(cycle: &[(&EntryId, T)]) -> String {
    let ids = cycle.iter().chain(cycle.first()).map(|(id, _)| id.as_str());
    ids.collect::<Vec<_>>().join(" -> ")
}

impl Role {
    fn accepts(self, kind: &str) -> bool {
        match self {
            Self::Host => kind == "process.host",
            Self::Process => kind == "process.lua",
            Self::Import => kind == "library.lua",
            Self::Requires => matches!(kind, "process.host" | "process.service" | "process.lua"),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Host => "a process.host",
            Self::Process => "a process.lua",
            Self::Import => "a library.lua",
            Self::Requires => "a process.host, process.service or process.lua",
        }
    }
}
