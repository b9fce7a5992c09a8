//! A loaded application: every entry, checked and resolved.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::entry::{Entry, HostEntry, Kind};
use super::graph::{self, Start};
use super::id::EntryId;
use super::settings::Settings;
use super::single::Siblings;

/// An application that passed every check of loading. Immutable, so it can be shared by threads.
#[derive(Debug)]
pub struct App {
    /// The application root, absolute and without symbolic links.
    pub root: PathBuf,
    /// What `moonlet.yaml` says.
    pub settings: Settings,
    pub(crate) entries: BTreeMap<EntryId, Arc<Entry>>,
    pub(crate) default_host: EntryId,
    /// The default host, if no entry declares it.
    pub(crate) implicit_host: Option<HostEntry>,
    /// In single-file mode, the files beside it.
    pub(crate) siblings: Siblings,
}

impl App {
    /// The declared entries, in the order of their ids.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Arc<Entry>> {
        self.entries.values()
    }

    /// A declared entry.
    #[must_use]
    pub fn entry(&self, id: &str) -> Option<&Arc<Entry>> {
        self.entries.get(id)
    }

    /// An entry to run: a declared one or, in single-file mode, a file beside the main one, which
    /// is read on first use.
    ///
    /// # Errors
    /// Why that file cannot be used.
    pub fn find(&self, id: &str) -> Result<Option<Arc<Entry>>, String> {
        match self.entries.get(id) {
            Some(entry) => Ok(Some(Arc::clone(entry))),
            None => self.siblings.find(&self.root, id),
        }
    }

    /// The fields of a declared host or of the implicit one.
    #[must_use]
    pub fn host(&self, id: &str) -> Option<&HostEntry> {
        match self.entries.get(id).map(|entry| &entry.kind) {
            Some(Kind::Host(host)) => Some(host),
            Some(_) => None,
            None => self.implicit_host.as_ref().filter(|_| self.default_host.as_str() == id),
        }
    }

    /// The host of processes for which none is named.
    #[must_use]
    pub fn default_host(&self) -> &EntryId {
        &self.default_host
    }

    /// The host on which the runtime itself starts a process or service: its own, for a service
    /// that of its process, else the default host. `None` for other kinds.
    #[must_use]
    pub fn host_of<'a>(&'a self, kind: &'a Kind) -> Option<&'a EntryId> {
        let named = match kind {
            Kind::Process(process) => process.host.as_ref(),
            Kind::Service(service) => {
                service.host.as_ref().or_else(|| match &self.entries.get(&service.process)?.kind {
                    Kind::Process(process) => process.host.as_ref(),
                    _ => None,
                })
            }
            Kind::Host(_) | Kind::Library(_) => return None,
        };
        Some(named.unwrap_or(&self.default_host))
    }

    /// The ids of the hosts and services that start at boot, in their order.
    pub fn auto_started(&self) -> impl Iterator<Item = &EntryId> {
        let starts = |entry: &&Arc<Entry>| entry.kind.lifecycle().is_some_and(|l| l.auto_start);
        self.entries.values().filter(starts).map(|entry| &entry.id)
    }

    /// The hosts and services that run after the boot: the auto-started ones, those in `also`, and
    /// all that these need. First what others depend on, among independent ones by id.
    #[must_use]
    pub fn start_order(&self, also: &[EntryId]) -> Vec<Start> {
        graph::start_order(self, also)
    }

    /// The libraries that an entry imports, directly or through others, each once, in the order in
    /// which they run.
    #[must_use]
    pub fn import_order<'a>(&'a self, kind: &'a Kind) -> Vec<&'a EntryId> {
        graph::import_order(self, kind)
    }
}
