//! Orders and cycles in the graphs that entries form: what imports what, and what must run before
//! what.
//!
//! All walks keep their own stack: an application may be a chain of any length.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::application::App;
use super::entry::Kind;
use super::id::EntryId;

/// One step of a start: an entry, and what must run before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// A host or a service.
    pub id: EntryId,
    /// Hosts and services that come earlier in the same order.
    pub after: Vec<EntryId>,
}

/// What must run for the auto-started entries and those in `also`, themselves included: first what
/// others depend on, among independent ones by id.
pub(crate) fn start_order(app: &App, also: &[EntryId]) -> Vec<Start> {
    let mut after: BTreeMap<EntryId, Vec<EntryId>> = BTreeMap::new();
    let mut open: Vec<EntryId> = app.auto_started().chain(also).cloned().collect();
    while let Some(id) = open.pop() {
        if let Entry::Vacant(unseen) = after.entry(id) {
            let needs = needs(app, unseen.key());
            open.extend(needs.iter().cloned());
            unseen.insert(needs);
        }
    }
    let mut dependents: BTreeMap<&EntryId, Vec<&EntryId>> = BTreeMap::new();
    let mut n_waiting: BTreeMap<&EntryId, usize> = BTreeMap::new();
    for (id, needs) in &after {
        n_waiting.insert(id, needs.len());
        needs.iter().for_each(|need| dependents.entry(need).or_default().push(id));
    }
    let mut ready: BTreeSet<&EntryId> = BTreeSet::new();
    ready.extend(n_waiting.iter().filter(|(_, n)| **n == 0).map(|(id, _)| *id));
    let mut order = Vec::with_capacity(after.len());
    while let Some(id) = ready.pop_first() {
        order.push(Start { id: id.clone(), after: after[id].clone() });
        for dependent in dependents.get(id).into_iter().flatten() {
            let n = n_waiting.get_mut(dependent).expect("every dependent was counted");
            *n -= 1;
            if *n == 0 {
                ready.insert(dependent);
            }
        }
    }
    order
}

/// What an entry needs to run: its host, and what it requires.
fn needs(app: &App, id: &EntryId) -> Vec<EntryId> {
    let Some(entry) = app.entry(id.as_str()) else { return Vec::new() };
    let mut needs: Vec<EntryId> = app.host_of(&entry.kind).into_iter().cloned().collect();
    for required in entry.kind.lifecycle().map(|lifecycle| &*lifecycle.requires).unwrap_or_default()
    {
        if !needs.contains(required) {
            needs.push(required.clone());
        }
    }
    needs
}

/// The libraries that an entry imports, directly or through others, each once: dependencies first,
/// among equals by alias.
pub(crate) fn import_order<'a>(app: &'a App, kind: &'a Kind) -> Vec<&'a EntryId> {
    let mut order = Vec::new();
    let mut seen: BTreeSet<&EntryId> = BTreeSet::new();
    // The libraries on the way down, each with the imports it has left. The entry has no id here.
    let mut path = vec![(None, kind.imports().iter())];
    while let Some((id, imports)) = path.last_mut() {
        match imports.next() {
            Some((_, library)) => {
                if seen.insert(library) {
                    let imports = app.entry(library.as_str()).map_or(&[][..], |e| e.kind.imports());
                    path.push((Some(library), imports.iter()));
                }
            }
            None => {
                order.extend(*id);
                path.pop();
            }
        }
    }
    order
}

/// Edges of a graph: from each entry to others, with something to say about each edge.
pub(crate) type Edges<'a, T> = BTreeMap<&'a EntryId, Vec<(&'a EntryId, T)>>;

/// The cycles of a graph: each as its entries in order, with what is said about the edge to the
/// next one. Every group of entries that depend on each other shows up in at least one of them.
pub(crate) fn cycles<'a, T: Copy>(edges: &Edges<'a, T>) -> Vec<Vec<(&'a EntryId, T)>> {
    /// Beyond this many entries in all cycles, a report would help nobody.
    const LISTED_MAX: usize = 100_000;
    let mut cycles: Vec<Vec<(&EntryId, T)>> = Vec::new();
    let mut n_listed = 0;
    let mut done: BTreeSet<&EntryId> = BTreeSet::new();
    for start in edges.keys() {
        // The way from `start`: entries, each with the number of its edges that were followed.
        let mut path: Vec<(&EntryId, usize)> = Vec::new();
        let mut on_path: BTreeSet<&EntryId> = BTreeSet::new();
        if !done.contains(start) {
            path.push((start, 0));
            on_path.insert(start);
        }
        while let Some((from, n_followed)) = path.last_mut() {
            let Some((to, _)) = edges.get(*from).and_then(|edges| edges.get(*n_followed)) else {
                on_path.remove(from);
                done.insert(from);
                path.pop();
                continue;
            };
            *n_followed += 1;
            if on_path.contains(to) {
                if n_listed < LISTED_MAX {
                    let cycle = path.iter().skip_while(|(id, _)| id != to);
                    cycles.push(cycle.map(|(id, n)| (*id, edges[id][n - 1].1)).collect());
                    n_listed += path.len();
                }
            } else if !done.contains(to) {
                path.push((to, 0));
                on_path.insert(to);
            }
        }
    }
    cycles
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(n: usize) -> EntryId {
        EntryId::new("app", &format!("e{n:06}")).unwrap()
    }

    fn found(pairs: &[(usize, usize)]) -> Vec<Vec<String>> {
        let ids: Vec<EntryId> =
            (0..=pairs.iter().map(|p| p.0.max(p.1)).max().unwrap_or(0)).map(id).collect();
        let mut edges: Edges<'_, ()> = BTreeMap::new();
        for &(from, to) in pairs {
            edges.entry(&ids[from]).or_default().push((&ids[to], ()));
        }
        let names =
            |cycle: Vec<(&EntryId, ())>| cycle.iter().map(|(id, ())| id.to_string()).collect();
        cycles(&edges).into_iter().map(names).collect()
    }

    #[test]
    fn a_cycle_is_listed_whole_from_its_first_entry() {
        let expected: Vec<String> = [1, 2, 3].map(|n| id(n).to_string()).into();
        assert_eq!(found(&[(0, 1), (1, 2), (2, 3), (3, 1)]), [expected]);
        assert_eq!(found(&[(4, 4)]), [[id(4).to_string()]]);
    }

    #[test]
    fn cycles_that_share_an_entry_are_both_listed() {
        assert_eq!(found(&[(0, 1), (1, 0), (0, 2), (2, 0)]).len(), 2);
    }

    #[test]
    fn a_diamond_is_no_cycle() {
        assert!(found(&[(0, 1), (0, 2), (1, 3), (2, 3)]).is_empty());
    }

    #[test]
    fn long_chains_need_no_deep_stack() {
        let mut chain: Vec<_> = (0..50_000).map(|n| (n, n + 1)).collect();
        assert!(found(&chain).is_empty());
        chain.push((50_000, 0));
        assert_eq!(found(&chain)[0].len(), 50_001);
    }

    proptest! {
        /// The naive model: an entry is on a cycle if it can be reached from itself.
        #[test]
        fn a_cycle_is_found_exactly_if_some_entry_reaches_itself(
            pairs in prop::collection::vec((0_usize..8, 0_usize..8), 0..20),
        ) {
            let mut reach = [[false; 8]; 8];
            pairs.iter().for_each(|&(from, to)| reach[from][to] = true);
            for via in 0..8 {
                for from in 0..8 {
                    for to in 0..8 {
                        reach[from][to] |= reach[from][via] && reach[via][to];
                    }
                }
            }
            let cyclic = (0..8).any(|n| reach[n][n]);
            prop_assert_eq!(!found(&pairs).is_empty(), cyclic);
        }
    }
}
