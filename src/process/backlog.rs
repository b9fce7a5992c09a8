//! The undelivered messages of a process, against the limits of its mailbox and its memory
//! (specification of processes, section 18).
//!
//! A message counts from its sending until the body gives it out; where no limit asks for it,
//! nothing is counted.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::body::{Limits, OnFull};
use super::exit::{Failure, kind};
use super::size::size_text;

/// How much waits, and how much may.
#[derive(Debug)]
pub(crate) struct Backlog {
    limits: Limits,
    n: AtomicUsize,
    bytes: AtomicUsize,
    /// A `drop_old` mailbox took a message that was one too many.
    owes_drop: AtomicBool,
    /// Whether undelivered messages are counted.
    counts: bool,
    /// Lua heap when the last slice ended, for the memory limit.
    heap_bytes: AtomicU64,
}

/// Undelivered messages above the limits of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Excess {
    /// How many messages.
    pub(crate) n: usize,
    /// How many bytes.
    pub(crate) bytes: usize,
}

/// Whether a message may be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Queue,
    TooLarge,
    /// Never with `drop_old`, which queues.
    Full(OnFull, Excess),
}

impl Backlog {
    /// `is_watched` when the host has a limit of its own.
    pub(super) fn new(limits: Limits, is_watched: bool) -> Backlog {
        let counts = is_watched || limits.mailbox.is_some() || limits.memory_bytes.is_some();
        Backlog {
            counts,
            limits,
            n: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            owes_drop: AtomicBool::new(false),
            heap_bytes: AtomicU64::new(0),
        }
    }

    /// Notes how large the Lua heap is.
    pub(crate) fn set_heap_bytes(&self, bytes: u64) {
        self.heap_bytes.store(bytes, Ordering::Relaxed);
    }

    /// How large the Lua heap was when the last slice ended.
    pub(super) fn heap_bytes(&self) -> u64 {
        self.heap_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that wait, as far as they are counted.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Claims room for a message of `bytes`.
    pub(super) fn admit(&self, bytes: usize) -> Admission {
        if !self.counts {
            return Admission::Queue;
        }
        if let Some(limit) = self.limits.memory_bytes
            && bytes as u64 > limit
        {
            return Admission::TooLarge;
        }
        self.count(bytes);
        let excess = self.excess();
        if excess.n == 0 && excess.bytes == 0 {
            return Admission::Queue;
        }
        match self.limits.mailbox.map_or(OnFull::Reject, |limit| limit.on_full) {
            OnFull::DropOld => {
                // Release pairs with the acquire in `take_debt`: who sees it sees the counts too.
                self.owes_drop.store(true, Ordering::Release);
                Admission::Queue
            }
            on_full => {
                self.delivered(1, bytes);
                Admission::Full(on_full, excess)
            }
        }
    }

    /// One more message of `bytes` waits, whatever the limits say.
    pub(super) fn count(&self, bytes: usize) {
        if self.counts {
            self.n.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// How far the undelivered messages are above the limits.
    fn excess(&self) -> Excess {
        let n = self.n.load(Ordering::Relaxed) as u64;
        let n_max = self.limits.mailbox.map_or(u64::MAX, |limit| limit.max_messages);
        let waiting = self.bytes.load(Ordering::Relaxed) as u64;
        let heap = self.heap_bytes.load(Ordering::Relaxed);
        let bytes_max = self.limits.memory_bytes.unwrap_or(u64::MAX);
        Excess {
            n: n.saturating_sub(n_max) as usize,
            bytes: (waiting + heap).saturating_sub(bytes_max) as usize,
        }
    }

    /// The failure of a process whose mailbox limit kills it.
    pub(super) fn overflow(&self, excess: Excess) -> Failure {
        let what = match (self.limits.mailbox, self.limits.memory_bytes) {
            (Some(limit), _) if excess.n > 0 => format!("{} messages", limit.max_messages),
            (_, bytes) => size_text(bytes.unwrap_or_default()),
        };
        let text = format!("process terminated: mailbox limit of {what} exceeded");
        Failure::new(kind::LIMIT_EXCEEDED, text)
    }

    /// Messages of `bytes` in all are no longer undelivered. The body says so for each it gives
    /// out.
    pub(crate) fn delivered(&self, n: usize, bytes: usize) {
        if self.counts {
            self.n.fetch_sub(n, Ordering::Relaxed);
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// What a `drop_old` mailbox owes to be dropped, once. Messages that are on their way count:
    /// what cannot be dropped yet is owed again, by [`Backlog::owe`].
    pub(crate) fn take_debt(&self) -> Option<Excess> {
        // Most processes owe nothing, and a load is cheaper than a swap.
        let owes = self.owes_drop.load(Ordering::Relaxed)
            // Acquire pairs with the release in `admit`.
            && self.owes_drop.swap(false, Ordering::Acquire);
        owes.then(|| self.excess())
    }

    /// Less was dropped than was owed.
    pub(crate) fn owe(&self) {
        self.owes_drop.store(true, Ordering::Relaxed);
    }
}
