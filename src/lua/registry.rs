//! Where in the Lua registry the runtime keeps what must stay reachable: fixed integer slots,
//! behind Lua's own and those of the type tables (`raw::object`).

/// Values that wait in channels and sends: slot number → value.
pub(crate) const VALUES: i64 = 32;
/// Listen channels: topic → channel.
pub(crate) const LISTEN: i64 = 33;
/// The channel of `process.inbox()`.
pub(crate) const INBOX: i64 = 34;
/// The channel of `process.events()`.
pub(crate) const EVENTS: i64 = 35;
/// Spawned coroutines: fiber number → thread.
pub(crate) const FIBERS: i64 = 36;
/// Results of libraries and module tables: unit index or module name → value.
pub(crate) const LOADED: i64 = 37;
/// The text of the process's own PID.
pub(crate) const PID: i64 = 38;
/// In copies of templates: unit index → function that was loaded but has not run.
pub(crate) const UNITS: i64 = 39;
