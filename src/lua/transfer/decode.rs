//! Bytes into values of a VM. Total: any bytes give values or [`Malformed`], never a panic, a
//! raise, or more memory than a small multiple of their number.

use std::ffi::c_int;

use smallvec::SmallVec;

use super::format::{self, Malformed, Reader, Token};
use super::keys;
use super::levels::Levels;
use super::plain::plain_type;
use crate::lua::api::{errors, result};
use crate::lua::raw::{LuaType, Scalar, Stack};

/// Slots of a level: the table, and a key that waits for its value.
const LEVEL: c_int = 2;

/// A table that is being filled.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Stack index of its level.
    base: c_int,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The values of the keys 1, 2, 3 and so on; so many were read.
    Run(i64),
    /// Keys with values.
    Pairs,
    /// The key was a table, which is filled now; its value comes next.
    Value,
}

/// What was read and pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// Nil, or the end of a list: nothing was pushed.
    Nil,
    /// A value without content.
    Whole,
    /// A value, and above it the table to be filled: the value itself, or the details of the error.
    Open,
}

/// The remembered keys, a row of stack slots (see `keys.rs`).
#[derive(Debug)]
struct Row {
    first: c_int,
    n_read: usize,
}

impl Row {
    /// Pushes the row, above which as much room is left as there was before.
    fn new(stack: &Stack, room: c_int) -> Result<Row, Malformed> {
        let first = stack.top() + 1;
        let n_slots = keys::ROOM as c_int;
        if !stack.reserve(room.checked_add(n_slots).ok_or(Malformed)?) {
            return Err(Malformed);
        }
        stack.set_top(first - 1 + n_slots);
        Ok(Row { first, n_read: 0 })
    }

    /// Remembers the key on top of the stack.
    fn remember(&mut self, stack: &Stack) {
        stack.copy(-1, self.first + (self.n_read % keys::ROOM) as c_int);
        self.n_read += 1;
    }

    /// Pushes the key of place `place`.
    fn push(&self, stack: &Stack, place: usize) -> Result<(), Malformed> {
        if place >= self.n_read {
            return Err(Malformed);
        }
        stack.push_value(self.first + place as c_int);
        Ok(())
    }
}

/// Reads values one after the other.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    stack: &'a Stack,
    input: Reader<'a>,
    /// The open tables; while entries of the innermost one are read, without it.
    frames: SmallVec<[Frame; 4]>,
    levels: Levels,
    /// Stack index of the table of shared tables by the place of their tag; nil until it is needed.
    shared: c_int,
    keys: Option<Row>,
    /// Table slots that the rest of the input may still claim.
    slots_left: usize,
}

impl<'a> Decoder<'a> {
    /// Uses some stack slots, and those above while it reads. `room`: so many were reserved.
    pub(super) fn new(
        stack: &'a Stack,
        data: &'a [u8],
        room: c_int,
    ) -> Result<Decoder<'a>, Malformed> {
        stack.push_nil();
        let shared = stack.top();
        let levels = Levels::new(stack, LEVEL);
        let (data, keys) = match data.split_first() {
            Some((&format::KEYS, data)) => (data, Some(Row::new(stack, room)?)),
            _ => (data, None),
        };
        let input = Reader::new(data);
        let frames = SmallVec::new();
        Ok(Decoder { stack, input, frames, levels, shared, keys, slots_left: data.len() })
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.input.is_at_end()
    }

    /// Pushes the next value with all that is in it.
    pub(super) fn value(&mut self) -> Result<(), Malformed> {
        match self.read()? {
            Read::Nil => self.stack.push_nil(),
            Read::Whole => {}
            Read::Open => {
                self.enter(self.stack.top());
                while let Some(frame) = self.frames.pop() {
                    self.entries(frame)?;
                }
            }
        }
        Ok(())
    }

    /// Reads entries of the innermost table, `frame`, until one of them opens a table or none is
    /// left.
    fn entries(&mut self, mut frame: Frame) -> Result<(), Malformed> {
        let base = frame.base;
        if let State::Run(n_read) = frame.state
            && self.run(base, n_read)? == Read::Open
        {
            return Ok(());
        }
        if frame.state == State::Value {
            self.stack.push_value(base + 1);
            if self.field(base)? == Read::Open {
                return Ok(());
            }
        }
        frame.state = State::Pairs;
        loop {
            match self.key()? {
                Read::Nil => {
                    self.end_table(frame);
                    return Ok(());
                }
                Read::Whole if self.field(base)? == Read::Open => return Ok(()),
                Read::Whole => {}
                Read::Open => {
                    self.stack.insert(-2);
                    self.stack.replace(base + 1);
                    self.enter_above(Frame { base, state: State::Value });
                    return Ok(());
                }
            }
        }
    }

    /// Reads values of the keys behind `n_read` until one of them opens a table, or the last one.
    fn run(&mut self, base: c_int, mut n_read: i64) -> Result<Read, Malformed> {
        loop {
            n_read += 1;
            match self.read()? {
                Read::Nil => return Ok(Read::Nil),
                Read::Whole => self.stack.raw_set_int(base, n_read),
                Read::Open => {
                    self.stack.insert(-2);
                    self.stack.raw_set_int(base, n_read);
                    self.enter_above(Frame { base, state: State::Run(n_read) });
                    return Ok(Read::Open);
                }
            }
        }
    }

    /// Pushes a key; nothing at the end of the list.
    #[inline]
    fn key(&mut self) -> Result<Read, Malformed> {
        let at = self.input.at();
        let tag = self.input.byte()?;
        if let (format::KEY..=format::KEY_LAST, Some(keys)) = (tag, &self.keys) {
            keys.push(self.stack, usize::from(tag - format::KEY))?;
            return Ok(Read::Whole);
        }
        self.key_with(tag, at)
    }

    /// Pushes a key that is not a remembered one, whose tag was read at `at`.
    fn key_with(&mut self, tag: u8, at: usize) -> Result<Read, Malformed> {
        let stack = self.stack;
        match self.input.token_with(tag)? {
            Token::Scalar(Scalar::String(text)) => {
                stack.push_bytes(text);
                if let Some(keys) = &mut self.keys {
                    keys.remember(stack);
                }
            }
            Token::Scalar(Scalar::Nil) => return Ok(Read::Nil),
            Token::Scalar(Scalar::Float(number)) if number.is_nan() => return Err(Malformed),
            Token::Scalar(scalar) => stack.push_scalar(scalar),
            Token::Tag(tag) => return self.with_parts(tag, at),
        }
        Ok(Read::Whole)
    }

    /// Reads the value for the key on top of the stack.
    #[inline]
    fn field(&mut self, base: c_int) -> Result<Read, Malformed> {
        let stack = self.stack;
        let read = self.read()?;
        match read {
            Read::Nil => return Err(Malformed),
            Read::Whole => stack.raw_set(base),
            Read::Open => {
                stack.insert(-3);
                stack.raw_set(base);
                self.enter_above(Frame { base, state: State::Pairs });
            }
        }
        Ok(read)
    }

    /// Opens the table on top of the stack, which lies right above the level of `outer`.
    fn enter_above(&mut self, outer: Frame) {
        self.frames.push(outer);
        let base = self.levels.enter(self.stack, self.frames.len(), outer.base);
        self.enter(base);
    }

    fn enter(&mut self, base: c_int) {
        // Not nil: a table of levels with nils in between would be no array.
        self.stack.push_bool(false);
        self.frames.push(Frame { base, state: State::Run(0) });
    }

    fn end_table(&mut self, frame: Frame) {
        match self.frames.last() {
            Some(outer) => self.levels.leave(self.stack, frame.base, outer.base),
            None => self.stack.set_top(frame.base - 1),
        }
    }

    /// Pushes a value, of tables only the empty table.
    #[inline]
    fn read(&mut self) -> Result<Read, Malformed> {
        let at = self.input.at();
        let tag = self.input.byte()?;
        if let Some(value) = format::small_integer(tag) {
            self.stack.push_int(value);
            return Ok(Read::Whole);
        }
        self.read_with(tag, at)
    }

    /// As [`Decoder::read`], with the tag, which was read at `at`.
    fn read_with(&mut self, tag: u8, at: usize) -> Result<Read, Malformed> {
        match self.input.token_with(tag)? {
            Token::Scalar(Scalar::Nil) => Ok(Read::Nil),
            Token::Scalar(scalar) => {
                self.stack.push_scalar(scalar);
                Ok(Read::Whole)
            }
            Token::Tag(tag) => self.with_parts(tag, at),
        }
    }

    /// Goes on behind `tag`, which was read at `at`.
    fn with_parts(&mut self, tag: u8, at: usize) -> Result<Read, Malformed> {
        match tag {
            format::SAME => self.same(),
            format::ERROR => self.error(),
            format::PLAIN => self.plain(),
            _ => self.table(tag, at),
        }
    }

    fn table(&mut self, tag: u8, at: usize) -> Result<Read, Malformed> {
        if !matches!(tag | 1, format::TABLE_SHARED | format::RECORD_SHARED) {
            return Err(Malformed);
        }
        let class = self.input.byte()?;
        let n_fields = match class {
            0 => 0,
            1..32 => 1 << (class - 1),
            _ => return Err(Malformed),
        };
        let n_array = self.input.size()?;
        let n_slots = n_array.checked_add(n_fields).ok_or(Malformed)?;
        self.slots_left = self.slots_left.checked_sub(n_slots).ok_or(Malformed)?;
        let stack = self.stack;
        stack.new_table(n_array, n_fields);
        if tag | 1 == format::RECORD_SHARED {
            result::mark_record(stack, -1);
        }
        if tag & 1 == 1 {
            self.share(at);
        }
        stack.push_value(-1);
        Ok(Read::Open)
    }

    /// Remembers the table on top of the stack for [`format::SAME`].
    fn share(&self, at: usize) {
        if self.stack.kind(self.shared) == LuaType::Nil {
            self.stack.new_table(0, 1);
            self.stack.replace(self.shared);
        }
        self.stack.push_value(-1);
        self.stack.raw_set_int(self.shared, at as i64);
    }

    fn same(&mut self) -> Result<Read, Malformed> {
        let at = i64::try_from(self.input.varint()?).map_err(|_| Malformed)?;
        if self.stack.kind(self.shared) == LuaType::Nil {
            return Err(Malformed);
        }
        match self.stack.raw_get_int(self.shared, at) {
            LuaType::Table => Ok(Read::Whole),
            _ => Err(Malformed),
        }
    }

    fn error(&mut self) -> Result<Read, Malformed> {
        let code = usize::from(self.input.byte()?);
        let retryable = *format::RETRYABLE.get(code).ok_or(Malformed)?;
        let [message, kind, trace] =
            [self.input.bytes()?, self.input.bytes()?, self.input.bytes()?];
        let stack = self.stack;
        errors::push_parts(stack, message, kind, retryable, trace);
        let at = self.input.at();
        let details = match self.input.token()? {
            Token::Scalar(Scalar::Nil) => return Ok(Read::Whole),
            Token::Tag(format::SAME) => self.same()?,
            Token::Tag(tag) => self.table(tag, at)?,
            _ => return Err(Malformed),
        };
        let error = if details == Read::Open { -3 } else { -2 };
        stack.set_object_value(error, errors::DETAILS);
        Ok(details)
    }

    fn plain(&mut self) -> Result<Read, Malformed> {
        let tag = u32::try_from(self.input.varint()?).map_err(|_| Malformed)?;
        let bytes = self.input.bytes()?;
        let plain = plain_type(tag).ok_or(Malformed)?;
        (plain.read)(self.stack, bytes).ok_or(Malformed)?;
        Ok(Read::Whole)
    }
}
