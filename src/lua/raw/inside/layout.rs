//! Mirrors of Lua's structs, as `lobject.h` of Lua 5.5 has them.

use std::ffi::{c_int, c_void};
use std::fmt;

/// `Value`: what a value is, without its tag.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) union Word {
    pub(super) integer: i64,
    pub(super) float: f64,
    pub(super) object: *const c_void,
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Word")
    }
}

/// The tags of values.
pub(super) mod tag {
    const COLLECTED: u8 = 0x40;
    pub(crate) const FALSE: u8 = 0x01;
    pub(crate) const TRUE: u8 = 0x11;
    pub(crate) const INTEGER: u8 = 0x03;
    pub(crate) const FLOAT: u8 = 0x13;
    pub(crate) const SHORT_STRING: u8 = 0x04 | COLLECTED;
    pub(crate) const LONG_STRING: u8 = 0x14 | COLLECTED;
    pub(crate) const TABLE: u8 = 0x05 | COLLECTED;
    pub(crate) const USERDATA: u8 = 0x07 | COLLECTED;

    /// Nil, or one of the marks of a free place.
    #[inline]
    pub(crate) const fn is_nil(tag: u8) -> bool {
        tag & 0x0f == 0
    }
}

/// `TString`. A short one ends behind `long_len`, where its text begins.
#[repr(C)]
pub(super) struct RawString {
    _next: *const c_void,
    _tag: u8,
    _mark: u8,
    _extra: u8,
    /// Negative for a long string.
    pub(super) short_len: i8,
    /// Of a short string always there.
    pub(super) hash: u32,
    /// Of a short string something else.
    pub(super) long_len: usize,
    /// Only of a long string.
    pub(super) text: *const u8,
}

/// Longer strings are long ones.
pub(super) const SHORT_LEN_MAX: usize = 40;

/// Where the text of a short string begins.
pub(super) const SHORT_TEXT: usize = std::mem::offset_of!(RawString, text);

/// `Table`.
#[repr(C)]
pub(super) struct RawTable {
    _next: *const c_void,
    _tag: u8,
    /// The colour, among others.
    pub(super) mark: u8,
    pub(super) flags: u8,
    pub(super) log_n_nodes: u8,
    pub(super) n_array: u32,
    /// Between the values of the array part, which lie in front, and their tags.
    pub(super) array: *mut Word,
    pub(super) nodes: *mut Node,
    pub(super) metatable: *const RawTable,
    _gray: *const c_void,
}

/// In the mark of an object: it is white, in one of the two ways.
pub(super) const WHITE: u8 = 1 << 3 | 1 << 4;

/// In the flags of a table: metamethods that were not found in it.
pub(super) const LACKS: u8 = (1 << 6) - 1;

/// Those of them that decide about the elements of a table.
pub(crate) mod lacks {
    pub(crate) const INDEX: u8 = 1 << 0;
    pub(crate) const NEWINDEX: u8 = 1 << 1;
    pub(crate) const LEN: u8 = 1 << 4;
}

/// In the flags of a table: it has no hash part of its own.
pub(super) const HAS_NO_HASH: u8 = 1 << 6;

/// Bytes between the values and the tags of an array part.
pub(super) const ARRAY_HINT: usize = size_of::<u32>();

/// `Node`: a cell of the hash part.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) value: Word,
    pub(super) value_tag: u8,
    pub(super) key_tag: u8,
    /// Cells from this one to the next of its chain; 0 for the last.
    pub(super) next: c_int,
    pub(super) key: Word,
}

/// From so many cells on, a word lies in front of the first: the address of the cell from which on
/// none is free.
pub(super) const LOG_N_NODES_WITH_HEAD: u8 = 3;

/// `StackValue`, which is a `TValue`.
#[repr(C)]
#[derive(Debug)]
pub(super) struct RawSlot {
    pub(super) word: Word,
    pub(super) tag: u8,
}

/// `lua_State`, its beginning.
#[repr(C)]
pub(super) struct RawState {
    _next: *const c_void,
    _tag: u8,
    _mark: u8,
    _allow_hook: u8,
    _status: u8,
    /// The first free slot.
    pub(super) top: *const RawSlot,
    _global: *const c_void,
    pub(super) frame: *const RawFrame,
    pub(super) stack_end: *const RawSlot,
    pub(super) stack: *const RawSlot,
}

/// `CallInfo`, its beginning.
#[repr(C)]
pub(super) struct RawFrame {
    /// The slot of the function, below its first value.
    pub(super) function: *const RawSlot,
}

/// `Udata`, its beginning.
#[repr(C)]
pub(super) struct RawUserdata {
    _next: *const c_void,
    _tag: u8,
    _mark: u8,
    pub(super) n_values: u16,
    _len: usize,
    _metatable: *const RawTable,
}

impl RawUserdata {
    /// Where the memory of one without values begins.
    pub(super) const BLOCK: usize = size_of::<RawUserdata>();
    /// Where the values of others begin: behind one more word, and aligned for a `long double`.
    pub(super) const VALUES: usize =
        (size_of::<RawUserdata>() + size_of::<*const c_void>()).next_multiple_of(16);
}
