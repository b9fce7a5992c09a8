//! Lua values into JSON text, without recursion.

use std::ffi::{c_int, c_void};

use super::{BYTES_MAX, DEPTH_MAX};
use crate::lua::raw::{LuaType, Stack};
use crate::lua::stdlib::fill_if_lazy;
use crate::lua::transfer::path;

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
struct Encoder<'a> {
    stack: &'a Stack,
    layout: Layout,
    out: Vec<u8>,
    frames: Vec<Frame<'a>>,
}

/// The JSON text of the value at `index`.
///
/// # Errors
/// What has no such form and where, such as `cannot encode a function (argument 1.jobs[3])`.
pub(crate) fn encode(stack: &Stack, index: c_int, layout: Layout) -> Result<Vec<u8>, String> {
    let top = stack.top();
    let mut encoder = Encoder { stack, layout, out: Vec::new(), frames: Vec::new() };
    stack.push_value(index);
    let mut outcome = encoder.value();
    while outcome.is_ok() && !encoder.frames.is_empty() {
        outcome = encoder.step();
    }
    let outcome = outcome.map_err(|what| format!("{what} ({})", encoder.path()));
    stack.set_top(top);
    outcome.map(|()| encoder.out)
}

impl<'a> Encoder<'a> {
    /// Writes the next entry of the innermost table, or its end.
    fn step(&mut self) -> Result<(), String> {
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
    fn value(&mut self) -> Result<(), String> {
        let stack = self.stack;
        if self.out.len() > BYTES_MAX {
            return Err(format!("text is longer than {BYTES_MAX} bytes"));
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
            _ => return Err(format!("cannot encode a {}", stack.type_name(-1))),
        }
        stack.pop(1);
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        if let Some(value) = self.stack.integer(-1) {
            return write(&mut self.out, &value);
        }
        let value = self.stack.number(-1).unwrap_or_default();
        if !value.is_finite() {
            return Err(format!("cannot encode the number {value}"));
        }
        write(&mut self.out, &value)
    }

    fn string(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err("cannot encode a string that is not UTF-8".to_owned());
        };
        write(&mut self.out, text)
    }

    fn open_table(&mut self) -> Result<(), String> {
        let identity = self.stack.pointer(-1);
        if self.frames.iter().any(|frame| frame.identity == identity) {
            return Err("cannot encode a table that contains itself".to_owned());
        }
        if self.frames.len() >= DEPTH_MAX || !self.stack.reserve(8) {
            return Err(format!("nesting is deeper than {DEPTH_MAX}"));
        }
        let table = self.stack.top();
        fill_if_lazy(self.stack, table);
        let entries = self.entries(table)?;
        self.out.push(entries.brackets()[0]);
        self.frames.push(Frame { table, identity, entries, n_written: 0 });
        Ok(())
    }

    /// Decides what the table is: the keys 1 to n, or strings.
    fn entries(&self, table: c_int) -> Result<Entries<'a>, String> {
        let stack = self.stack;
        let (mut n_integers, mut last, mut keys) = (0, 0, Vec::new());
        stack.push_nil();
        while stack.next(table) {
            stack.pop(1);
            if let Some(key) = stack.bytes(-1) {
                keys.push(key);
            } else if let Some(key) = stack.integer(-1).filter(|key| *key > 0) {
                n_integers += 1;
                last = last.max(key as u64);
            } else {
                return Err(format!("cannot encode a table with a {} as key", self.key_name()));
            }
        }
        if keys.is_empty() && last == n_integers {
            return Ok(Entries::Array(n_integers as usize));
        }
        if n_integers > 0 {
            return Err(
                "cannot encode a table whose keys are neither 1 to n nor strings".to_owned()
            );
        }
        keys.sort_unstable();
        Ok(Entries::Object(keys))
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

fn write<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), String> {
    serde_json::to_writer(out, value).map_err(|error| error.to_string())
}
