//! What a process holds, published by whoever runs it for whoever adds up the processes of a host.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// See the module. Nothing is ordered by it: who adds up gets numbers of slightly different
/// moments.
#[derive(Debug, Default)]
pub(crate) struct Account {
    bytes: AtomicUsize,
    is_told_to_end: AtomicBool,
}

impl Account {
    pub(super) fn of(bytes: usize) -> Arc<Account> {
        let account = Account::default();
        account.set(bytes);
        Arc::new(account)
    }

    /// Owner only: so many bytes are held.
    #[inline]
    pub(crate) fn set(&self, bytes: usize) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// How many bytes are held.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the process is to end so that memory comes back.
    pub(super) fn is_told_to_end(&self) -> bool {
        self.is_told_to_end.load(Ordering::Relaxed)
    }

    /// From now on what it holds is about to come back.
    pub(super) fn tell_to_end(&self) {
        self.is_told_to_end.store(true, Ordering::Relaxed);
    }
}
