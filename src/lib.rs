//! Moonlet: a runtime for Lua green processes.

pub mod civil;
pub mod sync;
