//! Civil time: durations, instants, time zones, and how people write them down.
//!
//! Everything here is a pure function of its arguments: the clock is read elsewhere and comes in as
//! a number. Values are small and `Copy` without a destructor, so that they can be stored in memory
//! a garbage collector frees without asking. No input makes this module panic.
//!
//! # Concepts
//! * *Instant*: a count of seconds and nanoseconds since 1970 in UTC; every `i64` second is legal.
//! * *Zone*: a rule that gives every instant an offset east of UTC and an abbreviation.
//! * *Time*: an instant seen from a zone.
//! * *Local seconds*: what a clock on the wall of a zone shows, counted as if that zone were UTC.
//! * *Layout*: the reference moment (Monday, January 2, 2006, 15:04:05 MST) written in the wanted
//!   way.
//!
//! # Layers
//! ```text
//!   os_date  os_time       what Lua's `os` needs
//!   format   parse         text of a time
//!   layout   instant
//!            zone ── zone_table
//!   duration calendar ── rules (jiff)
//! ```

mod calendar;
pub mod constants;
mod duration;
mod error;
mod format;
#[cfg(any(test, fuzzing))]
mod fuzz;
mod instant;
pub mod layout;
pub mod os_date;
pub mod os_time;
mod parse;
mod rules;
mod zone;
mod zone_table;

pub use calendar::{DateTime, Parts};
pub use duration::Duration;
pub(crate) use duration::Fault as DurationFault;
pub use error::Error;
#[cfg(any(test, fuzzing))]
pub use fuzz::check_layout;
pub use instant::Time;
pub use rules::Observance;
pub use zone::Zone;
