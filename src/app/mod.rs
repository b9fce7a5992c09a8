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

mod application;
mod decode;
mod diagnostic;
mod entry;
mod fault;
mod fields;
mod graph;
mod id;
mod kinds;
mod load;
mod nearest;
mod overrides;
mod read;
mod settings;
mod single;
mod source;
mod validate;
mod values;
mod yaml;

pub use application::App;
pub use diagnostic::{Colour, Diagnostic, Excerpt, Report};
pub use entry::{
    BUILTIN_GLOBALS, BUILTIN_TABLES, Entry, HostEntry, Kind, LibraryEntry, Lifecycle, MailboxLimit,
    Module, OnFull, ProcessEntry, Restart, ServiceEntry, Source, Startup, Value,
};
pub use graph::Start;
pub use id::EntryId;
pub(crate) use kinds::WORKERS_MAX;
pub use load::{Compile, LoadError, LoadOptions, check_yaml, load};
pub use overrides::Override;
pub use settings::{LogLevel, Settings};
pub use source::{CompileError, SOURCE_BYTES_MAX};
pub use values::{DurationError, parse_duration};

/// The host that exists without being declared, where one is needed.
pub const DEFAULT_HOST: &str = "app:processes";
