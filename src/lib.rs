//! Moonlet: a runtime for Lua green processes.
//!
//! Each process has a Lua VM of its own, shares nothing, and costs a few kilobytes; a few threads
//! run any number of them. What is here is for Rust programs that start such processes themselves;
//! the `moonlet` command uses nothing else.
//!
//! ```
//! use moonlet::{Builder, Value};
//!
//! let running = Builder::from_source("local name = ...; return 'hello, ' .. name")?.start()?;
//! let process = running.spawn("app:main", &[Value::from("moon")])?;
//! assert_eq!(process.wait()?, Value::from("hello, moon"));
//! running.shut_down();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layers
//! ```text
//! cli         the moonlet command
//!  └ app      entries: load, check, boot, supervise, shut down
//!     └ lua   one VM a process, and the modules that programs see
//!        └ process     PIDs, signals, links, names, hosts
//!           └ scheduler   workers, run queues, parking, preemption
//!              └ parts, none of which knows another:
//!                 │  mailbox, channel, wheel, reactor, civil, small_map, stash, writer
//!                 └ sync   atomics and locks: those of std, or loom's under test
//! ```
//! Arrows point down only.

pub mod cli;

pub mod app;

pub mod lua;

pub mod process;

pub mod scheduler;

pub mod channel;
pub mod civil;
pub mod mailbox;
pub mod reactor;
mod small_map;
mod stash;
pub mod wheel;
pub mod writer;

pub mod sync;

#[cfg(any(test, fuzzing))]
#[cfg(not(loom))]
pub mod fuzzing;

pub use app::{
    App, Builder, Ended, EntryId, Error, HostStats, Leftover, Process, Running, Stopper,
};
pub use lua::{Table, Value, set_allocator_trim};
pub use process::{Failure, Pid};
