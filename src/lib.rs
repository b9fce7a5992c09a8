//! Moonlet: a runtime for Lua green processes.

pub mod civil;
pub mod lua;
pub mod mailbox;
pub mod process;
pub mod reactor;
pub mod scheduler;
pub mod sync;
pub mod wheel;
