//! Applications: folders of YAML entry files and Lua sources, loaded and checked as a whole.
//!
//! ```text
//! files ──yaml──▶ trees ──overrides──▶ trees ──decode, kinds──▶ entries ──validate──▶ App
//!                   every step adds what is wrong to the Faults ──────────────────▶ Report
//! ```
//!
//! Whatever is wrong with an application is reported at once, each problem with its place. So no
//! step stops at a fault, and YAML is read into a tree with places first: a deserialiser gives up
//! at the first wrong field.
//!
//! ```text
//! App ──compile──▶ Engine ──supervisor: boot, supervise, shut down──▶ Ended
//!                    ▲                     ▲
//!     Running: spawn, send, wait     Stopper: signals
//! ```
//!
//! A started application is an `Engine`: hosts, programs, processes. One thread, the supervisor,
//! starts its services, restarts them, and ends it all. Other threads have a [`Running`].

mod application;
mod backoff;
mod board;
mod compile;
mod decode;
mod diagnostic;
mod ending;
mod engine;
mod entry;
mod failures;
mod fault;
mod fields;
mod graph;
mod hosts;
mod id;
mod kinds;
mod load;
mod nearest;
mod overrides;
mod read;
mod running;
mod service;
mod settings;
mod shutdown;
mod single;
mod source;
mod supervisor;
mod validate;
mod values;
mod yaml;

pub use application::App;
pub use board::Ended;
pub use compile::check_source;
pub use diagnostic::{Colour, Diagnostic, Excerpt, Report};
pub use entry::{
    BUILTIN_GLOBALS, BUILTIN_TABLES, Entry, HostEntry, Kind, LibraryEntry, Lifecycle, MailboxLimit,
    Module, OnFull, ProcessEntry, Restart, ServiceEntry, Source, Startup, Value,
};
pub use failures::Leftover;
pub(crate) use fault::quoted;
pub use graph::Start;
pub use hosts::HostStats;
pub use id::EntryId;
pub(crate) use kinds::WORKERS_MAX;
pub use load::{Compile, LoadError, LoadOptions, load};
#[cfg(any(test, fuzzing))]
pub use load::{check_yaml, load_text};
pub use overrides::Override;
pub use running::{Builder, Error, Process, Running, Stopper};
pub use settings::{LogLevel, Settings};
pub use source::{CompileError, SOURCE_BYTES_MAX};
#[cfg(any(test, fuzzing))]
#[cfg(not(loom))]
pub use values::check_values;

/// The host that exists without being declared, where one is needed.
pub const DEFAULT_HOST: &str = "app:processes";
