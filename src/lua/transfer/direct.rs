//! Values of one VM into bytes, the fast way: tables are read as they lie in memory, nothing is
//! pushed. Knows plain data only and gives up on anything else, for which `encode.rs` is there.
//!
//! # Invariants
//! * **F1** What is written here is, byte for byte, what `encode.rs` writes.
//! * **F2** No function that can change the VM is called, so that the views stay good (V2).

use std::ffi::c_int;
use std::ops::Range;

use smallvec::SmallVec;

use super::format::{self, Bytes, Data};
use super::keys::Keys;
use super::seen::Seen;
use crate::lua::raw::{Cell, Elements, Scalar, Stack, TableView, View};

/// A table that is being written.
#[derive(Clone, Copy, Debug)]
struct Frame<'a> {
    /// Place of its tag.
    at: usize,
    elements: Elements<'a>,
    /// Length of the list that the elements are.
    n_list: usize,
    /// Elements that were written.
    n_written: usize,
    /// The end of the list was not written yet.
    is_in_list: bool,
    /// Cells that are still to be written.
    cells: &'a [Cell],
    /// Entries written with their keys.
    n_fields: usize,
}

/// Writes any number of values, which may share tables. All of its functions give `None` when there
/// is something that they do not know.
#[derive(Debug)]
struct Direct<'a> {
    out: Bytes,
    seen: Seen,
    keys: Keys,
    /// The open tables; while entries of the innermost one are written, without it.
    frames: SmallVec<[Frame<'a>; 4]>,
}

/// Copies the values at `indices`.
pub(super) fn encode(stack: &Stack, indices: Range<c_int>) -> Option<Data> {
    let mut direct = Direct {
        out: Bytes::with_capacity(format::OUT_CAPACITY),
        seen: Seen::default(),
        keys: Keys::new(),
        frames: SmallVec::new(),
    };
    for index in indices {
        match stack.scalar(index) {
            Some(scalar) => format::write_scalar(&mut direct.out, scalar),
            None => direct.root(stack.table_view(index)?)?,
        }
    }
    Some(format::finish(&direct.out, direct.keys.is_used()))
}

impl<'a> Direct<'a> {
    fn root(&mut self, table: TableView<'a>) -> Option<()> {
        let first = self.open(table)?;
        self.frames.extend(first);
        while let Some(frame) = self.frames.pop() {
            self.entries(frame)?;
        }
        Some(())
    }

    /// Writes the header of a table that was not met before, or the place where it was.
    fn open(&mut self, table: TableView<'a>) -> Option<Option<Frame<'a>>> {
        if table.has_metatable() {
            return None;
        }
        let at = self.out.len();
        if let Some(first) = self.seen.place_or_insert(table.address(), at) {
            format::write_same(&mut self.out, first);
            return Some(None);
        }
        let elements = table.elements();
        let n_list = elements.list_len()?;
        self.out.extend_from_slice(&[format::TABLE, 0]);
        format::write_varint(&mut self.out, n_list as u64);
        Some(Some(Frame {
            at,
            elements,
            n_list,
            n_written: 0,
            is_in_list: true,
            cells: table.cells(),
            n_fields: 0,
        }))
    }

    /// Writes entries of `frame`, the innermost table, until one of them opens a table or none is
    /// left.
    fn entries(&mut self, mut frame: Frame<'a>) -> Option<()> {
        while frame.n_written < frame.n_list {
            let value = frame.elements.value(frame.n_written);
            frame.n_written += 1;
            if let Some(table) = self.value(value)?
                && let Some(inner) = self.open(table)?
            {
                return self.enter(frame, inner);
            }
        }
        if frame.is_in_list {
            frame.is_in_list = false;
            self.out.push(format::NIL);
        }
        while let Some((cell, rest)) = frame.cells.split_first() {
            frame.cells = rest;
            let Some((key, value)) = cell.entry() else { continue };
            frame.n_fields += 1;
            self.key(key, frame.n_list)?;
            if let Some(table) = self.value(value)?
                && let Some(inner) = self.open(table)?
            {
                return self.enter(frame, inner);
            }
        }
        self.end(frame);
        Some(())
    }

    fn enter(&mut self, frame: Frame<'a>, inner: Frame<'a>) -> Option<()> {
        self.frames.push(frame);
        self.frames.push(inner);
        Some(())
    }

    /// Writes a value that is no table; else gives it.
    #[inline(always)]
    fn value(&mut self, value: View<'a>) -> Option<Option<TableView<'a>>> {
        match value {
            View::Scalar(scalar) => format::write_scalar(&mut self.out, scalar),
            View::String(text) => format::write_string(&mut self.out, text.bytes()),
            View::Table(table) => return Some(Some(table)),
            View::Other => return None,
        }
        Some(None)
    }

    /// Writes the key of a field.
    #[inline(always)]
    fn key(&mut self, key: View<'a>, n_list: usize) -> Option<()> {
        match key {
            View::String(text) => match self.keys.place(text.address()) {
                Some(place) => self.out.push(format::KEY | place),
                None => {
                    self.keys.insert(text.address());
                    format::write_string(&mut self.out, text.bytes());
                }
            },
            // A list that goes on in the hash part: Lua has to say how long it is.
            View::Scalar(Scalar::Integer(index)) if index == n_list as i64 + 1 => return None,
            View::Scalar(scalar) => format::write_scalar(&mut self.out, scalar),
            View::Table(_) | View::Other => return None,
        }
        Some(())
    }

    fn end(&mut self, frame: Frame<'a>) {
        self.out.push(format::NIL);
        self.out[frame.at + 1] = format::hash_class(frame.n_fields);
    }
}
