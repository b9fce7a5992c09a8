//! Lua programs as process bodies: the VM of each process, its coroutines, the libraries it sees.

pub(crate) mod api;
pub(crate) mod arena;
mod body;
mod boot;
mod charge;
mod code;
pub(crate) mod cx;
mod fiber;
mod garbage;
mod guard;
mod image;
mod images;
mod inbox;
mod matcher;
mod net;
pub(crate) mod objects;
mod operations;
mod pages;
mod pattern;
mod preempt;
mod program;
mod raw;
mod registry;
mod rest;
mod safepoint;
#[cfg(test)]
mod scarcity;
mod secret;
mod stdlib;
mod template;
#[cfg(any(test, fuzzing))]
mod testing;
mod text;
mod timers;
mod transfer;
mod utf8;
mod value;
mod vm;
mod walk;

pub use body::LuaBody;
pub use code::CompileError;
pub use cx::Environment;
pub use pages::set_allocator_trim;
pub use preempt::arm;
pub(crate) use program::NoProgram;
pub use program::{Catalog, Entry, HostEntry, LazyProgram, Module, Program, UnitSource};
#[cfg(any(test, fuzzing))]
pub use stdlib::check_patterns;
#[cfg(any(test, fuzzing))]
pub use testing::check_kill;
#[cfg(any(test, fuzzing))]
pub use transfer::check_bytes;
pub use transfer::{Table, Value};
pub(crate) use transfer::{decode_value, encode_values};

use crate::process::Host;
use crate::stash;
use cx::Launch;

/// Gives up what the calling thread, which has nothing to do, keeps for the next processes. Whether
/// there may be more to do.
pub(crate) fn tidy() -> bool {
    stash::clear::<Launch>();
    stash::clear::<Host>();
    pages::tidy()
}
