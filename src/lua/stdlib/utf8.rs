//! `utf8.len` and `utf8.offset` of long strings; short ones are stock Lua's.
//!
//! Both walk from character to character. The pieces of `len` go to the stock function, and end in
//! front of a byte that begins a character, or behind so many that cannot be one that the piece is
//! invalid. `offset` looks only for bytes that begin characters, as the stock function does.

mod count;
mod walk;

use std::ffi::c_int;

pub(super) use count::LEN;
pub(super) use walk::OFFSET;

const SUBJECT: c_int = 1;

/// Longer than any character.
const CHARACTER_MAX: usize = 8;

/// The place that an argument names, from 1 on; negative ones count from the end.
fn position(argument: i64, len: usize) -> i64 {
    let len = len as i64;
    match argument {
        0.. => argument,
        _ if argument < -len => 0,
        _ => len + argument + 1,
    }
}
