//! Bytes into values of a VM. Total: any bytes give values or [`Malformed`], never a panic, a
//! raise, or more memory than a small multiple of their number.
//!
//! # Concepts
//! * **Two ways to set**: an entry of a table is written into its memory, or set by Lua where that
//!   cannot be (see `raw/inside/fill.rs`).
//!
//! # Invariants
//! * **D1** Whatever a view is of lies on the stack or in the table of levels as long as the view
//!   is used (V2).

use std::ffi::c_int;

use smallvec::SmallVec;

use super::format::{self, Malformed, Reader, Token};
use super::keys;
use super::levels::Levels;
use super::plain::plain_type;
use crate::lua::api::{errors, result};
use crate::lua::raw::{LuaType, Scalar, Stack, StringView, TableView, View};
use crate::lua::safepoint::{LARGE, Safepoints};

/// Slots of a level: the table, and a key that waits for its value.
const LEVEL: c_int = 2;

/// A table that is being filled.
#[derive(Clone, Copy, Debug)]
struct Frame<'a> {
    /// Stack index of its level.
    base: c_int,
    state: State,
    table: Option<TableView<'a>>,
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
    /// A value without content.
    Whole,
    /// A table, which is to be filled.
    Table,
    /// An error, and above it the table of its details, which is to be filled.
    Details,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    /// It was the end of the list instead.
    End,
    Done,
    /// A table of it is to be filled first.
    Open,
}

/// Where a value goes.
#[derive(Clone, Copy, Debug)]
enum Key<'a> {
    Index(i64),
    /// The key in a stack slot, and the view of it if it is a string.
    Slot(c_int, Option<StringView<'a>>),
}

/// The remembered keys, a row of stack slots (see `keys.rs`).
#[derive(Debug)]
struct Row<'a> {
    first: c_int,
    views: [Option<StringView<'a>>; keys::ROOM],
    n_read: usize,
}

impl<'a> Row<'a> {
    /// Pushes the row, above which as much room is left as there was before.
    fn new(stack: &Stack, room: c_int) -> Result<Row<'a>, Malformed> {
        let first = stack.top() + 1;
        let n_slots = keys::ROOM as c_int;
        if !stack.reserve(room.checked_add(n_slots).ok_or(Malformed)?) {
            return Err(Malformed);
        }
        stack.set_top(first - 1 + n_slots);
        Ok(Row { first, views: [None; keys::ROOM], n_read: 0 })
    }

    /// Remembers the key on top of the stack.
    fn remember(&mut self, stack: &Stack, view: Option<StringView<'a>>) {
        let place = self.n_read % keys::ROOM;
        stack.copy(-1, self.first + place as c_int);
        self.views[place] = view;
        self.n_read += 1;
    }

    /// The key of place `place`.
    #[inline]
    fn key(&self, place: usize) -> Result<Key<'a>, Malformed> {
        if place >= self.n_read {
            return Err(Malformed);
        }
        Ok(Key::Slot(self.first + place as c_int, self.views[place]))
    }
}

/// Reads values one after the other.
#[derive(Debug)]
pub(super) struct Decoder<'a, 's, 'c> {
    stack: &'a Stack,
    input: Reader<'a>,
    safepoints: &'s mut Safepoints<'c>,
    /// The place in the input at which to look up.
    look_at: usize,
    /// The open tables; while entries of the innermost one are read, without it.
    frames: SmallVec<[Frame<'a>; 4]>,
    levels: Levels,
    /// Stack index of the table of shared tables by the place of their tag; nil until it is needed.
    shared: c_int,
    keys: Option<Row<'a>>,
    /// Table slots that the rest of the input may still claim.
    slots_left: usize,
}

impl<'a, 's, 'c> Decoder<'a, 's, 'c> {
    /// Uses some stack slots, and those above while it reads. `room`: so many were reserved.
    pub(super) fn new(
        stack: &'a Stack,
        data: &'a [u8],
        room: c_int,
        safepoints: &'s mut Safepoints<'c>,
    ) -> Result<Decoder<'a, 's, 'c>, Malformed> {
        stack.push_nil();
        let shared = stack.top();
        let levels = Levels::new(stack, LEVEL);
        let (data, keys) = match data.split_first() {
            Some((&format::KEYS, data)) => (data, Some(Row::new(stack, room)?)),
            _ => (data, None),
        };
        let input = Reader::new(data);
        let frames = SmallVec::new();
        let (look_at, slots_left) = (safepoints.stretch(), data.len());
        Ok(Decoder { stack, input, safepoints, look_at, frames, levels, shared, keys, slots_left })
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.input.is_at_end()
    }

    /// Pushes the next value with all that is in it.
    pub(super) fn value(&mut self) -> Result<(), Malformed> {
        let value = self.stack.top() + 1;
        let at = self.input.at();
        match self.input.token()? {
            Token::Scalar(Scalar::String(text)) => {
                self.push_string(text)?;
            }
            Token::Scalar(scalar) => self.stack.push_scalar(scalar),
            Token::Tag(tag) => {
                if matches!(self.with_parts(tag, at)?, Read::Table | Read::Details) {
                    let base = self.stack.top();
                    self.enter(base, self.stack.table_view(base));
                }
                while let Some(frame) = self.frames.pop() {
                    self.entries(frame)?;
                }
                self.stack.set_top(value);
            }
        }
        Ok(())
    }

    /// To be called for each entry.
    #[inline(always)]
    fn pass(&mut self) -> Result<(), Malformed> {
        if self.input.at() < self.look_at { Ok(()) } else { self.look() }
    }

    #[cold]
    #[inline(never)]
    fn look(&mut self) -> Result<(), Malformed> {
        self.look_at = self.input.at() + self.safepoints.stretch();
        Ok(self.safepoints.look()?)
    }

    /// Pushes a string.
    #[inline(always)]
    fn push_string(&mut self, text: &[u8]) -> Result<Option<StringView<'a>>, Malformed> {
        if text.len() < LARGE {
            return Ok(self.stack.push_viewed(text));
        }
        self.safepoints.push_bytes(self.stack, text)?;
        Ok(None)
    }

    /// Reads entries of the innermost table, `frame`, until one of them opens a table or none is
    /// left.
    fn entries(&mut self, mut frame: Frame<'a>) -> Result<(), Malformed> {
        while let State::Run(n_read) = frame.state {
            frame.state = State::Run(n_read + 1);
            match self.entry(&frame, Key::Index(n_read + 1))? {
                Entry::End => frame.state = State::Pairs,
                Entry::Done => {}
                Entry::Open => return Ok(()),
            }
        }
        let mut waiting = (frame.state == State::Value).then_some(Key::Slot(frame.base + 1, None));
        frame.state = State::Pairs;
        loop {
            let key = match waiting.take() {
                Some(key) => Some(key),
                None => self.key(&frame)?,
            };
            let Some(key) = key else { return Ok(()) };
            match self.entry(&frame, key)? {
                Entry::End => return Err(Malformed),
                Entry::Done => {}
                Entry::Open => return Ok(()),
            }
        }
    }

    /// Reads a key, and pushes it unless it is a remembered one. `None`: the table ended, or the
    /// key is a table that is to be filled first.
    #[inline(always)]
    fn key(&mut self, frame: &Frame<'a>) -> Result<Option<Key<'a>>, Malformed> {
        let at = self.input.at();
        let tag = self.input.byte()?;
        if let (format::KEY..=format::KEY_LAST, Some(keys)) = (tag, &self.keys) {
            return keys.key(usize::from(tag - format::KEY)).map(Some);
        }
        self.key_with(frame, tag, at)
    }

    /// As [`Decoder::key`], for a key that is not a remembered one, whose tag was read at `at`.
    fn key_with(
        &mut self,
        frame: &Frame<'a>,
        tag: u8,
        at: usize,
    ) -> Result<Option<Key<'a>>, Malformed> {
        let stack = self.stack;
        let slot = frame.base + LEVEL;
        match self.input.token_with(tag)? {
            Token::Scalar(Scalar::String(text)) => {
                let view = self.push_string(text)?;
                if let Some(keys) = &mut self.keys {
                    keys.remember(stack, view);
                }
                return Ok(Some(Key::Slot(slot, view)));
            }
            Token::Scalar(Scalar::Nil) => {
                self.end_table(frame);
                return Ok(None);
            }
            Token::Scalar(Scalar::Float(number)) if number.is_nan() => return Err(Malformed),
            Token::Scalar(scalar) => stack.push_scalar(scalar),
            Token::Tag(tag) => {
                let read = self.with_parts(tag, at)?;
                if read != Read::Whole {
                    stack.copy(slot, frame.base + 1);
                    self.enter_above(Frame { state: State::Value, ..*frame }, stack.table_view(-1));
                    return Ok(None);
                }
            }
        }
        Ok(Some(Key::Slot(slot, None)))
    }

    /// Reads the value of `key`, if there is one, and sets it.
    #[inline(always)]
    fn entry(&mut self, frame: &Frame<'a>, key: Key<'a>) -> Result<Entry, Malformed> {
        self.pass()?;
        let stack = self.stack;
        let at = self.input.at();
        match self.input.token()? {
            Token::Scalar(Scalar::Nil) => return Ok(Entry::End),
            Token::Scalar(Scalar::String(text)) => {
                let view = self.push_string(text)?.map(View::String);
                self.set_pushed(frame, key, -1, view);
                stack.set_top(frame.base + LEVEL - 1);
            }
            Token::Scalar(scalar) => self.set_scalar(frame, key, scalar),
            Token::Tag(tag) => {
                let read = self.with_parts(tag, at)?;
                let value = if read == Read::Details { -2 } else { -1 };
                let table = stack.table_view(value);
                self.set_pushed(frame, key, value, table.map(View::Table));
                match read {
                    Read::Whole => stack.set_top(frame.base + LEVEL - 1),
                    Read::Table => return Ok(self.enter_above(*frame, table)),
                    Read::Details => return Ok(self.enter_above(*frame, stack.table_view(-1))),
                }
            }
        }
        Ok(Entry::Done)
    }

    /// Sets the value of `key`, and drops the key if it is on top of the stack.
    #[inline(always)]
    fn set_scalar(&self, frame: &Frame<'a>, key: Key<'a>, scalar: Scalar<'_>) {
        let stack = self.stack;
        let is_on_top = matches!(key, Key::Slot(slot, _) if slot == frame.base + LEVEL);
        if set(frame, key, View::Scalar(scalar)) {
            if is_on_top {
                stack.set_top(frame.base + LEVEL - 1);
            }
            return;
        }
        match key {
            Key::Slot(slot, _) if !is_on_top => stack.push_value(slot),
            _ => {}
        }
        stack.push_scalar(scalar);
        match key {
            Key::Index(index) => stack.raw_set_int(frame.base, index),
            Key::Slot(..) => stack.raw_set(frame.base),
        }
    }

    /// Sets the value of `key` to that at `value`, an index from the top, which stays there.
    fn set_pushed(&self, frame: &Frame<'a>, key: Key<'a>, value: c_int, view: Option<View<'a>>) {
        let stack = self.stack;
        if view.is_some_and(|view| set(frame, key, view)) {
            return;
        }
        match key {
            Key::Index(index) => {
                stack.push_value(value);
                stack.raw_set_int(frame.base, index);
            }
            Key::Slot(slot, _) => {
                stack.push_value(slot);
                stack.push_value(value - 1);
                stack.raw_set(frame.base);
            }
        }
    }

    /// Opens the table on top of the stack, which lies above the level of `outer`.
    fn enter_above(&mut self, outer: Frame<'a>, table: Option<TableView<'a>>) -> Entry {
        self.frames.push(outer);
        let base = self.levels.enter(self.stack, self.frames.len(), outer.base);
        self.enter(base, table);
        Entry::Open
    }

    fn enter(&mut self, base: c_int, table: Option<TableView<'a>>) {
        // Not nil: a table of levels with nils in between would be no array.
        self.stack.push_bool(false);
        self.frames.push(Frame { base, state: State::Run(0), table });
    }

    fn end_table(&mut self, frame: &Frame<'_>) {
        if let Some(outer) = self.frames.last() {
            self.levels.leave(self.stack, frame.base, outer.base);
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
        Ok(Read::Table)
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
        if details == Read::Whole {
            stack.set_object_value(-2, errors::DETAILS);
            return Ok(Read::Whole);
        }
        stack.push_value(-1);
        stack.set_object_value(-3, errors::DETAILS);
        Ok(Read::Details)
    }

    fn plain(&mut self) -> Result<Read, Malformed> {
        let tag = u32::try_from(self.input.varint()?).map_err(|_| Malformed)?;
        let bytes = self.input.bytes()?;
        let plain = plain_type(tag).ok_or(Malformed)?;
        (plain.read)(self.stack, bytes).ok_or(Malformed)?;
        Ok(Read::Whole)
    }
}

/// Sets the value of `key` without Lua; false when that cannot be.
#[inline(always)]
fn set(frame: &Frame<'_>, key: Key<'_>, value: View<'_>) -> bool {
    let Some(table) = frame.table else { return false };
    match key {
        Key::Index(index) => table.set_element(index, value),
        Key::Slot(_, Some(key)) => table.set_field(key, value),
        Key::Slot(_, None) => false,
    }
}
