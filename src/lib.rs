//! Moonlet: a runtime for Lua green processes.

pub mod sync;
pub mod wheel;
