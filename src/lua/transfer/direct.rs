//! Values of one VM into bytes, the fast way: tables are read as they lie in memory, nothing is
//! pushed. Knows plain data only and gives up on anything else, for which `encode.rs` is there.
//!
//! # Invariants
//! * **F1** What is written here is, byte for byte, what `encode.rs` writes.
//! * **F2** No function that can change the VM is called, so that the views stay good (V2).

use std::ffi::c_int;
use std::ops::Range;

use smallvec::SmallVec;

use super::format::{self, Data};
use super::keys::Keys;
use super::output::Output;
use super::seen::Seen;
use crate::lua::raw::{Cell, Elements, Scalar, Stack, TableView, View};
use crate::lua::safepoint::{Safepoints, Stopped};

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

/// Why it ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// There is something that this way does not know.
    Unknown,
    Stopped,
}

impl From<Stopped> for Halt {
    #[inline]
    fn from(Stopped: Stopped) -> Halt {
        Halt::Stopped
    }
}

/// Writes any number of values, which may share tables.
#[derive(Debug)]
struct Direct<'a, 's, 'c> {
    out: Output<'s, 'c>,
    seen: Seen,
    keys: Keys,
    /// The open tables; while entries of the innermost one are written, without it.
    frames: SmallVec<[Frame<'a>; 4]>,
}

/// Copies the values at `indices`.
pub(super) fn encode(
    stack: &Stack,
    indices: Range<c_int>,
    safepoints: &mut Safepoints<'_>,
) -> Result<Data, Halt> {
    let mut direct = Direct {
        out: Output::new(safepoints),
        seen: Seen::default(),
        keys: Keys::new(),
        frames: SmallVec::new(),
    };
    for index in indices {
        match stack.scalar(index) {
            Some(Scalar::String(text)) => direct.out.string(text)?,
            Some(scalar) => format::write_scalar(&mut direct.out.bytes, scalar),
            None => direct.root(stack.table_view(index).ok_or(Halt::Unknown)?)?,
        }
    }
    Ok(direct.out.finish(direct.keys.is_used()))
}

impl<'a> Direct<'a, '_, '_> {
    fn root(&mut self, table: TableView<'a>) -> Result<(), Halt> {
        let first = self.open(table)?;
        self.frames.extend(first);
        while let Some(frame) = self.frames.pop() {
            self.entries(frame)?;
        }
        Ok(())
    }

    /// Writes the header of a table that was not met before, or the place where it was.
    fn open(&mut self, table: TableView<'a>) -> Result<Option<Frame<'a>>, Halt> {
        if table.has_metatable() {
            return Err(Halt::Unknown);
        }
        let at = self.out.bytes.len();
        if let Some(first) = self.seen.place_or_insert(table.address(), at) {
            format::write_same(&mut self.out.bytes, first);
            return Ok(None);
        }
        let elements = table.elements();
        let n_list = elements.list_len().ok_or(Halt::Unknown)?;
        self.out.bytes.extend_from_slice(&[format::TABLE, 0]);
        format::write_varint(&mut self.out.bytes, n_list as u64);
        Ok(Some(Frame {
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
    fn entries(&mut self, mut frame: Frame<'a>) -> Result<(), Halt> {
        while frame.n_written < frame.n_list {
            let value = frame.elements.value(frame.n_written);
            frame.n_written += 1;
            if let Some(table) = self.value(value)?
                && let Some(inner) = self.open(table)?
            {
                return self.enter(frame, inner);
            }
            self.out.pass()?;
        }
        if frame.is_in_list {
            frame.is_in_list = false;
            self.out.bytes.push(format::NIL);
        }
        while let Some((cell, rest)) = frame.cells.split_first() {
            frame.cells = rest;
            let Some((key, value)) = cell.entry() else {
                self.out.skip()?;
                continue;
            };
            frame.n_fields += 1;
            self.key(key, frame.n_list)?;
            if let Some(table) = self.value(value)?
                && let Some(inner) = self.open(table)?
            {
                return self.enter(frame, inner);
            }
            self.out.pass()?;
        }
        self.end(frame);
        Ok(())
    }

    fn enter(&mut self, frame: Frame<'a>, inner: Frame<'a>) -> Result<(), Halt> {
        self.frames.push(frame);
        self.frames.push(inner);
        self.out.pass()?;
        Ok(())
    }

    /// Writes a value that is no table; else gives it.
    #[inline(always)]
    fn value(&mut self, value: View<'a>) -> Result<Option<TableView<'a>>, Halt> {
        match value {
            View::Scalar(scalar) => format::write_scalar(&mut self.out.bytes, scalar),
            View::String(text) => self.out.string(text.bytes())?,
            View::Table(table) => return Ok(Some(table)),
            View::Other => return Err(Halt::Unknown),
        }
        Ok(None)
    }

    /// Writes the key of a field.
    #[inline(always)]
    fn key(&mut self, key: View<'a>, n_list: usize) -> Result<(), Halt> {
        match key {
            View::String(text) => match self.keys.place(text.address()) {
                Some(place) => self.out.bytes.push(format::KEY | place),
                None => {
                    self.keys.insert(text.address());
                    self.out.string(text.bytes())?;
                }
            },
            // A list that goes on in the hash part: Lua has to say how long it is.
            View::Scalar(Scalar::Integer(index)) if index == n_list as i64 + 1 => {
                return Err(Halt::Unknown);
            }
            View::Scalar(scalar) => format::write_scalar(&mut self.out.bytes, scalar),
            View::Table(_) | View::Other => return Err(Halt::Unknown),
        }
        Ok(())
    }

    fn end(&mut self, frame: Frame<'a>) {
        self.out.bytes.push(format::NIL);
        self.out.bytes[frame.at + 1] = format::hash_class(frame.n_fields);
    }
}
