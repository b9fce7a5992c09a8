//! How values cross between VMs: copied into flat bytes on one side, built from them on the other.
//!
//! # Concepts
//! * **Encoding**: the values one after the other (`format.rs`), a table followed by its entries.
//! * **Place**: the offset of a table's tag. A second reference to a table, also from another value
//!   of the same encoding, is the place of the first one: so shared tables stay shared and cycles
//!   closed.
//! * **Remembered key**: a string that is the key of several tables is written once (`keys.rs`).
//! * **Three ways to write**: one scalar by itself (`scalar.rs`); plain data by a look into the
//!   memory of its tables (`direct.rs`); everything, with what it refuses, by the C interface
//!   (`encode.rs`). The bytes do not tell which it was.
//! * **Level**: the stack slots of one open table. Neither side recurses: open tables lie on the
//!   Lua stack, deep ones in a table (`levels.rs`), so that memory alone bounds the depth.
//!
//! # Invariants
//! * **T1** No Lua code runs while values are copied: all accesses are raw, no metamethod is looked
//!   at, and a copy is one step of its process, with safepoints (`../safepoint.rs`). So a table
//!   cannot change while it is being read.
//! * **T2** A run of the values of the keys 1, 2, 3 … has no nil in it, and neither has a list of
//!   pairs: nil ends both.
//! * **T3** The sizes in the headers of all tables together are not more than the bytes of the
//!   encoding, so that a decoder of any bytes stays within a multiple of their number.
//!
//! * **T4** Nothing that was seen is freed before the encoding is complete, so that an address
//!   stands for one table, or one string, all along. A copy makes nothing in the VM that it reads,
//!   with few exceptions, before which the collector is stopped.
//!
//! # Rejected
//! Tables in breadth-first order behind the values: a queue of all tables of a level, where the way
//! from the root to one table is enough.

use std::ffi::c_int;
use std::fmt;
use std::ops::Range;

#[cfg(any(test, fuzzing))]
mod check;
mod decode;
mod direct;
mod encode;
mod format;
mod keys;
mod levels;
mod output;
mod outside;
pub(crate) mod path;
mod plain;
mod scalar;
mod seen;
#[cfg(test)]
mod tests;

#[cfg(any(test, fuzzing))]
pub use check::check_bytes;
pub(crate) use format::Malformed;
pub use outside::{Table, Value};
pub(crate) use outside::{decode_value, encode_values};

use decode::Decoder;
use direct::Halt;
use encode::{Encoder, Strictness};

use super::api::errors::CARRIED_MAX;
use super::cx::Cx;
use super::raw::Stack;
use super::safepoint::{Safepoints, Stopped};
use crate::process::Encoded;

/// Stack slots that either side needs besides those of its levels.
const ROOM: c_int = 16;

/// A value that belongs to its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CannotCross {
    /// Its type, as Lua or its maker calls it.
    pub(crate) type_name: String,
    /// Where it was found, such as `argument 2.jobs[3]`.
    pub(crate) path: String,
}

impl fmt::Display for CannotCross {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot send a {} ({})", self.type_name, self.path)
    }
}

/// Why there is no copy of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotCopied {
    CannotCross(CannotCross),
    /// The step was stopped, which ends what the callers do, whatever they make of this (P2).
    Stopped,
}

impl From<Stopped> for NotCopied {
    fn from(Stopped: Stopped) -> NotCopied {
        NotCopied::Stopped
    }
}

impl fmt::Display for NotCopied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotCopied::CannotCross(what) => what.fmt(f),
            NotCopied::Stopped => f.write_str("stopped"),
        }
    }
}

/// Copies the values at `indices`, the arguments of one call: errors number them from 1.
///
/// # Errors
/// When one of them, or something in it, cannot cross.
pub(crate) fn encode(
    stack: &Stack,
    cx: &mut Cx,
    indices: Range<c_int>,
) -> Result<Encoded, NotCopied> {
    let first = indices.start;
    if indices.len() == 1
        && let Some(encoded) = scalar::encode(stack, first)
    {
        return Ok(encoded);
    }
    let safepoints = &mut Safepoints::new(stack, cx);
    encode_arguments(stack, indices, safepoints)
}

fn encode_arguments(
    stack: &Stack,
    indices: Range<c_int>,
    safepoints: &mut Safepoints<'_>,
) -> Result<Encoded, NotCopied> {
    let first = indices.start;
    let root = |index| format!("argument {}", index - first + 1);
    encode_all(stack, indices, Strictness::Refuse, root, safepoints).map(|(encoded, _)| encoded)
}

/// Copies the value at `index`, which errors call `root`.
///
/// # Errors
/// As [`encode`].
pub(crate) fn encode_one(
    stack: &Stack,
    cx: &mut Cx,
    index: c_int,
    root: &str,
) -> Result<Encoded, NotCopied> {
    if let Some(encoded) = scalar::encode(stack, index) {
        return Ok(encoded);
    }
    encode_at(stack, index, root, &mut Safepoints::new(stack, cx))
}

/// What is carried of a value that may be too large, or contain what cannot cross.
#[derive(Debug)]
pub(crate) struct Carried {
    /// `None` when it has more than [`CARRIED_MAX`] bytes.
    pub(crate) value: Option<Encoded>,
    /// The first that was left out.
    pub(crate) dropped: Option<CannotCross>,
}

/// Copies the value at `index` as far as it can be carried: what cannot cross becomes nil at its
/// place.
pub(crate) fn encode_rest(stack: &Stack, cx: &mut Cx, index: c_int, root: &str) -> Carried {
    encode_what_crosses(stack, index, root, Safepoints::new(stack, cx))
}

impl Carried {
    fn new(value: Encoded, dropped: Option<CannotCross>) -> Carried {
        let value = (value.size_bytes() <= CARRIED_MAX).then_some(value);
        Carried { value, dropped }
    }
}

fn encode_what_crosses(
    stack: &Stack,
    index: c_int,
    root: &str,
    safepoints: Safepoints<'_>,
) -> Carried {
    if let Some(value) = scalar::encode(stack, index) {
        return Carried::new(value, None);
    }
    let index = stack.abs(index);
    let root = |_| root.to_owned();
    let safepoints = &mut safepoints.at_most(CARRIED_MAX);
    match encode_all(stack, index..index + 1, Strictness::Drop, root, safepoints) {
        Ok((value, dropped)) => Carried::new(value, dropped),
        Err(NotCopied::CannotCross(refused)) => Carried::new(Encoded::default(), Some(refused)),
        Err(NotCopied::Stopped) => Carried { value: None, dropped: None },
    }
}

/// As [`encode_one`], for a value that is known to be small.
///
/// # Errors
/// As [`encode`].
pub(crate) fn encode_small(stack: &Stack, index: c_int, root: &str) -> Result<Encoded, NotCopied> {
    encode_at(stack, index, root, &mut Safepoints::none())
}

fn encode_at(
    stack: &Stack,
    index: c_int,
    root: &str,
    safepoints: &mut Safepoints<'_>,
) -> Result<Encoded, NotCopied> {
    let index = stack.abs(index);
    encode_all(stack, index..index + 1, Strictness::Refuse, |_| root.to_owned(), safepoints)
        .map(|(encoded, _)| encoded)
}

#[inline(never)]
fn encode_all(
    stack: &Stack,
    indices: Range<c_int>,
    strictness: Strictness,
    root: impl Fn(c_int) -> String,
    safepoints: &mut Safepoints<'_>,
) -> Result<(Encoded, Option<CannotCross>), NotCopied> {
    if !stack.reserve(ROOM) {
        let type_name = "value from a full stack".to_owned();
        let path = root(indices.start);
        return Err(NotCopied::CannotCross(CannotCross { type_name, path }));
    }
    let n_values = indices.len() as u32;
    match direct::encode(stack, indices.clone(), safepoints) {
        Ok(data) => return Ok((Encoded { data, n_values }, None)),
        Err(Halt::Stopped) => return Err(NotCopied::Stopped),
        Err(Halt::Unknown) => {}
    }
    let mut encoder = Encoder::new(stack, strictness, safepoints);
    let mut outcome = Ok(());
    for index in indices {
        outcome = encoder.root(index, || root(index));
        if outcome.is_err() {
            break;
        }
    }
    let (data, dropped) = encoder.finish();
    outcome.map(|()| (Encoded { data, n_values }, dropped))
}

/// Pushes all values.
///
/// # Errors
/// When the bytes are not those of an encoding, or the stack has no room; nothing is pushed then.
/// Also when the process is killed.
pub(crate) fn decode(stack: &Stack, cx: &mut Cx, encoded: &Encoded) -> Result<(), Malformed> {
    decode_values(stack, encoded, &mut Safepoints::new(stack, cx))
}

fn decode_values(
    stack: &Stack,
    encoded: &Encoded,
    safepoints: &mut Safepoints<'_>,
) -> Result<(), Malformed> {
    let n_values = c_int::try_from(encoded.n_values).map_err(|_| Malformed)?;
    let room = n_values.checked_add(ROOM).ok_or(Malformed)?;
    if encoded.n_values as usize > encoded.data.len() || !stack.reserve(room) {
        return Err(Malformed);
    }
    if scalar::decode(stack, encoded) {
        return Ok(());
    }
    decode_each(stack, encoded, room, |_| {}, safepoints)
}

/// Pushes an array of all values: what a plain listener gets of several payload arguments.
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_array(stack: &Stack, cx: &mut Cx, encoded: &Encoded) -> Result<(), Malformed> {
    decode_into_array(stack, encoded, &mut Safepoints::new(stack, cx))
}

fn decode_into_array(
    stack: &Stack,
    encoded: &Encoded,
    safepoints: &mut Safepoints<'_>,
) -> Result<(), Malformed> {
    if encoded.n_values as usize > encoded.data.len() || !stack.reserve(ROOM) {
        return Err(Malformed);
    }
    stack.new_table(encoded.n_values as usize, 0);
    let array = stack.top();
    let take = |n| stack.raw_set_int(array, n);
    let outcome = decode_each(stack, encoded, ROOM, take, safepoints);
    if outcome.is_err() {
        stack.set_top(array - 1);
    }
    outcome
}

/// Pushes the first value; nil when there is none. The caller has room for it.
pub(crate) fn decode_one(stack: &Stack, cx: &mut Cx, encoded: &Encoded) {
    if !scalar::decode(stack, encoded) {
        decode_first(stack, encoded, &mut Safepoints::new(stack, cx));
    }
}

/// As [`decode_one`], for what the end of a process carries: that is never large.
pub(crate) fn decode_carried(stack: &Stack, encoded: &Encoded) {
    decode_first(stack, encoded, &mut Safepoints::none());
}

fn decode_first(stack: &Stack, encoded: &Encoded, safepoints: &mut Safepoints<'_>) {
    let top = stack.top();
    if encoded.n_values == 0 || decode_values(stack, encoded, safepoints).is_err() {
        stack.push_nil();
    }
    stack.set_top(top + 1);
}

/// Pushes one value after the other and calls `take` with its number (from 1), which may pop it.
/// `room`: stack slots that this needs.
fn decode_each(
    stack: &Stack,
    encoded: &Encoded,
    room: c_int,
    take: impl Fn(i64),
    safepoints: &mut Safepoints<'_>,
) -> Result<(), Malformed> {
    let below = stack.top();
    let outcome = decode_above(stack, encoded, room, take, safepoints);
    match outcome {
        Ok(first) => {
            // The slots of the decoder lie below the values.
            let n_left = stack.top() - first + 1;
            (0..n_left).for_each(|n| stack.copy(first + n, below + 1 + n));
            stack.set_top(below + n_left);
            Ok(())
        }
        Err(Malformed) => {
            stack.set_top(below);
            Err(Malformed)
        }
    }
}

/// As [`decode_each`]. Gives the index of the first value, and leaves slots of its own below that,
/// or any number after a failure.
fn decode_above(
    stack: &Stack,
    encoded: &Encoded,
    room: c_int,
    take: impl Fn(i64),
    safepoints: &mut Safepoints<'_>,
) -> Result<c_int, Malformed> {
    let mut decoder = Decoder::new(stack, &encoded.data, room, safepoints)?;
    let first = stack.top() + 1;
    for n in 1..=i64::from(encoded.n_values) {
        decoder.value()?;
        take(n);
    }
    if decoder.is_at_end() { Ok(first) } else { Err(Malformed) }
}
