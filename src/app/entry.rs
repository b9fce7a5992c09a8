//! Typed entries: what the rest of the runtime sees of an application after loading. Everything
//! here is checked and resolved: references are full ids, durations are nanoseconds, sizes bytes.

use std::sync::Arc;

use super::id::EntryId;

/// One entry of an application.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its full id.
    pub id: EntryId,
    /// What it is, with the fields of that kind.
    pub kind: Kind,
}

/// The kinds of entries.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `process.host`: a pool of workers that runs processes.
    Host(HostEntry),
    /// `process.lua`: code that processes run.
    Process(ProcessEntry),
    /// `library.lua`: code for other entries.
    Library(LibraryEntry),
    /// `process.service`: a supervised process that the runtime starts.
    Service(ServiceEntry),
}

impl Kind {
    /// The name of the kind in entry files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Host(_) => "process.host",
            Self::Process(_) => "process.lua",
            Self::Library(_) => "library.lua",
            Self::Service(_) => "process.service",
        }
    }

    /// The Lua source of a process or library.
    #[must_use]
    pub fn source(&self) -> Option<&Source> {
        match self {
            Self::Process(process) => Some(&process.source),
            Self::Library(library) => Some(&library.source),
            Self::Host(_) | Self::Service(_) => None,
        }
    }

    /// The imports of a process or library: alias and id, in the order of aliases.
    #[must_use]
    pub fn imports(&self) -> &[(String, EntryId)] {
        match self {
            Self::Process(process) => &process.imports,
            Self::Library(library) => &library.imports,
            Self::Host(_) | Self::Service(_) => &[],
        }
    }

    /// How the runtime starts and supervises it; `None` for a library, which is never started.
    #[must_use]
    pub fn lifecycle(&self) -> Option<&Lifecycle> {
        match self {
            Self::Host(host) => Some(&host.lifecycle),
            Self::Process(process) => Some(&process.lifecycle),
            Self::Service(service) => Some(&service.lifecycle),
            Self::Library(_) => None,
        }
    }
}

/// The fields of a `process.host`.
#[derive(Debug, Clone, PartialEq)]
pub struct HostEntry {
    /// OS threads that run the processes; `None`: one for each CPU.
    pub workers: Option<usize>,
    /// First capacity of the shared run queue. Read and checked, but without effect: run queues
    /// begin small and double.
    pub queue_size: usize,
    /// First capacity of the run queue of each worker. Without effect as well.
    pub local_queue_size: usize,
    /// How long a process runs before others get their turn, in nanoseconds.
    pub slice_ns: u64,
    /// Live processes at one time.
    pub max_processes: usize,
    /// Memory limit of each process, in bytes, unless its entry or spawner says otherwise.
    pub memory_limit: Option<u64>,
    /// What all its processes together may hold, in bytes: above it the largest ends.
    pub total_memory_limit: Option<u64>,
    /// Mailbox limit of each process, unless its entry or spawner says otherwise.
    pub mailbox: Option<MailboxLimit>,
    /// When it starts. Hosts never restart: `restart` and `stable_threshold_ns` have no meaning.
    pub lifecycle: Lifecycle,
}

impl Default for HostEntry {
    fn default() -> Self {
        Self {
            workers: None,
            queue_size: 1024,
            local_queue_size: 256,
            slice_ns: 1_000_000,
            max_processes: 1 << 20,
            memory_limit: None,
            total_memory_limit: None,
            mailbox: None,
            lifecycle: Lifecycle::default(),
        }
    }
}

/// The fields of a `process.lua`.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessEntry {
    /// The Lua code.
    pub source: Source,
    /// The function to call in the table that the script returns.
    pub method: String,
    /// Modules that `require` finds besides those that are always present.
    pub modules: Vec<Module>,
    /// Libraries that `require` finds: alias and id, in the order of aliases.
    pub imports: Vec<(String, EntryId)>,
    /// Memory limit in bytes; `None`: that of the host.
    pub memory_limit: Option<u64>,
    /// Mailbox limit; `None`: that of the host.
    pub mailbox: Option<MailboxLimit>,
    /// Where the runtime starts it; `None`: on the default host.
    pub host: Option<EntryId>,
    /// With `auto_start` it behaves like a service of its own id without arguments.
    pub lifecycle: Lifecycle,
}

/// The fields of a `library.lua`.
#[derive(Debug, Clone, PartialEq)]
pub struct LibraryEntry {
    /// The Lua code.
    pub source: Source,
    /// Modules that `require` finds inside the library.
    pub modules: Vec<Module>,
    /// Libraries that `require` finds inside the library, in the order of aliases.
    pub imports: Vec<(String, EntryId)>,
}

/// The fields of a `process.service`.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceEntry {
    /// The `process.lua` that it runs.
    pub process: EntryId,
    /// Where it runs; `None`: `host` of that entry, else the default host.
    pub host: Option<EntryId>,
    /// Arguments of the process.
    pub input: Vec<Value>,
    /// How it is started and supervised.
    pub lifecycle: Lifecycle,
}

/// Lua source text, ready for the compiler.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The file that holds the text, relative to the application root: a Lua file, or the entry
    /// file of an inline source.
    pub file: String,
    /// The line of `file` on which the text starts: 1 for a Lua file.
    pub first_line: u32,
    /// The text, without byte order mark. A first line that starts with `#` is emptied, so that
    /// lines keep their numbers. Need not be UTF-8, as Lua strings are bytes.
    pub text: Arc<[u8]>,
}

/// A limit of undelivered messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailboxLimit {
    /// Undelivered messages of all topics; `None`: no limit, `on_full` is for the memory limit.
    pub max_messages: Option<u64>,
    /// What happens to a message beyond the limit.
    pub on_full: OnFull,
}

/// What happens to a message to a full mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFull {
    /// The sender gets an error.
    #[default]
    Reject,
    /// The message is dropped.
    DropNew,
    /// The oldest undelivered message is dropped.
    DropOld,
    /// The receiver is killed.
    Kill,
}

impl OnFull {
    pub(crate) const NAMES: [(&'static str, Self); 4] = [
        ("reject", Self::Reject),
        ("drop_new", Self::DropNew),
        ("drop_old", Self::DropOld),
        ("kill", Self::Kill),
    ];
}

/// How the runtime starts, supervises and stops an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Lifecycle {
    /// Start at boot.
    pub auto_start: bool,
    /// What a start error means.
    pub startup: Startup,
    /// Hosts and services that must run first.
    pub requires: Vec<EntryId>,
    /// Longest time for the spawn itself, in nanoseconds.
    pub start_timeout_ns: u64,
    /// From CANCEL to kill at shutdown, in nanoseconds.
    pub stop_timeout_ns: u64,
    /// A run at least this long, in nanoseconds, ends a row of restarts.
    pub stable_threshold_ns: u64,
    /// When and how often it is restarted.
    pub restart: Restart,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            auto_start: false,
            startup: Startup::Required,
            requires: Vec::new(),
            start_timeout_ns: 10 * SECOND_NS,
            stop_timeout_ns: 10 * SECOND_NS,
            stable_threshold_ns: 5 * SECOND_NS,
            restart: Restart::default(),
        }
    }
}

/// What a start error means for the boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Startup {
    /// It ends the boot.
    #[default]
    Required,
    /// It is logged, and tried again if that can help.
    Optional,
}

impl Startup {
    pub(crate) const NAMES: [(&'static str, Self); 2] =
        [("required", Self::Required), ("optional", Self::Optional)];
}

/// The restart policy of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Restart {
    /// Delay before the first restart in a row, in nanoseconds.
    pub initial_delay_ns: u64,
    /// Longest delay, in nanoseconds.
    pub max_delay_ns: u64,
    /// Each delay is this many times the one before; at least 1.
    pub backoff_factor: f64,
    /// Random part of each delay, as a fraction from 0 to 1.
    pub jitter: f64,
    /// Restarts in a row; 0: no limit.
    pub max_attempts: u32,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            initial_delay_ns: SECOND_NS,
            max_delay_ns: 90 * SECOND_NS,
            backoff_factor: 2.0,
            jitter: 0.1,
            max_attempts: 0,
        }
    }
}

/// A module that exists only where an entry lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Module {
    /// `json`: text to values and back.
    Json,
    /// `logger`: structured log lines.
    Logger,
    /// `net`: sockets; reaches outside the process.
    Net,
}

impl Module {
    /// All modules of this version.
    pub const ALL: [Self; 3] = [Self::Json, Self::Logger, Self::Net];

    /// The modules that reach nothing outside the process.
    pub const SAFE: [Self; 2] = [Self::Json, Self::Logger];

    /// The name under which `require` finds it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Logger => "logger",
            Self::Net => "net",
        }
    }

    /// The module of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|module| module.name() == name)
    }
}

/// The tables that every process has: listing them under `modules` is legal and has no effect.
pub const BUILTIN_TABLES: [&str; 12] = [
    "string",
    "table",
    "math",
    "utf8",
    "coroutine",
    "os",
    "debug",
    "errors",
    "channel",
    "process",
    "payload",
    "time",
];

/// The other globals that every process has.
pub const BUILTIN_GLOBALS: [&str; 25] = [
    "_G",
    "_VERSION",
    "assert",
    "collectgarbage",
    "error",
    "getmetatable",
    "ipairs",
    "load",
    "next",
    "pairs",
    "pcall",
    "print",
    "rawequal",
    "rawget",
    "rawlen",
    "rawset",
    "require",
    "select",
    "setmetatable",
    "tonumber",
    "tostring",
    "type",
    "unpack",
    "warn",
    "xpcall",
];

/// A plain value of an entry file, as `input` of a service hands it to Lua.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Str(String),
    /// A list.
    List(Vec<Value>),
    /// A mapping, in the order of the file.
    Map(Vec<(String, Value)>),
}

const SECOND_NS: u64 = 1_000_000_000;
