//! The type tags of all userdata, in one list so that no two are the same.

/// `channel.new` and the channels of the runtime.
pub(crate) const CHANNEL: u32 = 0;
/// A case of `channel.select`.
pub(crate) const CASE: u32 = 1;
/// A received message.
pub(crate) const MESSAGE: u32 = 2;
/// A payload.
pub(crate) const PAYLOAD: u32 = 3;
/// An error object.
pub(crate) const ERROR: u32 = 4;
/// A point in time.
pub(crate) const TIME: u32 = 5;
/// A length of time.
pub(crate) const DURATION: u32 = 6;
/// A time zone.
pub(crate) const LOCATION: u32 = 7;
/// `time.timer`, and what `process.send_after` gives.
pub(crate) const TIMER: u32 = 8;
/// `time.ticker`.
pub(crate) const TICKER: u32 = 9;
/// A spawner builder.
pub(crate) const SPAWNER: u32 = 10;
/// `net.listen`.
pub(crate) const LISTENER: u32 = 11;
/// `net.connect`, `listener:accept`.
pub(crate) const CONN: u32 = 12;
/// `logger` with fields or a name.
pub(crate) const LOGGER: u32 = 13;
/// Not a userdata: the metatable of the result record of an event.
pub(crate) const RESULT: u32 = 14;
/// Not a userdata: the metatable of a message's array of payloads.
pub(crate) const PAYLOADS: u32 = 15;
/// Never a value of Lua code: what a host function keeps between two of its calls.
pub(crate) const SCRATCH: u32 = 16;
/// How many tags there are.
pub(crate) const N_TAGS: u32 = 17;
