//! References that all threads count, but seldom: each thread keeps some that it has counted in
//! advance, hands them out, and takes others back.
//!
//! The count of an [`Arc`] is a word that all who clone and drop write to. When that happens with
//! every process on every worker, the line of the count goes back and forth between them, and takes
//! along what lies beside it. A [`Stash`] counts [`BATCH`] references at a time.
//!
//! # Invariants
//! * **B1** What is stashed are ordinary references: the value lives while there is one, in a stash
//!   or elsewhere. So a thread that has nothing to do clears its stash.
//! * **B2** All references in a stash are to one value. A last reference is dropped only while the
//!   stash is whole: what it owned may come back here.

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::thread::LocalKey;

/// How many references are counted at a time.
const BATCH: usize = 64;

/// What a thread has in advance: references to one value. Another takes its place when so many
/// references in a row were to others.
pub(crate) struct Stash<T> {
    held: Cell<Vec<Arc<T>>>,
    n_missed: Cell<usize>,
}

impl<T> Stash<T> {
    pub(crate) const fn new() -> Self {
        Self { held: Cell::new(Vec::new()), n_missed: Cell::new(0) }
    }

    /// One more reference.
    fn take(&self, of: &Arc<T>) -> Arc<T> {
        let mut held = self.held.take();
        if is_of(&held, of) {
            self.n_missed.set(0);
            let taken = held.pop();
            if held.is_empty() {
                held.extend((0..BATCH).map(|_| Arc::clone(of)));
            }
            self.held.set(held);
            return taken.unwrap_or_else(|| Arc::clone(of));
        }
        self.held.set(held);
        if self.is_out_of_favour() {
            drop(self.held.replace(vec![Arc::clone(of)]));
        }
        Arc::clone(of)
    }

    /// Takes a reference back.
    fn put(&self, reference: Arc<T>) {
        let mut held = self.held.take();
        if !is_of(&held, &reference) {
            self.held.set(held);
            if self.is_out_of_favour() {
                drop(self.held.replace(vec![reference]));
            }
            return;
        }
        self.n_missed.set(0);
        held.push(reference);
        // None of them is the last.
        held.truncate(if held.len() > 2 * BATCH { BATCH } else { held.len() });
        self.held.set(held);
    }

    /// Notes that something else was wanted than what is kept.
    fn is_out_of_favour(&self) -> bool {
        let n_missed = self.n_missed.get() + 1;
        self.n_missed.set(n_missed % BATCH);
        n_missed == BATCH
    }

    /// Gives up what is kept.
    fn clear(&self) {
        drop(self.held.take());
    }
}

fn is_of<T>(held: &[Arc<T>], of: &Arc<T>) -> bool {
    held.last().is_some_and(|last| Arc::ptr_eq(last, of))
}

/// A value whose references each thread stashes. Use [`stashed!`] to make a type one.
pub(crate) trait Stashed: Sized + 'static {
    /// The stash of the calling thread.
    fn stash() -> &'static LocalKey<Stash<Self>>;
}

/// Gives up what the calling thread keeps of such references.
pub(crate) fn clear<T: Stashed>() {
    T::stash().with(Stash::clear);
}

/// Gives a type a stash on each thread.
macro_rules! stashed {
    ($type:ty) => {
        impl $crate::stash::Stashed for $type {
            fn stash() -> &'static std::thread::LocalKey<$crate::stash::Stash<$type>> {
                thread_local! {
                    static STASH: $crate::stash::Stash<$type> =
                        const { $crate::stash::Stash::new() };
                }
                &STASH
            }
        }
    };
}
pub(crate) use stashed;

/// A reference that comes out of the stash of the thread that clones it, and goes into that of the
/// thread that drops it.
pub(crate) struct Shared<T: Stashed>(Option<Arc<T>>);

impl<T: Stashed> Shared<T> {
    pub(crate) fn new(of: &Arc<T>) -> Self {
        // While the thread ends there is no stash.
        let taken = T::stash().try_with(|stash| stash.take(of));
        Self(Some(taken.unwrap_or_else(|_| Arc::clone(of))))
    }
}

impl<T: Stashed> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self::new(self)
    }
}

impl<T: Stashed> Deref for Shared<T> {
    type Target = Arc<T>;

    #[inline]
    fn deref(&self) -> &Arc<T> {
        self.0.as_ref().expect("taken when it is dropped")
    }
}

impl<T: Stashed> Drop for Shared<T> {
    fn drop(&mut self) {
        let Some(reference) = self.0.take() else { return };
        // While the thread ends there is no stash: the reference is dropped with the closure.
        let _ = T::stash().try_with(move |stash| stash.put(reference));
    }
}

impl<T: Stashed + fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    struct Value;

    stashed!(Value);

    #[test]
    fn references_are_counted_ahead_for_what_is_often_wanted() {
        let value = Arc::new(Value);
        let shared: Vec<_> = (0..BATCH).map(|_| Shared::new(&value)).collect();
        assert_eq!(Arc::strong_count(&value), 1 + BATCH + 1, "now one is kept");
        let further: Vec<_> = (0..10).map(|_| Shared::new(&value)).collect();
        let count = Arc::strong_count(&value);
        let more: Vec<_> = (0..10).map(|_| Shared::new(&value)).collect();
        assert_eq!(Arc::strong_count(&value), count, "they were counted before");
        drop((shared, further, more));
        assert!(Arc::strong_count(&value) <= 1 + 2 * BATCH);
        clear::<Value>();
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn references_to_something_else_are_not_kept() {
        let (often, once) = (Arc::new(Value), Arc::new(Value));
        for _ in 0..2 * BATCH {
            drop(Shared::new(&often));
        }
        drop(Shared::new(&once));
        assert_eq!(Arc::strong_count(&once), 1);
        assert!(Arc::strong_count(&often) > 1);
        for _ in 0..2 * BATCH {
            drop(Shared::new(&once));
        }
        assert_eq!(Arc::strong_count(&often), 1, "out of favour");
    }

    #[test]
    fn a_reference_may_be_dropped_on_another_thread_and_while_one_ends() {
        let value = Arc::new(Value);
        std::thread::scope(|scope| {
            let ending = [(); 3].map(|()| {
                let sent: Vec<_> = (0..1_000).map(|_| Shared::new(&value)).collect();
                scope.spawn(move || {
                    let own = sent.to_vec();
                    drop((sent, own));
                })
            });
            // The scope alone would not wait until their stashes are gone.
            ending.into_iter().for_each(|thread| thread.join().expect("nothing panics"));
        });
        clear::<Value>();
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
