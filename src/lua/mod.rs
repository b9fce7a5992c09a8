//! Lua programs as process bodies: the VM of each process, its coroutines, the libraries it sees.

pub(crate) mod api;
pub(crate) mod arena;
pub(crate) mod cx;
pub(crate) mod objects;
pub(crate) mod preempt;
pub(crate) mod raw;
pub(crate) mod transfer;

#[cfg(fuzzing)]
pub use transfer::check_bytes;
