//! Links and names as they must be when one operation follows the other: sets, and nothing under
//! way.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Serial;

/// See the module. Kept in the simulator only.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    dead: BTreeSet<Serial>,
    links: BTreeSet<(Serial, Serial)>,
    /// LINK_DOWNs that were sent and not taken in: receiver, who failed.
    owed: BTreeSet<(Serial, Serial)>,
    names: BTreeMap<&'static str, Serial>,
}

fn pair(a: Serial, b: Serial) -> (Serial, Serial) {
    (a.min(b), a.max(b))
}

impl Oracle {
    pub(super) fn is_alive(&self, serial: Serial) -> bool {
        !self.dead.contains(&serial)
    }

    pub(super) fn link(&mut self, a: Serial, b: Serial) {
        self.links.insert(pair(a, b));
    }

    pub(super) fn unlink(&mut self, a: Serial, b: Serial) {
        self.links.remove(&pair(a, b));
    }

    /// Whether a LINK_DOWN from `from` was due.
    pub(super) fn take_down(&mut self, receiver: Serial, from: Serial) -> bool {
        self.owed.remove(&(receiver, from))
    }

    /// Whether any LINK_DOWN is due.
    pub(super) fn is_owed(&self, receiver: Serial) -> bool {
        self.owed.iter().any(|(owed, _)| *owed == receiver)
    }

    /// A process ends.
    pub(super) fn end(&mut self, ended: Serial, is_failure: bool) {
        self.dead.insert(ended);
        self.names.retain(|_, holder| *holder != ended);
        self.owed.retain(|(receiver, _)| *receiver != ended);
        let (cut, kept) =
            self.links.iter().partition::<BTreeSet<_>, _>(|(a, b)| [a, b].contains(&&ended));
        self.links = kept;
        if is_failure {
            let peer = |(a, b)| if a == ended { b } else { a };
            self.owed.extend(cut.into_iter().map(|link| (peer(link), ended)));
        }
    }

    /// Who holds a name.
    pub(super) fn holder(&self, name: &str) -> Option<Serial> {
        self.names.get(name).copied()
    }

    pub(super) fn register(&mut self, name: &'static str, serial: Serial) {
        self.names.insert(name, serial);
    }

    pub(super) fn unregister(&mut self, name: &str) {
        self.names.remove(name);
    }
}
