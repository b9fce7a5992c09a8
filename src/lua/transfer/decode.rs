//! Bytes into values of a VM. Total: any bytes give values or [`Malformed`], never a panic, a
//! raise, or more memory than a small multiple of their number.

use std::ffi::c_int;

use smallvec::SmallVec;

use super::format::{self, Malformed, Reader, Token};
use super::levels::Levels;
use super::plain::plain_type;
use crate::lua::api::{errors, result};
use crate::lua::raw::{LuaType, Stack};

/// Slots of a level: the table, and a key that waits for its value.
const LEVEL: c_int = 2;

/// A table that is being filled.
#[derive(Debug)]
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

/// Reads values one after the other.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    stack: &'a Stack,
    input: Reader<'a>,
    frames: SmallVec<[Frame; 4]>,
    levels: Levels,
    /// Stack index of the table of shared tables by the place of their tag; nil until it is needed.
    shared: c_int,
    /// Table slots that the rest of the input may still claim.
    slots_left: usize,
}

impl<'a> Decoder<'a> {
    /// Uses two stack slots, and those above while it reads.
    pub(super) fn new(stack: &'a Stack, data: &'a [u8]) -> Decoder<'a> {
        stack.push_nil();
        let shared = stack.top();
        let levels = Levels::new(stack, LEVEL);
        let input = Reader::new(data);
        let frames = SmallVec::new();
        Decoder { stack, input, frames, levels, shared, slots_left: data.len() }
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
                while !self.frames.is_empty() {
                    self.step()?;
                }
            }
        }
        Ok(())
    }

    /// Reads one entry of the innermost table, or its end.
    fn step(&mut self) -> Result<(), Malformed> {
        let frame = self.frames.last_mut().expect("called while a table is open");
        let base = frame.base;
        match frame.state {
            State::Run(n_read) => {
                frame.state = State::Run(n_read + 1);
                self.element(base, n_read + 1)
            }
            State::Pairs => self.pair(base),
            State::Value => {
                frame.state = State::Pairs;
                self.stack.push_value(base + 1);
                self.field(base)
            }
        }
    }

    fn element(&mut self, base: c_int, index: i64) -> Result<(), Malformed> {
        match self.read()? {
            Read::Nil => self.frames.last_mut().expect("as in `step`").state = State::Pairs,
            Read::Whole => self.stack.raw_set_int(base, index),
            Read::Open => {
                self.stack.insert(-2);
                self.stack.raw_set_int(base, index);
                self.enter_above(base);
            }
        }
        Ok(())
    }

    fn pair(&mut self, base: c_int) -> Result<(), Malformed> {
        match self.read()? {
            Read::Nil => {
                self.end_table();
                Ok(())
            }
            Read::Whole if self.stack.number(-1).is_some_and(f64::is_nan) => Err(Malformed),
            Read::Whole => self.field(base),
            Read::Open => {
                self.stack.insert(-2);
                self.stack.replace(base + 1);
                self.frames.last_mut().expect("as in `step`").state = State::Value;
                self.enter_above(base);
                Ok(())
            }
        }
    }

    /// Reads the value for the key on top of the stack.
    fn field(&mut self, base: c_int) -> Result<(), Malformed> {
        let stack = self.stack;
        match self.read()? {
            Read::Nil => return Err(Malformed),
            Read::Whole => stack.raw_set(base),
            Read::Open => {
                stack.insert(-3);
                stack.raw_set(base);
                self.enter_above(base);
            }
        }
        Ok(())
    }

    /// Opens the table on top of the stack, which lies right above the level at `outer`.
    fn enter_above(&mut self, outer: c_int) {
        let base = self.levels.enter(self.stack, self.frames.len(), outer);
        self.enter(base);
    }

    fn enter(&mut self, base: c_int) {
        // Not nil: a table of levels with nils in between would be no array.
        self.stack.push_bool(false);
        self.frames.push(Frame { base, state: State::Run(0) });
    }

    fn end_table(&mut self) {
        let frame = self.frames.pop().expect("called while a table is open");
        match self.frames.last() {
            Some(outer) => self.levels.leave(self.stack, frame.base, outer.base),
            None => self.stack.set_top(frame.base - 1),
        }
    }

    /// Pushes a value, of tables only the empty table.
    fn read(&mut self) -> Result<Read, Malformed> {
        let at = self.input.at();
        let stack = self.stack;
        match self.input.token()? {
            Token::Nil => return Ok(Read::Nil),
            Token::Boolean(value) => stack.push_bool(value),
            Token::Integer(value) => stack.push_int(value),
            Token::Float(value) => stack.push_num(value),
            Token::String(value) => stack.push_bytes(value),
            Token::Tag(format::SAME) => return self.same(),
            Token::Tag(format::ERROR) => return self.error(),
            Token::Tag(format::PLAIN) => return self.plain(),
            Token::Tag(tag) => return self.table(tag, at),
        }
        Ok(Read::Whole)
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
            Token::Nil => return Ok(Read::Whole),
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
