//! Links: one shared record for both ends, with one atomic state, so that two ends which link,
//! unlink and fail at once cannot be left with half a link.
//!
//! # Invariants
//! * **L1** `active` goes from true to false once and never back; linking again makes a new record.
//! * **L2** An end acts on a LINK_DOWN only if the record was active when it took the signal in.

use smallvec::SmallVec;

use super::pid::{Pid, Serial};
use crate::sync::atomic::{AtomicBool, Ordering};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The record that both ends of a link share.
#[derive(Debug)]
pub struct Link {
    active: AtomicBool,
}

impl Link {
    pub(crate) fn new() -> Arc<Link> {
        Arc::new(Link { active: AtomicBool::new(true) })
    }

    /// Removes the link for both ends.
    pub(crate) fn cut(&self) {
        // Release pairs with the acquire of `is_active`: what the end did before it unlinked is
        // seen.
        self.active.store(false, Ordering::Release);
    }

    pub(crate) fn is_active(&self) -> bool {
        // Acquire pairs with the release of `cut`.
        self.active.load(Ordering::Acquire)
    }
}

/// The records of one pair.
type Records = SmallVec<[Arc<Link>; 1]>;

/// The links of one process, by the other end. Two ends that linked to each other at the same time
/// have two records; they stand and fall together.
#[derive(Debug, Default)]
pub(crate) struct Links {
    by_peer: FxHashMap<Serial, (Pid, Records)>,
}

impl Links {
    pub(crate) fn contains(&self, peer: Pid) -> bool {
        self.by_peer
            .get(&peer.serial())
            .is_some_and(|(_, links)| links.iter().any(|l| l.is_active()))
    }

    /// How many processes it is linked to.
    pub(crate) fn len(&self) -> usize {
        self.by_peer.len()
    }

    pub(crate) fn add(&mut self, peer: Pid, link: Arc<Link>) {
        let (_, links) = self.by_peer.entry(peer.serial()).or_insert((peer, SmallVec::new()));
        links.retain(|link| link.is_active());
        links.push(link);
    }

    /// Removes one record, because the other end gave it up.
    pub(crate) fn remove(&mut self, peer: Pid, link: &Arc<Link>) {
        if let Some((_, links)) = self.by_peer.get_mut(&peer.serial()) {
            links.retain(|other| !Arc::ptr_eq(other, link));
            if links.is_empty() {
                self.by_peer.remove(&peer.serial());
            }
        }
    }

    /// Removes every record that ties this process to `peer`; gives those that were active.
    pub(crate) fn cut(&mut self, peer: Pid) -> Records {
        let Some((_, mut links)) = self.by_peer.remove(&peer.serial()) else {
            return SmallVec::new();
        };
        links.retain(|link| link.is_active());
        links.iter().for_each(|link| link.cut());
        links
    }

    /// As [`Links::cut`] for a peer that is known by its serial only.
    pub(crate) fn cut_serial(&mut self, peer: Serial) {
        let pid = self.by_peer.get(&peer).map(|(pid, _)| *pid);
        if let Some(pid) = pid {
            self.cut(pid);
        }
    }

    /// The other end of every link that is kept, once for each record of it.
    #[cfg(any(test, fuzzing))]
    #[cfg(not(loom))]
    pub(crate) fn peers(&self) -> impl Iterator<Item = Serial> {
        self.by_peer.iter().flat_map(|(peer, (_, links))| links.iter().map(move |_| *peer))
    }

    /// Takes out all active links, for the end of the process.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (Pid, Arc<Link>)> + use<> {
        std::mem::take(&mut self.by_peer)
            .into_values()
            .flat_map(|(peer, links)| links.into_iter().map(move |link| (peer, link)))
            .filter(|(_, link)| link.is_active())
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::thread;

    use super::*;

    /// Who finds the link removed may rely on what was done before.
    #[test]
    fn loom_what_comes_before_an_unlink_is_seen_with_it() {
        loom::model(|| {
            let link = Link::new();
            let is_done = Arc::new(AtomicBool::new(false));
            let other = {
                let (link, is_done) = (link.clone(), is_done.clone());
                thread::spawn(move || {
                    is_done.store(true, Ordering::Relaxed);
                    link.cut();
                })
            };
            if !link.is_active() {
                assert!(is_done.load(Ordering::Relaxed));
            }
            other.join().unwrap();
            assert!(!link.is_active());
        });
    }
}
