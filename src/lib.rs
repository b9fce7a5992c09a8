//! Moonlet: a runtime for Lua green processes.

pub mod app;
pub mod cli;
pub mod sync;
