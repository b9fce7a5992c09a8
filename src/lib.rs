//! Moonlet: a runtime for Lua green processes.

pub mod reactor;
pub mod sync;
pub mod wheel;
