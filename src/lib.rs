//! Moonlet: a runtime for Lua green processes.

pub mod channel;
pub mod sync;
