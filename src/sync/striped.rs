//! One value for each thread, on a cache line of its own, so that threads which write often do not
//! write to the same lines. Threads beyond [`N_STRIPES`] share: a stripe is no thread's alone.

use std::cell::Cell;
use std::fmt;

use crossbeam_utils::CachePadded;

/// A model has few threads.
const N_STRIPES: usize = if cfg!(loom) { 2 } else { 16 };

/// See the module.
pub(crate) struct Striped<T> {
    stripes: Box<[CachePadded<T>]>,
}

impl<T> fmt::Debug for Striped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Striped").finish_non_exhaustive()
    }
}

impl<T: Default> Default for Striped<T> {
    fn default() -> Self {
        Self { stripes: (0..N_STRIPES).map(|_| CachePadded::default()).collect() }
    }
}

impl<T> Striped<T> {
    /// The value of the calling thread.
    #[inline]
    pub(crate) fn own(&self) -> &T {
        &self.stripes[thread_number() % N_STRIPES]
    }

    /// The values of all threads.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.stripes.iter().map(|stripe| &**stripe)
    }
}

#[cfg(not(loom))]
#[inline]
fn thread_number() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    // While the thread ends, any stripe will do.
    NUMBER
        .try_with(|number| {
            if number.get() == usize::MAX {
                number.set(NEXT.fetch_add(1, Ordering::Relaxed));
            }
            number.get()
        })
        .unwrap_or(0)
}

#[cfg(loom)]
loom::thread_local! {
    static NUMBER: Cell<usize> = Cell::new(0);
}

#[cfg(loom)]
fn thread_number() -> usize {
    NUMBER.with(Cell::get)
}

/// Which stripe the calling thread of a model has; the first unless it says so.
#[cfg(all(test, loom))]
pub(crate) fn set_thread_number(number: usize) {
    NUMBER.with(|own| own.set(number));
}
