//! Values of one VM into bytes.

use std::ffi::c_int;

use smallvec::SmallVec;

use super::format::{self, Bytes, Data};
use super::keys::Keys;
use super::levels::Levels;
use super::output::Output;
use super::path;
use super::plain::plain_type;
use super::seen::Seen;
use super::{CannotCross, NotCopied};
use crate::lua::api::{errors, payload, result};
use crate::lua::objects;
use crate::lua::raw::{LuaType, Scalar, Stack};
use crate::lua::safepoint::{Safepoints, Stopped};
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
#[derive(Clone, Copy, Debug)]
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

impl Frame {
    /// Counts an entry with the key `key`.
    fn count(&mut self, key: Scalar<'_>) {
        self.n_pairs += 1;
        let index = match key {
            Scalar::Integer(index) => usize::try_from(index).ok(),
            _ => None,
        };
        if !index.is_some_and(|index| (1..=self.n_array).contains(&index)) {
            self.n_fields += 1;
        }
    }
}

/// Writes any number of values, which may share tables.
#[derive(Debug)]
pub(super) struct Encoder<'a, 's, 'c> {
    stack: &'a Stack,
    strictness: Strictness,
    out: Output<'s, 'c>,
    seen: Seen,
    keys: Keys,
    /// The open tables; while entries of the innermost one are written, without it.
    frames: SmallVec<[Frame; 4]>,
    levels: Levels,
    first_slot: c_int,
    /// The collector was stopped (T4).
    rests: bool,
    /// The first value that could not cross.
    refused: Option<CannotCross>,
}

impl<'a, 's, 'c> Encoder<'a, 's, 'c> {
    /// Uses the stack above its present top until [`Encoder::finish`].
    pub(super) fn new(
        stack: &'a Stack,
        strictness: Strictness,
        safepoints: &'s mut Safepoints<'c>,
    ) -> Encoder<'a, 's, 'c> {
        let first_slot = stack.top() + 1;
        let levels = Levels::new(stack, LEVEL);
        Encoder {
            stack,
            strictness,
            out: Output::new(safepoints),
            seen: Seen::default(),
            keys: Keys::new(),
            frames: SmallVec::new(),
            levels,
            first_slot,
            rests: false,
            refused: None,
        }
    }

    /// Puts the stack back. Gives the bytes, as many as there must be, and what was dropped first.
    pub(super) fn finish(self) -> (Data, Option<CannotCross>) {
        self.stack.set_top(self.first_slot - 1);
        if self.rests {
            self.stack.restart_collector();
        }
        (self.out.finish(self.keys.is_used()), self.refused)
    }

    /// Writes the value at `index`. `root` names it in errors.
    pub(super) fn root(
        &mut self,
        index: c_int,
        root: impl Fn() -> String,
    ) -> Result<(), NotCopied> {
        let stack = self.stack;
        if let Some(scalar) = stack.scalar(index) {
            return Ok(self.scalar(scalar)?);
        }
        stack.push_value(index);
        let slot = stack.top();
        self.unwrap(slot)?;
        if !self.crosses(slot) {
            self.refuse(slot, None, &root)?;
            stack.push_nil();
            stack.replace(slot);
        }
        if let Written::Header { at, n_array } = self.write(slot)? {
            self.enter(at, n_array);
            while let Some(frame) = self.frames.pop() {
                self.entries(frame, &root)?;
            }
        }
        stack.set_top(slot - 1);
        Ok(())
    }

    /// Writes entries of the innermost table, `frame`, until one of them opens a table or none is
    /// left.
    fn entries(&mut self, mut frame: Frame, root: &impl Fn() -> String) -> Result<(), NotCopied> {
        let stack = self.stack;
        let (key, value) = (frame.base + 1, frame.base + 2);
        if frame.state == State::Value {
            frame.state = State::Pairs;
            stack.set_top(value);
            self.frames.push(frame);
            if self.write_value(value)? {
                return Ok(());
            }
            self.frames.pop();
        }
        stack.set_top(key);
        while stack.next(frame.base) {
            self.out.pass()?;
            if let Some(scalar) = stack.scalar(value)
                && self.write_plain_key(&mut frame, key)?
            {
                self.scalar(scalar)?;
                stack.pop(1);
                continue;
            }
            self.frames.push(frame);
            if self.entry(key, value, root)? {
                return Ok(());
            }
            frame = self.frames.pop().expect("pushed above");
            stack.set_top(key);
        }
        self.end_table(frame);
        Ok(())
    }

    /// Writes a key that is a scalar, or the next one of the run; else nothing, and gives false.
    #[inline]
    fn write_plain_key(&mut self, frame: &mut Frame, key: c_int) -> Result<bool, Stopped> {
        let stack = self.stack;
        let address = stack.pointer(key);
        if frame.state == State::Run {
            if address.is_null() && stack.integer(key) == Some(frame.n_run + 1) {
                frame.n_run += 1;
                return Ok(true);
            }
            self.end_run(frame);
        }
        if !address.is_null()
            && let Some(place) = self.keys.place(address)
        {
            frame.n_pairs += 1;
            frame.n_fields += 1;
            self.out.bytes.push(format::KEY | place);
            return Ok(true);
        }
        let Some(scalar) = stack.scalar(key) else { return Ok(false) };
        frame.count(scalar);
        if matches!(scalar, Scalar::String(_)) {
            self.keys.insert(address);
        }
        self.scalar(scalar)?;
        Ok(true)
    }

    fn scalar(&mut self, scalar: Scalar<'_>) -> Result<(), Stopped> {
        match scalar {
            Scalar::String(text) => self.out.string(text)?,
            scalar => format::write_scalar(&mut self.out.bytes, scalar),
        }
        Ok(())
    }

    fn end_run(&mut self, frame: &mut Frame) {
        frame.state = State::Pairs;
        self.out.bytes.push(format::NIL);
    }

    /// Writes any entry of the innermost table; true when it opened a table.
    fn entry(
        &mut self,
        key: c_int,
        value: c_int,
        root: &impl Fn() -> String,
    ) -> Result<bool, NotCopied> {
        let stack = self.stack;
        self.unwrap(value)?;
        if !self.crosses(value) {
            return self.refuse(value, Some(key), root);
        }
        if stack.is_nil(value) {
            self.out.skip()?;
            return Ok(false);
        }
        let mut written_key = key;
        if stack.kind(key) == LuaType::Userdata {
            // `next` needs the key itself, the encoding what it stands for.
            stack.push_value(key);
            written_key = stack.top();
            self.unwrap(written_key)?;
        }
        if !self.crosses(written_key) {
            return self.refuse(written_key, Some(key), root);
        }
        if stack.is_nil(written_key) || stack.number(written_key).is_some_and(f64::is_nan) {
            return Ok(false);
        }
        let mut frame = self.frames.pop().expect("an entry belongs to an open table");
        let is_plain = self.write_plain_key(&mut frame, written_key)?;
        self.frames.push(frame);
        if is_plain {
            stack.set_top(value);
            return Ok(self.write_value(value)?);
        }
        Ok(self.write_key_with_parts(written_key, key, value)?)
    }

    /// Writes a table or an object as a key, and the value; true when a table was opened.
    fn write_key_with_parts(
        &mut self,
        written_key: c_int,
        key: c_int,
        value: c_int,
    ) -> Result<bool, Stopped> {
        let frame = self.frames.last_mut().expect("an entry belongs to an open table");
        frame.n_pairs += 1;
        frame.n_fields += 1;
        match self.write(written_key)? {
            Written::Whole => {
                self.stack.set_top(value);
                self.write_value(value)
            }
            Written::Header { at, n_array } => {
                self.frames.last_mut().expect("as above").state = State::Value;
                if written_key == key {
                    self.stack.push_value(key);
                }
                self.enter(at, n_array);
                Ok(true)
            }
        }
    }

    /// Writes the value on top of the stack, at `value`; true when that opened a table.
    fn write_value(&mut self, value: c_int) -> Result<bool, Stopped> {
        match self.write(value)? {
            Written::Whole => Ok(false),
            Written::Header { at, n_array } => {
                self.stack.push_value(value);
                self.enter(at, n_array);
                Ok(true)
            }
        }
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

    fn end_table(&mut self, mut frame: Frame) {
        if frame.state == State::Run {
            self.end_run(&mut frame);
        }
        self.out.bytes.push(format::NIL);
        self.out.bytes[frame.at + 1] = format::hash_class(frame.n_fields);
        // A sparse table can have a border far behind its entries, which then is no size.
        if frame.n_array > frame.n_run as usize + frame.n_pairs {
            format::clear_varint(&mut self.out.bytes, frame.at + 2);
        }
        if let Some(outer) = self.frames.last() {
            self.levels.leave(self.stack, frame.base, outer.base);
        }
    }

    /// Replaces a payload in the top slot `slot` by its data.
    fn unwrap(&mut self, slot: c_int) -> Result<(), Stopped> {
        while self.stack.object_tag(slot) == Some(objects::PAYLOAD) {
            self.rest();
            if !payload::push_crossing_data(self.stack, slot, self.out.safepoints)? {
                break;
            }
            self.stack.replace(slot);
        }
        Ok(())
    }

    /// Stops the collector before something is made in this VM (T4).
    fn rest(&mut self) {
        self.rests |= self.stack.stop_collector();
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
    fn write(&mut self, index: c_int) -> Result<Written, Stopped> {
        Ok(match self.stack.scalar(index) {
            Some(scalar) => {
                self.scalar(scalar)?;
                Written::Whole
            }
            None if self.stack.kind(index) == LuaType::Table => self.write_header(index),
            None => self.write_object(index)?,
        })
    }

    fn write_header(&mut self, index: c_int) -> Written {
        let at = self.out.bytes.len();
        if let Some(first) = self.seen.place_or_insert(self.stack.pointer(index), at) {
            format::write_same(&mut self.out.bytes, first);
            return Written::Whole;
        }
        let tag = if self.prepare(index) { format::RECORD } else { format::TABLE };
        self.out.bytes.extend_from_slice(&[tag, 0]);
        let n_array = self.stack.raw_len(index);
        format::write_varint(&mut self.out.bytes, n_array as u64);
        Written::Header { at, n_array }
    }

    /// Sees to it that the table at `index` has all its entries; true for a result record.
    fn prepare(&mut self, index: c_int) -> bool {
        if !self.stack.push_metatable(index) {
            return false;
        }
        self.stack.pop(1);
        self.rest();
        fill_if_lazy(self.stack, index);
        result::is_record(self.stack, index)
    }

    fn write_object(&mut self, index: c_int) -> Result<Written, Stopped> {
        let (stack, out) = (self.stack, &mut self.out.bytes);
        if let Some(plain) = stack.object_tag(index).and_then(plain_type) {
            out.push(format::PLAIN);
            format::write_varint(out, u64::from(plain.tag));
            let mut bytes = Bytes::new();
            (plain.write)(stack, index, &mut bytes);
            format::write_bytes(out, &bytes);
            return Ok(Written::Whole);
        }
        out.push(format::ERROR);
        let retryable = errors::retryable(stack, index);
        let code = format::RETRYABLE.iter().position(|value| *value == retryable);
        out.push(code.unwrap_or_default() as u8);
        for part in [errors::MESSAGE, errors::KIND, errors::TRACE] {
            stack.object_value(index, part);
            self.out.text(stack.bytes(-1).unwrap_or_default())?;
            stack.pop(1);
        }
        if stack.object_value(index, errors::DETAILS) != LuaType::Table {
            stack.pop(1);
            self.out.bytes.push(format::NIL);
            return Ok(Written::Whole);
        }
        stack.replace(index);
        Ok(self.write_header(index))
    }

    /// Notes that the value at `index` cannot cross, and fails if none may be left out; nothing
    /// is opened for it. `key` is the key of the innermost open table under which it was found.
    #[cold]
    fn refuse(
        &mut self,
        index: c_int,
        key: Option<c_int>,
        root: &impl Fn() -> String,
    ) -> Result<bool, NotCopied> {
        if self.strictness == Strictness::Drop && self.refused.is_some() {
            self.out.skip()?;
            return Ok(false);
        }
        let type_name = self.stack.type_name(index);
        let mut path = root();
        self.add_keys(&mut path, key);
        let refused = CannotCross { type_name, path };
        if self.strictness == Strictness::Refuse {
            return Err(NotCopied::CannotCross(refused));
        }
        self.refused = Some(refused);
        Ok(false)
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
