//! The synchronization primitives that lock-free code is written against: those of `std` and
//! `crossbeam` normally, those of loom in a build with `--cfg loom`, so that one source is both
//! shipped and model-checked.

pub(crate) mod striped;

#[cfg(any(loom, miri))]
pub(crate) mod deque;
#[cfg(not(any(loom, miri)))]
pub(crate) use crossbeam_deque as deque;

#[cfg(not(loom))]
pub(crate) mod cell;
#[cfg(loom)]
pub(crate) use loom::cell;

#[cfg(not(loom))]
pub use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Atomic integers, pointers and fences.
#[cfg(not(loom))]
pub mod atomic {
    pub use std::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

#[cfg(loom)]
pub use loom::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Atomic integers, pointers and fences.
#[cfg(loom)]
pub mod atomic {
    pub use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}
