//! Lua values into JSON text, without recursion.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ffi::{c_int, c_void};
use std::io;

use serde::Serialize as _;
use serde_json::ser::{Formatter, Serializer};

use super::{BYTES_MAX, DEPTH_MAX, NoText, first_piece};
use crate::lua::raw::{LuaType, Stack};
use crate::lua::safepoint::{STRETCH, Safepoints, Stopped};
use crate::lua::stdlib::fill_if_lazy;
use crate::lua::transfer::path;

/// What an entry costs besides its bytes, in bytes of a stretch.
const ENTRY: usize = 8;

/// The longest that a stretch of a string becomes: each byte of it as an escape.
const PIECE_MAX: usize = 6 * STRETCH;

/// So many keys are sorted in one go.
const RUN: usize = 1 << 9;

/// How the text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// In one line without spaces.
    Compact,
    /// One entry a line, each level indented by so many spaces.
    Indented(usize),
}

/// A table that is being written.
#[derive(Debug)]
struct Frame<'a> {
    /// Its stack index.
    table: c_int,
    identity: *const c_void,
    entries: Entries<'a>,
    n_written: usize,
}

#[derive(Debug)]
enum Entries<'a> {
    /// The keys 1 to n.
    Array(usize),
    /// The keys in order; the strings live in the table.
    Object(Vec<&'a [u8]>),
}

impl Entries<'_> {
    fn len(&self) -> usize {
        match self {
            Entries::Array(len) => *len,
            Entries::Object(keys) => keys.len(),
        }
    }

    fn brackets(&self) -> [u8; 2] {
        match self {
            Entries::Array(_) => *b"[]",
            Entries::Object(_) => *b"{}",
        }
    }
}

#[derive(Debug)]
struct Encoder<'a, 's, 'c> {
    stack: &'a Stack,
    safepoints: &'s mut Safepoints<'c>,
    layout: Layout,
    out: Vec<u8>,
    frames: Vec<Frame<'a>>,
}

/// The JSON text of the value at `index`.
///
/// # Errors
/// What has no such form and where, such as `cannot encode a function (argument 1.jobs[3])`.
pub(crate) fn encode(
    stack: &Stack,
    index: c_int,
    layout: Layout,
    safepoints: &mut Safepoints<'_>,
) -> Result<Vec<u8>, NoText> {
    let top = stack.top();
    let (out, frames) = (Vec::new(), Vec::new());
    let mut encoder = Encoder { stack, safepoints, layout, out, frames };
    stack.push_value(index);
    let mut outcome = encoder.value();
    while outcome.is_ok() && !encoder.frames.is_empty() {
        outcome = encoder.step();
    }
    let outcome = outcome.map_err(|fault| match fault {
        NoText::Fault(what) => NoText::Fault(format!("{what} ({})", encoder.path())),
        NoText::Stopped => NoText::Stopped,
    });
    stack.set_top(top);
    outcome.map(|()| encoder.out)
}

impl<'a> Encoder<'a, '_, '_> {
    /// Writes the next entry of the innermost table, or its end.
    fn step(&mut self) -> Result<(), NoText> {
        let len = self.out.len();
        self.write_step()?;
        self.safepoints.pass(ENTRY + self.out.len() - len)?;
        Ok(self.safepoints.reserve(&mut self.out, STRETCH)?)
    }

    fn write_step(&mut self) -> Result<(), NoText> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let n = frame.n_written;
        let [_, close] = frame.entries.brackets();
        if n == frame.entries.len() {
            self.frames.pop();
            self.stack.pop(1);
            if n > 0 {
                self.new_line();
            }
            self.out.push(close);
            return Ok(());
        }
        frame.n_written += 1;
        let table = frame.table;
        let key = match &frame.entries {
            Entries::Array(_) => None,
            Entries::Object(keys) => Some(keys[n]),
        };
        if n > 0 {
            self.out.push(b',');
        }
        self.new_line();
        match key {
            Some(key) => {
                self.string(key)?;
                self.out.extend_from_slice(if self.layout == Layout::Compact {
                    b":"
                } else {
                    b": "
                });
                self.stack.push_bytes(key);
                self.stack.raw_get(table);
            }
            None => {
                self.stack.raw_get_int(table, n as i64 + 1);
            }
        }
        self.value()
    }

    fn new_line(&mut self) {
        if let Layout::Indented(width) = self.layout {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + width * self.frames.len(), b' ');
        }
    }

    /// Pops a value and writes it; a table stays, and only its opening is written.
    fn value(&mut self) -> Result<(), NoText> {
        let stack = self.stack;
        if self.out.len() > BYTES_MAX {
            return Err(too_long());
        }
        match stack.kind(-1) {
            LuaType::Nil => self.out.extend_from_slice(b"null"),
            LuaType::Boolean => {
                let text: &[u8] = if stack.truthy(-1) { b"true" } else { b"false" };
                self.out.extend_from_slice(text);
            }
            LuaType::Number => self.number()?,
            LuaType::String => self.string(stack.bytes(-1).unwrap_or_default())?,
            LuaType::Table => return self.open_table(),
            _ => return Err(NoText::Fault(format!("cannot encode a {}", stack.type_name(-1)))),
        }
        stack.pop(1);
        Ok(())
    }

    fn number(&mut self) -> Result<(), NoText> {
        if let Some(value) = self.stack.integer(-1) {
            return write(&mut self.out, &value);
        }
        let value = self.stack.number(-1).unwrap_or_default();
        if !value.is_finite() {
            return Err(NoText::Fault(format!("cannot encode the number {value}")));
        }
        write(&mut self.out, &value)
    }

    fn string(&mut self, bytes: &[u8]) -> Result<(), NoText> {
        if bytes.len() > BYTES_MAX {
            return Err(too_long());
        }
        self.out.push(b'"');
        let mut rest = bytes;
        while !rest.is_empty() {
            let piece = first_piece(rest);
            let Ok(text) = std::str::from_utf8(piece) else {
                return Err(fault("cannot encode a string that is not UTF-8"));
            };
            let len = self.out.len();
            let unquoted = text.serialize(&mut Serializer::with_formatter(&mut self.out, Unquoted));
            unquoted.map_err(|error| NoText::Fault(error.to_string()))?;
            rest = &rest[piece.len()..];
            if !rest.is_empty() {
                self.safepoints.pass(self.out.len() - len)?;
                self.safepoints.reserve(&mut self.out, PIECE_MAX)?;
            }
        }
        self.out.push(b'"');
        Ok(())
    }

    fn open_table(&mut self) -> Result<(), NoText> {
        let identity = self.stack.pointer(-1);
        if self.frames.iter().any(|frame| frame.identity == identity) {
            return Err(fault("cannot encode a table that contains itself"));
        }
        if self.frames.len() >= DEPTH_MAX || !self.stack.reserve(8) {
            return Err(NoText::Fault(format!("nesting is deeper than {DEPTH_MAX}")));
        }
        let table = self.stack.top();
        fill_if_lazy(self.stack, table);
        let entries = self.entries(table)?;
        self.out.push(entries.brackets()[0]);
        self.frames.push(Frame { table, identity, entries, n_written: 0 });
        Ok(())
    }

    /// Decides what the table is: the keys 1 to n, or strings.
    fn entries(&mut self, table: c_int) -> Result<Entries<'a>, NoText> {
        let stack = self.stack;
        let (mut n_integers, mut last, mut keys) = (0, 0, Vec::new());
        stack.push_nil();
        while stack.next(table) {
            self.safepoints.pass(ENTRY)?;
            stack.pop(1);
            if let Some(key) = stack.bytes(-1) {
                keys.push(key);
            } else if let Some(key) = stack.integer(-1).filter(|key| *key > 0) {
                n_integers += 1;
                last = last.max(key as u64);
            } else {
                let key = self.key_name();
                return Err(NoText::Fault(format!("cannot encode a table with a {key} as key")));
            }
        }
        if keys.is_empty() && last == n_integers {
            return Ok(Entries::Array(n_integers as usize));
        }
        if n_integers > 0 {
            return Err(fault("cannot encode a table whose keys are neither 1 to n nor strings"));
        }
        Ok(Entries::Object(sorted(keys, self.safepoints)?))
    }

    fn key_name(&self) -> String {
        let number = self.stack.number_text(-1).map(|text| format!("number {text}"));
        number.unwrap_or_else(|| self.stack.type_name(-1))
    }

    /// Where the writing stands.
    fn path(&self) -> String {
        let mut path = "argument 1".to_owned();
        for frame in self.frames.iter().filter(|frame| frame.n_written > 0) {
            match &frame.entries {
                Entries::Array(_) => self.stack.push_int(frame.n_written as i64),
                Entries::Object(keys) => self.stack.push_bytes(keys[frame.n_written - 1]),
            }
            let goes_on = path::add_key(&mut path, self.stack, -1);
            self.stack.pop(1);
            if !goes_on {
                break;
            }
        }
        path
    }
}

fn write<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), NoText> {
    serde_json::to_writer(out, value).map_err(|error| NoText::Fault(error.to_string()))
}

fn fault(text: &str) -> NoText {
    NoText::Fault(text.to_owned())
}

fn too_long() -> NoText {
    NoText::Fault(format!("text is longer than {BYTES_MAX} bytes"))
}

/// Writes strings without their quotes, so that a string can be written in pieces.
struct Unquoted;

impl Formatter for Unquoted {
    fn begin_string<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        Ok(())
    }

    fn end_string<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        Ok(())
    }
}

/// Sorts keys in stretches: runs of them first, and then the runs into one.
fn sorted<'a>(
    mut keys: Vec<&'a [u8]>,
    safepoints: &mut Safepoints<'_>,
) -> Result<Vec<&'a [u8]>, Stopped> {
    if keys.len() <= RUN {
        keys.sort_unstable();
        return Ok(keys);
    }
    let mut sorted = Vec::with_capacity(keys.len());
    for run in keys.chunks_mut(RUN) {
        run.sort_unstable();
        safepoints.pass(STRETCH)?;
    }
    let mut runs: Vec<_> = keys.chunks(RUN).map(|run| run.iter()).collect();
    let next = |(n, run): (usize, &mut std::slice::Iter<'_, &'a [u8]>)| {
        run.next().map(|key| Reverse((*key, n)))
    };
    let mut heads: BinaryHeap<_> = runs.iter_mut().enumerate().filter_map(next).collect();
    while let Some(Reverse((key, n))) = heads.pop() {
        sorted.push(key);
        heads.extend(next((n, &mut runs[n])));
        safepoints.pass(ENTRY)?;
    }
    Ok(sorted)
}
