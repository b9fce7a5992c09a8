//! Ids that live as long as the OS process, each kept once: PIDs and processes carry them without a
//! count of references, which the workers of a pool would all write to.

use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashSet;

/// The id as a text that lives for ever, once for all runtimes of this OS process. For ids that an
/// application declares: there are few of them.
pub fn interned(id: &str) -> &'static str {
    static IDS: Mutex<Option<FxHashSet<&'static str>>> = Mutex::new(None);
    let mut ids = IDS.lock().unwrap_or_else(PoisonError::into_inner);
    let ids = ids.get_or_insert_default();
    ids.get(id).copied().unwrap_or_else(|| {
        let id: &'static str = Box::leak(id.into());
        ids.insert(id);
        id
    })
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_once() {
        let text = String::from("app:interned");
        let first = interned(&text);
        assert!(std::ptr::eq(first, interned("app:interned")));
        assert_eq!(first, text);
    }
}
