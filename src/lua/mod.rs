//! Lua programs as process bodies: the VM of each process, its coroutines, the libraries it sees.

pub(crate) mod arena;
mod code;
pub(crate) mod cx;
pub(crate) mod objects;
pub(crate) mod preempt;
pub(crate) mod raw;
pub(crate) mod stdlib;
#[cfg(test)]
mod testing;
