//! Moonlet: a runtime for Lua green processes.

pub mod reactor;
pub mod scheduler;
pub mod sync;
pub mod wheel;
