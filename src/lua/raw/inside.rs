//! Tables as they lie in memory: read and filled entry by entry without a call of Lua.
//!
//! # Concepts
//! * **Mirror**: a struct with the fields of one of Lua's own (`layout.rs`).
//! * **View**: a pointer to an object of Lua that is read through its mirror.
//!
//! # Invariants
//! * **V1** No view exists unless the mirrors are right for the Lua that is linked: the first call
//!   compares them with what the C interface tells of many tables (`check.rs`), and follows no
//!   pointer on the way that it has not found to be right before. After a difference there are no
//!   views, and the callers have their slower ways.
//! * **V2** A view is good while its object is held by the VM: objects do not move. What was read
//!   through it is good until something in the VM changes, by a call of Lua or by `fill.rs`.
//!   Nothing else changes it, since a VM runs on one thread (R5).
//! * **V3** Only `fill.rs` writes.

#![expect(unsafe_code, reason = "reads objects of Lua; invariants V1 to V3")]

mod check;
mod fill;
pub(crate) mod frame;
mod layout;

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::OnceLock;

use self::frame::Place;
pub(crate) use self::layout::lacks;
use self::layout::{HAS_NO_HASH, Node, RawString, RawTable, SHORT_LEN_MAX, SHORT_TEXT, Word, tag};
use super::{LuaType, Scalar, Stack, ffi};

/// A value in a table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum View<'a> {
    /// Any scalar but a string.
    Scalar(Scalar<'a>),
    String(StringView<'a>),
    Table(TableView<'a>),
    /// A function, a coroutine, a userdata.
    Other,
}

/// A string of Lua.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StringView<'a> {
    raw: NonNull<RawString>,
    life: PhantomData<&'a Stack>,
}

/// A table of Lua.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableView<'a> {
    raw: NonNull<RawTable>,
    life: PhantomData<&'a Stack>,
}

/// The array part of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'a> {
    /// The end of the values.
    values: *const Word,
    tags: &'a [u8],
}

/// A cell of the hash part of a table.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct Cell(Node);

impl Stack {
    /// A view of the table at `index`; `None` when it is no table, or nothing can be viewed. It is
    /// good while the table stays on the stack (V2).
    #[inline]
    pub(crate) fn table_view(&self, index: c_int) -> Option<TableView<'_>> {
        if !can_view() {
            return None;
        }
        match self.slot(index) {
            Place::Here(slot) => match slot.view() {
                View::Table(table) => Some(table),
                _ => None,
            },
            Place::Absent => None,
            Place::Elsewhere => self.table_elsewhere(index),
        }
    }

    fn table_elsewhere(&self, index: c_int) -> Option<TableView<'_>> {
        if self.kind(index) != LuaType::Table {
            return None;
        }
        let raw = NonNull::new(self.pointer(index).cast_mut())?.cast();
        Some(TableView { raw, life: PhantomData })
    }

    /// Pushes a string and gives a view of it; `None` when nothing can be viewed. It is good while
    /// the string stays on the stack (V2).
    #[inline]
    pub(crate) fn push_viewed(&self, text: &[u8]) -> Option<StringView<'_>> {
        // SAFETY: S1; granted (R2).
        let copy = unsafe {
            ffi::lua_pushlstring(self.raw(), text.as_ptr().cast(), text.len()).cast::<u8>()
        };
        if !can_view() {
            return None;
        }
        let raw = if text.len() <= SHORT_LEN_MAX {
            // V1: its text is a part of it.
            copy.wrapping_sub(SHORT_TEXT).cast()
        } else {
            self.pointer(-1)
        };
        let raw = NonNull::new(raw.cast_mut())?.cast();
        Some(StringView { raw, life: PhantomData })
    }
}

/// Whether the mirrors are right.
#[inline]
fn can_view() -> bool {
    static MIRRORS_ARE_RIGHT: OnceLock<bool> = OnceLock::new();
    *MIRRORS_ARE_RIGHT.get_or_init(check::passes)
}

impl<'a> TableView<'a> {
    /// The identity of the table.
    pub(crate) fn address(self) -> *const c_void {
        self.raw.as_ptr().cast()
    }

    pub(crate) fn has_metatable(self) -> bool {
        !self.header().metatable.is_null()
    }

    /// Whether the table is known to have none of these metamethods ([`lacks`]). Lua gets to know
    /// it when it looks for one in vain.
    #[inline]
    pub(crate) fn is_known_to_lack(self, metamethods: u8) -> bool {
        // SAFETY: V1, V2.
        match unsafe { self.header().metatable.as_ref() } {
            Some(metatable) => metatable.flags & metamethods == metamethods,
            None => true,
        }
    }

    /// The array part.
    #[inline]
    pub(crate) fn elements(self) -> Elements<'a> {
        let table = self.header();
        let values = table.array;
        if table.n_array == 0 {
            return Elements { values, tags: &[] };
        }
        // SAFETY: V1, V2: as many tags lie there.
        let tags = unsafe {
            let tags = values.cast::<u8>().add(layout::ARRAY_HINT);
            std::slice::from_raw_parts(tags, table.n_array as usize)
        };
        Elements { values, tags }
    }

    /// The hash part.
    #[inline]
    pub(crate) fn cells(self) -> &'a [Cell] {
        let table = self.header();
        if table.flags & HAS_NO_HASH != 0 {
            return &[];
        }
        // SAFETY: V1, V2: as many cells lie there; `Cell` is the mirror itself.
        unsafe { std::slice::from_raw_parts(table.nodes.cast(), 1 << table.log_n_nodes) }
    }

    #[inline]
    fn header(self) -> &'a RawTable {
        // SAFETY: V1, V2.
        unsafe { self.raw.as_ref() }
    }
}

impl<'a> Elements<'a> {
    /// How many values the array part has room for.
    pub(crate) fn n(self) -> usize {
        self.tags.len()
    }

    /// The length of the list; `None` when there are values behind its end.
    pub(crate) fn list_len(self) -> Option<usize> {
        let len = self.tags.iter().position(|tag| tag::is_nil(*tag)).unwrap_or(self.tags.len());
        self.tags[len..].iter().all(|tag| tag::is_nil(*tag)).then_some(len)
    }

    /// The value of number `n` (from 0).
    ///
    /// # Panics
    /// When there are not so many.
    #[inline(always)]
    pub(crate) fn value(self, n: usize) -> View<'a> {
        let tag = self.tags[n];
        // SAFETY: V1, V2: values lie in front of the tags, in descending order.
        unsafe { view(tag, *self.values.sub(n + 1)) }
    }
}

impl Cell {
    /// Key and value; `None` for a free cell.
    #[inline(always)]
    pub(crate) fn entry(&self) -> Option<(View<'_>, View<'_>)> {
        let Cell(node) = self;
        if tag::is_nil(node.value_tag) {
            return None;
        }
        // SAFETY: V1, V2: the key of a cell with a value is alive.
        unsafe { Some((view(node.key_tag, node.key), view(node.value_tag, node.value))) }
    }
}

impl<'a> StringView<'a> {
    /// The identity of the string: equal ones can have different ones.
    #[inline]
    pub(crate) fn address(self) -> *const c_void {
        self.raw.as_ptr().cast()
    }

    fn is_short(self) -> bool {
        // SAFETY: V1, V2.
        unsafe { (*self.raw.as_ptr()).short_len >= 0 }
    }

    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        // SAFETY: V1, V2.
        unsafe {
            // No reference to the mirror: a short string can be shorter than it.
            let raw = self.raw.as_ptr().cast_const();
            let (text, len) = match usize::try_from((*raw).short_len) {
                Ok(len) => (raw.cast::<u8>().add(SHORT_TEXT), len),
                Err(_) => ((*raw).text, (*raw).long_len),
            };
            std::slice::from_raw_parts(text, len)
        }
    }
}

/// The value of a tag and the word that belongs to it.
///
/// # Safety
/// They are those of one value in a live VM, and V1.
#[inline(always)]
unsafe fn view<'a>(tag: u8, word: Word) -> View<'a> {
    // SAFETY: the tag tells what the word is; V1.
    unsafe {
        let object = || NonNull::new_unchecked(word.object.cast_mut());
        match tag {
            tag::INTEGER => View::Scalar(Scalar::Integer(word.integer)),
            tag::FLOAT => View::Scalar(Scalar::Float(word.float)),
            tag::FALSE => View::Scalar(Scalar::Boolean(false)),
            tag::TRUE => View::Scalar(Scalar::Boolean(true)),
            tag::SHORT_STRING | tag::LONG_STRING => {
                View::String(StringView { raw: object().cast(), life: PhantomData })
            }
            tag::TABLE => View::Table(TableView { raw: object().cast(), life: PhantomData }),
            _ if tag::is_nil(tag) => View::Scalar(Scalar::Nil),
            _ => View::Other,
        }
    }
}
