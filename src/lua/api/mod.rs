//! What programs see of the runtime: one Lua module a file or folder.

pub(crate) mod args;
pub(crate) mod base;
mod call_stack;
pub(crate) mod channel;
pub(crate) mod coroutine;
pub(crate) mod errors;
pub(crate) mod event;
pub(crate) mod exit;
pub(crate) mod json;
pub(crate) mod logger;
pub(crate) mod message;
pub(crate) mod module;
pub(crate) mod names;
pub(crate) mod net;
pub(crate) mod payload;
pub(crate) mod process;
mod refused;
pub(crate) mod result;
#[cfg(any(test, fuzzing))]
pub(crate) mod testing;
pub(crate) mod time;

pub(crate) use base::{fetch, open};
