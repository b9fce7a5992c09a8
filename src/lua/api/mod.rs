//! The Lua modules of Moonlet, one file a module, and the values that they hand out.

mod call_stack;
pub(crate) mod errors;
pub(crate) mod event;
pub(crate) mod json;
pub(crate) mod message;
pub(crate) mod module;
pub(crate) mod payload;
pub(crate) mod result;
#[cfg(any(test, fuzzing))]
pub(crate) mod testing;
