//! Values of one VM into bytes.

use std::ffi::c_int;

use smallvec::SmallVec;

use super::CannotCross;
use super::format::{self, Bytes};
use super::levels::Levels;
use super::path;
use super::plain::plain_type;
use super::seen::Seen;
use crate::lua::api::{errors, payload, result};
use crate::lua::objects;
use crate::lua::raw::{LuaType, Stack};
use crate::lua::stdlib::fill_if_lazy;

/// Slots of a level: the table, the key that `next` stands at, its value.
const LEVEL: c_int = 3;

/// What happens when a value cannot cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    /// The encoding fails.
    Refuse,
    /// Nil takes its place.
    Drop,
}

/// A table that is being written.
#[derive(Debug)]
struct Frame {
    /// Stack index of its level.
    base: c_int,
    /// Place of its tag.
    at: usize,
    /// Keys 1 to this were written as a run.
    n_run: i64,
    /// Size of the array part as the header says.
    n_array: usize,
    /// Entries written with their keys.
    n_pairs: usize,
    /// Those of them that need room in the hash part.
    n_fields: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the values of the keys 1, 2, 3 and so on.
    Run,
    /// In the keys with values.
    Pairs,
    /// A key was written that is a table; its value comes next.
    Value,
}

/// Whether a written value has content that must be written before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Whole,
    /// The header of a table, whose place is given, with the size of its array part.
    Header {
        at: usize,
        n_array: usize,
    },
}

/// Writes any number of values, which may share tables.
#[derive(Debug)]
pub(super) struct Encoder<'a> {
    stack: &'a Stack,
    strictness: Strictness,
    out: Bytes,
    seen: Seen,
    frames: SmallVec<[Frame; 4]>,
    levels: Levels,
    first_slot: c_int,
    /// The first value that could not cross.
    refused: Option<CannotCross>,
}

impl<'a> Encoder<'a> {
    /// Uses the stack above its present top until [`Encoder::finish`].
    pub(super) fn new(stack: &'a Stack, strictness: Strictness) -> Encoder<'a> {
        let first_slot = stack.top() + 1;
        let levels = Levels::new(stack, LEVEL);
        Encoder {
            stack,
            strictness,
            out: Bytes::new(),
            seen: Seen::default(),
            frames: SmallVec::new(),
            levels,
            first_slot,
            refused: None,
        }
    }

    /// Puts the stack back. Gives the bytes, and what was dropped first.
    pub(super) fn finish(self) -> (Bytes, Option<CannotCross>) {
        self.stack.set_top(self.first_slot - 1);
        (self.out, self.refused)
    }

    /// Writes the value at `index`. `root` names it in errors.
    pub(super) fn root(
        &mut self,
        index: c_int,
        root: impl Fn() -> String,
    ) -> Result<(), CannotCross> {
        let stack = self.stack;
        // Numbers, strings and the like need no copy on the stack.
        if !matches!(stack.kind(index), LuaType::Table | LuaType::Userdata) && self.crosses(index) {
            self.write(index);
            return Ok(());
        }
        stack.push_value(index);
        let slot = stack.top();
        self.unwrap(slot);
        if !self.crosses(slot) {
            self.refuse(slot, None, &root)?;
            stack.push_nil();
            stack.replace(slot);
        }
        if let Written::Header { at, n_array } = self.write(slot) {
            self.enter(at, n_array);
            while !self.frames.is_empty() {
                self.step(&root)?;
            }
        }
        stack.set_top(slot - 1);
        Ok(())
    }

    /// Writes one entry of the innermost table, or its end.
    fn step(&mut self, root: &impl Fn() -> String) -> Result<(), CannotCross> {
        let frame = self.frames.last_mut().expect("called while a table is open");
        let base = frame.base;
        let (key, value) = (base + 1, base + 2);
        if frame.state == State::Value {
            frame.state = State::Pairs;
            self.stack.set_top(value);
            return self.write_value(value);
        }
        self.stack.set_top(key);
        if !self.stack.next(base) {
            self.end_table();
            return Ok(());
        }
        self.unwrap(value);
        if !self.crosses(value) {
            return self.refuse(value, Some(key), root);
        }
        if self.stack.is_nil(value) {
            return Ok(());
        }
        let frame = self.frames.last_mut().expect("as above");
        if frame.state == State::Run {
            if self.stack.integer(key) == Some(frame.n_run + 1) {
                frame.n_run += 1;
                return self.write_value(value);
            }
            frame.state = State::Pairs;
            self.out.push(format::NIL);
        }
        self.write_pair(key, value, root)
    }

    fn write_pair(
        &mut self,
        key: c_int,
        value: c_int,
        root: &impl Fn() -> String,
    ) -> Result<(), CannotCross> {
        let stack = self.stack;
        let mut written_key = key;
        if stack.kind(key) == LuaType::Userdata {
            // `next` needs the key itself, the encoding what it stands for.
            stack.push_value(key);
            written_key = stack.top();
            self.unwrap(written_key);
        }
        if !self.crosses(written_key) {
            return self.refuse(written_key, Some(key), root);
        }
        if stack.is_nil(written_key) || stack.number(written_key).is_some_and(f64::is_nan) {
            return Ok(());
        }
        let frame = self.frames.last_mut().expect("an entry belongs to an open table");
        frame.n_pairs += 1;
        let index = stack.integer(written_key).and_then(|index| usize::try_from(index).ok());
        if !index.is_some_and(|index| (1..=frame.n_array).contains(&index)) {
            frame.n_fields += 1;
        }
        match self.write(written_key) {
            Written::Whole => {
                stack.set_top(value);
                self.write_value(value)
            }
            Written::Header { at, n_array } => {
                self.frames.last_mut().expect("as above").state = State::Value;
                if written_key == key {
                    stack.push_value(key);
                }
                self.enter(at, n_array);
                Ok(())
            }
        }
    }

    fn write_value(&mut self, value: c_int) -> Result<(), CannotCross> {
        if let Written::Header { at, n_array } = self.write(value) {
            self.stack.push_value(value);
            self.enter(at, n_array);
        }
        Ok(())
    }

    /// Opens the table on top of the stack, whose header was written.
    fn enter(&mut self, at: usize, n_array: usize) {
        let base = match self.frames.last() {
            Some(outer) => self.levels.enter(self.stack, self.frames.len(), outer.base),
            None => self.stack.top(),
        };
        self.stack.push_nil();
        let state = State::Run;
        self.frames.push(Frame { base, at, n_run: 0, n_array, n_pairs: 0, n_fields: 0, state });
    }

    fn end_table(&mut self) {
        let frame = self.frames.pop().expect("called while a table is open");
        if frame.state == State::Run {
            self.out.push(format::NIL);
        }
        self.out.push(format::NIL);
        self.out[frame.at + 1] = format::hash_class(frame.n_fields);
        // A sparse table can have a border far behind its entries, which then is no size.
        if frame.n_array > frame.n_run as usize + frame.n_pairs {
            format::clear_varint(&mut self.out, frame.at + 2);
        }
        if let Some(outer) = self.frames.last() {
            self.levels.leave(self.stack, frame.base, outer.base);
        }
    }

    /// Replaces a payload in the top slot `slot` by its data.
    fn unwrap(&self, slot: c_int) {
        while self.stack.object_tag(slot) == Some(objects::PAYLOAD) {
            if !payload::push_crossing_data(self.stack, slot) {
                return;
            }
            self.stack.replace(slot);
        }
    }

    fn crosses(&self, index: c_int) -> bool {
        match self.stack.kind(index) {
            LuaType::Function | LuaType::Thread | LuaType::LightUserdata => false,
            LuaType::Userdata => {
                let tag = self.stack.object_tag(index);
                tag.is_some_and(|tag| tag == objects::ERROR || plain_type(tag).is_some())
            }
            _ => true,
        }
    }

    /// Writes a value that crosses; of a table the header. For an error with details in a table,
    /// the slot `index` holds the details afterwards, and it is their header that was written.
    fn write(&mut self, index: c_int) -> Written {
        let (stack, out) = (self.stack, &mut self.out);
        match stack.kind(index) {
            LuaType::Boolean => {
                out.push(if stack.truthy(index) { format::TRUE } else { format::FALSE });
            }
            LuaType::Number => match stack.integer(index) {
                Some(value) => format::write_integer(out, value),
                None => format::write_float(out, stack.number(index).unwrap_or_default()),
            },
            LuaType::String => format::write_string(out, stack.bytes(index).unwrap_or_default()),
            LuaType::Table => return self.write_header(index),
            LuaType::Userdata => return self.write_object(index),
            _ => out.push(format::NIL),
        }
        Written::Whole
    }

    fn write_header(&mut self, index: c_int) -> Written {
        let at = self.out.len();
        if let Some(first) = self.seen.place_or_insert(self.stack.pointer(index), at) {
            self.out[first] |= 1;
            self.out.push(format::SAME);
            format::write_varint(&mut self.out, first as u64);
            return Written::Whole;
        }
        fill_if_lazy(self.stack, index);
        let is_record = result::is_record(self.stack, index);
        self.out.push(if is_record { format::RECORD } else { format::TABLE });
        self.out.push(0);
        let n_array = self.stack.raw_len(index);
        format::write_varint(&mut self.out, n_array as u64);
        Written::Header { at, n_array }
    }

    fn write_object(&mut self, index: c_int) -> Written {
        let (stack, out) = (self.stack, &mut self.out);
        if let Some(plain) = stack.object_tag(index).and_then(plain_type) {
            out.push(format::PLAIN);
            format::write_varint(out, u64::from(plain.tag));
            let mut bytes = Bytes::new();
            (plain.write)(stack, index, &mut bytes);
            format::write_bytes(out, &bytes);
            return Written::Whole;
        }
        out.push(format::ERROR);
        let retryable = errors::retryable(stack, index);
        let code = format::RETRYABLE.iter().position(|value| *value == retryable);
        out.push(code.unwrap_or_default() as u8);
        for part in [errors::MESSAGE, errors::KIND, errors::TRACE] {
            stack.object_value(index, part);
            format::write_bytes(out, stack.bytes(-1).unwrap_or_default());
            stack.pop(1);
        }
        if stack.object_value(index, errors::DETAILS) != LuaType::Table {
            stack.pop(1);
            out.push(format::NIL);
            return Written::Whole;
        }
        stack.replace(index);
        self.write_header(index)
    }

    /// Notes that the value at `index` cannot cross, and fails if none may be left out. `key` is
    /// the key of the innermost open table under which it was found.
    #[cold]
    fn refuse(
        &mut self,
        index: c_int,
        key: Option<c_int>,
        root: &impl Fn() -> String,
    ) -> Result<(), CannotCross> {
        if self.strictness == Strictness::Drop && self.refused.is_some() {
            return Ok(());
        }
        let type_name = self.stack.type_name(index);
        let mut path = root();
        self.add_keys(&mut path, key);
        let refused = CannotCross { type_name, path };
        if self.strictness == Strictness::Refuse {
            return Err(refused);
        }
        self.refused = Some(refused);
        Ok(())
    }

    /// Adds the keys that lead to the innermost open table, and then `key`.
    fn add_keys(&self, path: &mut String, key: Option<c_int>) {
        let stack = self.stack;
        let Some((_, outer)) = self.frames.split_last() else { return };
        let mut n_spilled = 0;
        for (i, frame) in outer.iter().enumerate() {
            // A level is spilled when the one on top of it took its place.
            let goes_on = if self.frames[i + 1].base == frame.base {
                self.levels.push_spilled(stack, n_spilled, 2);
                n_spilled += 1;
                let goes_on = path::add_key(path, stack, -1);
                stack.pop(1);
                goes_on
            } else {
                path::add_key(path, stack, frame.base + 1)
            };
            if !goes_on {
                return;
            }
        }
        if let Some(key) = key {
            path::add_key(path, stack, key);
        }
    }
}
