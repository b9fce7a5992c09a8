//! The memory of all processes of a host together, against the host's limit: when the sum is above
//! it, the largest ends.
//!
//! # Concepts
//! * **Round**: one look at every process of the host, [piece by piece](crate::scheduler::Survey),
//!   beside the workers. What processes hold is what they [published](super::account::Account)
//!   last: at the end of a turn, and within one whenever the heap needs another piece of memory.
//! * **Told**: a process that was picked. It still counts until it has ended, and what it holds is
//!   expected back, so that nobody else has to end because memory comes back late.
//!
//! # Invariants
//! * **L1** A process is told once.
//! * **L2** Nobody is told while what is expected back brings the sum below the limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::account::Account;
use super::exit::{Failure, kind};
use super::live::Process;
use super::pid::Serial;
use super::runtime::Runtime;
use super::size::size_text;
use crate::scheduler::{Context, Survey};

/// Slots of the process table that are looked at in one piece.
const PIECE: usize = 1024;

/// How many are remembered as the largest, and so may be told in one round.
const LARGEST_MAX: usize = 32;

/// Keeps the limit of one host.
#[derive(Debug)]
pub struct MemoryWatch {
    host: &'static str,
    limit_bytes: u64,
    runtime: Arc<Runtime>,
    n_kills: Arc<AtomicU64>,
    next_slot: usize,
    round: Round<Serial>,
}

impl MemoryWatch {
    /// Keeps `limit_bytes` for the processes of `runtime` that live on `host`.
    pub fn new(host: &'static str, limit_bytes: u64, runtime: Arc<Runtime>) -> MemoryWatch {
        MemoryWatch {
            host,
            limit_bytes,
            runtime,
            n_kills: Arc::default(),
            next_slot: 0,
            round: Round::default(),
        }
    }

    /// How many processes it has ended.
    pub fn n_kills(&self) -> Arc<AtomicU64> {
        self.n_kills.clone()
    }

    /// Ends a process, unless it has ended or shrunk meanwhile.
    fn tell(&self, serial: Serial, seen_bytes: u64, cx: &dyn Context<Process>) {
        let Some(process) = self.runtime.table().get(serial) else { return };
        let Some((account, held)) = held(&process) else { return };
        if held < seen_bytes / 2 {
            return;
        }
        account.tell_to_end();
        if !self.runtime.kill(process.pid(), self.failure(), cx) {
            return;
        }
        self.n_kills.fetch_add(1, Ordering::Relaxed);
        let (pid, entry, host) = (process.pid(), process.entry(), self.host);
        let (held, limit) = (size_text(held), size_text(self.limit_bytes));
        tracing::warn!(%pid, entry, held, limit, "the processes of host {host} hold too much memory together: the largest ends");
    }

    fn failure(&self) -> Failure {
        let limit = size_text(self.limit_bytes);
        let text = format!("total memory limit of {limit} of host {} exceeded", self.host);
        Failure::new(kind::LIMIT_EXCEEDED, text)
    }
}

impl Survey<Process> for MemoryWatch {
    fn piece(&mut self, cx: &dyn Context<Process>) -> bool {
        let (host, round) = (self.host, &mut self.round);
        let next = self.runtime.table().for_each_of(self.next_slot, PIECE, |process| {
            if process.pid().host() == host
                && process.is_alive()
                && let Some((account, bytes)) = held(process)
            {
                round.add(process.pid().serial(), bytes, account.is_told_to_end());
            }
        });
        self.next_slot = next.unwrap_or(0);
        if next.is_none() {
            for (bytes, serial) in std::mem::take(&mut self.round).excessive(self.limit_bytes) {
                self.tell(serial, bytes, cx);
            }
        }
        next.is_none()
    }
}

/// What a process of the host holds: its heap and what counts like it, as it was last published,
/// and its undelivered messages.
fn held(process: &Process) -> Option<(&Account, u64)> {
    let account = process.account()?;
    let bytes = account.bytes().saturating_add(process.waiting_bytes());
    Some((account, bytes as u64))
}

/// What a round has found so far.
#[derive(Debug)]
struct Round<K> {
    sum: u64,
    /// The part of it that is expected back.
    expected: u64,
    /// The largest of the others, the first one first.
    largest: Vec<(u64, K)>,
}

impl<K> Default for Round<K> {
    fn default() -> Self {
        Round { sum: 0, expected: 0, largest: Vec::new() }
    }
}

impl<K> Round<K> {
    fn add(&mut self, process: K, bytes: u64, is_told: bool) {
        self.sum = self.sum.saturating_add(bytes);
        if is_told {
            self.expected = self.expected.saturating_add(bytes);
            return;
        }
        // Behind those that are as large.
        let place = self.largest.partition_point(|(other, _)| *other >= bytes);
        if bytes > 0 && place < LARGEST_MAX {
            self.largest.truncate(LARGEST_MAX - 1);
            self.largest.insert(place, (bytes, process));
        }
    }

    /// Who has to end so that the sum comes down to the limit: the largest, and no more than it
    /// takes.
    fn excessive(self, limit: u64) -> impl Iterator<Item = (u64, K)> {
        let mut excess = self.sum.saturating_sub(limit).saturating_sub(self.expected);
        self.largest.into_iter().take_while(move |(bytes, _)| {
            let is_needed = excess > 0;
            excess = excess.saturating_sub(*bytes);
            is_needed
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Who is told among processes of these sizes, those that were told before marked.
    fn told(limit: u64, processes: &[(u64, bool)]) -> Vec<usize> {
        let mut round = Round::default();
        for (process, (bytes, is_told)) in processes.iter().enumerate() {
            round.add(process, *bytes, *is_told);
        }
        round.excessive(limit).map(|(_, process)| process).collect()
    }

    #[test]
    fn at_the_limit_nobody_has_to_end() {
        assert_eq!(told(100, &[(60, false), (40, false)]), [0usize; 0]);
    }

    #[test]
    fn above_it_the_largest_has_to() {
        assert_eq!(told(99, &[(40, false), (60, false)]), [1]);
        assert_eq!(told(99, &[(50, false), (50, false)]), [0], "of two the first");
    }

    #[test]
    fn as_many_as_it_takes_have_to() {
        assert_eq!(told(10, &[(10, false), (30, false), (20, false)]), [1, 2]);
        assert_eq!(told(0, &[(0, false), (1, false)]), [1], "but nobody who holds nothing");
    }

    #[test]
    fn what_will_come_back_is_waited_for() {
        assert_eq!(told(100, &[(90, true), (60, false), (40, false)]), [0usize; 0]);
        assert_eq!(told(99, &[(90, true), (60, false), (40, false)]), [1], "the rest is too much");
    }

    proptest! {
        #[test]
        fn the_choice_is_the_shortest_list_of_the_largest(
            processes in prop::collection::vec((0u64..1000, any::<bool>()), 0..80),
            limit in 0u64..20_000,
        ) {
            let told = told(limit, &processes);
            let bytes = |process: &usize| processes[*process].0;
            let sum: u64 = processes.iter().map(|(bytes, _)| bytes).sum();
            let expected: u64 = processes.iter().filter(|(_, told)| *told).map(|(b, _)| b).sum();
            let ending: u64 = told.iter().map(bytes).sum();
            prop_assert!(told.iter().all(|process| !processes[*process].1), "L1");
            let left = sum - expected - ending;
            prop_assert!(left <= limit || told.len() == LARGEST_MAX, "{left} left");
            if let Some(last) = told.last() {
                prop_assert!(left + bytes(last) > limit, "L2");
                let others = (0..processes.len()).filter(|n| !processes[*n].1 && !told.contains(n));
                let largest = others.map(|n| bytes(&n)).max().unwrap_or(0);
                prop_assert!(told.iter().all(|process| bytes(process) >= largest));
            }
        }
    }
}
