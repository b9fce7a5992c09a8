//! Keys that come again: a string that is the key of many tables is written once.
//!
//! # Concepts
//! * **Ring**: the last [`ROOM`] strings that were written as keys. Both sides count them, so that
//!   the place in the ring stands for the string. On the side that writes it holds their
//!   addresses, on the side that reads it is a row of stack slots.
//!
//! # Invariants
//! * **K1** Every string that is written, or read, as a key by its bytes goes into the ring, in
//!   this order; nothing else does.
//! * **K2** What finds keys is allowed to miss one: then it is written by its bytes again. A record
//!   has its keys in the order of the record before, so mostly the next one in the ring is right.

use std::ffi::c_void;
use std::ptr;

/// Keys that are remembered: more than most records have, and few slots for a small stack.
pub(super) const ROOM: usize = 32;

/// Cells of the index, several times [`ROOM`] so that few keys share one.
const CELLS: usize = 128;

/// The ring of the side that writes.
#[derive(Debug)]
pub(super) struct Keys {
    ring: [*const c_void; ROOM],
    /// A guess at the place of a string by its address.
    index: [u8; CELLS],
    n_written: usize,
    /// The place behind that of the key before.
    expected: usize,
    is_used: bool,
}

impl Keys {
    pub(super) fn new() -> Keys {
        Keys {
            ring: [ptr::null(); ROOM],
            index: [0; CELLS],
            n_written: 0,
            expected: 0,
            is_used: false,
        }
    }

    /// Whether the other side has to remember keys.
    pub(super) fn is_used(&self) -> bool {
        self.is_used
    }

    /// The place of the string at `address`, if it is in the ring.
    #[inline]
    pub(super) fn place(&mut self, address: *const c_void) -> Option<u8> {
        let mut place = self.expected % ROOM;
        if self.ring[place] != address {
            place = usize::from(self.index[cell(address)]);
            if self.ring[place] != address {
                return None;
            }
        }
        self.expected = place + 1;
        self.is_used = true;
        Some(place as u8)
    }

    /// Puts a string that is written by its bytes into the ring.
    pub(super) fn insert(&mut self, address: *const c_void) {
        let place = self.n_written % ROOM;
        self.ring[place] = address;
        self.index[cell(address)] = place as u8;
        self.n_written += 1;
        self.expected = self.n_written;
    }
}

fn cell(address: *const c_void) -> usize {
    let address = address as usize;
    // Objects of Lua are 8 bytes apart at least, mostly 16 or more.
    (address >> 4 ^ address >> 11) % CELLS
}
