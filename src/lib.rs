//! Moonlet: a runtime for Lua green processes.

pub mod app;
pub mod channel;
pub mod civil;
pub mod cli;
pub mod lua;
pub mod mailbox;
pub mod process;
pub mod reactor;
pub mod scheduler;
pub mod sync;
pub mod wheel;
