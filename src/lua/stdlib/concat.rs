//! `table.concat` of any number of elements of any length. What is short goes to stock Lua.
//!
//! Elements and separators are collected as pieces: short ones are joined, long ones are pieces as
//! they are. When the length of the whole is known, the pieces are written into a blank.
//!
//! # Invariants
//! * **C1** The strings in `PIECES` are what the elements before key `NEXT` give, of `TOTAL` bytes;
//!   `LEFT` elements are to come.
//! * **C2** Pieces 1 to `PIECE` - 1 and `OFFSET` bytes of piece `PIECE` are the first `WRITTEN`
//!   bytes of the result, which is on top.

use std::ffi::c_int;

use super::access::{self, get, is_plain, to_length};
use super::catalog::stock;
use super::long::STRETCH;
use super::slots::{int, integer_or, key_range, len, set_int, set_len};
use crate::lua::cx::Cx;
use crate::lua::raw::{Came, HostFn, LuaType, Outcome, Raise, Stack, View, continuation, guarded};

const LIST: c_int = 1;
const SEPARATOR: c_int = 2;
const NEXT: c_int = 3;
const LAST: c_int = 4;
/// From the beginning on, what is counted of [`LAST`].
const LEFT: c_int = LAST;
const PIECES: c_int = 5;
const TOTAL: c_int = 6;
const HEIGHT: c_int = 6;

const PIECE: c_int = 4;
const OFFSET: c_int = 3;
const WRITTEN: c_int = 7;
const RESULT: c_int = 8;

/// Elements of a stretch.
const N_MAX: i64 = 1000;

/// From this length on a string is a piece of its own.
const LONG: usize = 1 << 12;

/// `table.concat(list [, sep [, i [, j]]])`.
pub(super) const CONCAT: HostFn = guarded!(pure is_long, concat, (stock().concat));

fn is_long(stack: &Stack) -> bool {
    stack.kind(LIST) == LuaType::Table && !(is_plain(stack, LIST) && has_few_bytes(stack))
}

/// Whether few bytes come of few elements of a plain table, as far as that is seen without effort.
fn has_few_bytes(stack: &Stack) -> bool {
    let separator = stack.bytes(SEPARATOR).unwrap_or_default().len();
    let (Some(table), Some((first, last))) =
        (stack.table_view(LIST), key_range(stack, LIST, NEXT, LAST))
    else {
        return false;
    };
    let elements = table.elements();
    if first > last {
        return true;
    }
    if first < 1 || last as usize > elements.n() || last - first >= N_MAX {
        return false;
    }
    let mut n_bytes = 0;
    for at in first as usize - 1..last as usize {
        n_bytes += separator;
        if let View::String(text) = elements.value(at) {
            n_bytes += text.bytes().len();
        }
    }
    n_bytes <= STRETCH
}

fn concat(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    if !stack.is_optional_text(SEPARATOR)
        || [NEXT, LAST].iter().any(|index| integer_or(stack, *index, 0).is_none())
    {
        return Ok(Outcome::Nested(stock().concat)); // raises
    }
    stack.set_top(LAST);
    match access::length(stack, LIST, continuation!(counted)) {
        Ok(len) => concat_to(stack, len),
        Err(call) => Ok(call),
    }
}

fn counted(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    let len = to_length(stack)?;
    concat_to(stack, len)
}

fn concat_to(stack: &Stack, len: i64) -> Result<Outcome, Raise> {
    let first = integer_or(stack, NEXT, 1).unwrap_or(1);
    let last = integer_or(stack, LAST, len).unwrap_or(0);
    if first > last {
        stack.push_bytes("");
        return Ok(Outcome::Return(1));
    }
    if stack.kind(SEPARATOR) != LuaType::String {
        stack.push_bytes(stack.number_text(SEPARATOR).unwrap_or_default());
        stack.replace(SEPARATOR);
    }
    set_int(stack, NEXT, first);
    set_int(stack, LEFT, last.saturating_sub(first).saturating_add(1));
    stack.new_table(0, 0);
    stack.push_int(0);
    collect(stack)
}

fn go_on(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    collect(stack)
}

/// An element is on top.
fn got(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    let mut pieces = Pieces::new(stack);
    pieces.add_element()?;
    pieces.store();
    collect(stack)
}

/// Makes pieces of elements, until there are enough for a stretch or a metamethod must be called.
fn collect(stack: &Stack) -> Result<Outcome, Raise> {
    let mut pieces = Pieces::new(stack);
    for _ in 0..N_MAX {
        if pieces.left == 0 {
            pieces.store();
            return join(stack);
        }
        if let Err(call) = get(stack, LIST, pieces.next, continuation!(got)) {
            pieces.store();
            return Ok(call);
        }
        pieces.add_element()?;
        if pieces.text.len() >= STRETCH {
            break;
        }
    }
    pieces.store();
    Ok(Outcome::Pause(continuation!(go_on)))
}

/// The pieces of a stretch, with the slots of C1 at hand.
struct Pieces<'a> {
    stack: &'a Stack,
    next: i64,
    left: i64,
    total: usize,
    /// What short elements and separators have given since the last piece.
    text: Vec<u8>,
}

impl<'a> Pieces<'a> {
    fn new(stack: &'a Stack) -> Pieces<'a> {
        let (next, left) = (int(stack, NEXT), int(stack, LEFT));
        Pieces { stack, next, left, total: len(stack, TOTAL), text: Vec::new() }
    }

    /// Pops the next element and adds it, with the separator behind it.
    fn add_element(&mut self) -> Result<(), Raise> {
        if let Some(number) = self.stack.number_text(-1) {
            self.text.extend_from_slice(number.as_bytes());
        } else if !self.add_string(-1) {
            let (kind, at) = (self.stack.kind(-1).name(), self.next);
            return Err(Raise::Message(format!(
                "invalid value ({kind}) at index {at} in table for 'concat'"
            )));
        }
        self.stack.pop(1);
        if self.left > 1 {
            self.add_string(SEPARATOR);
        }
        self.next = self.next.wrapping_add(1);
        self.left -= 1;
        Ok(())
    }

    /// Adds the string at `index`; false when it is none.
    fn add_string(&mut self, index: c_int) -> bool {
        let Some(text) = self.stack.bytes(index) else { return false };
        if text.len() < LONG {
            self.text.extend_from_slice(text);
            return true;
        }
        let n_bytes = text.len();
        self.stack.push_value(index);
        self.add_joined();
        self.add_piece(n_bytes);
        true
    }

    /// Makes a piece of the short strings.
    fn add_joined(&mut self) {
        if !self.text.is_empty() {
            self.stack.push_bytes(&self.text);
            self.add_piece(self.text.len());
            self.text.clear();
        }
    }

    /// Pops a string of so many bytes.
    fn add_piece(&mut self, n_bytes: usize) {
        let n = self.stack.raw_len(PIECES) as i64;
        self.stack.raw_set_int(PIECES, n + 1);
        self.total = self.total.saturating_add(n_bytes);
    }

    /// Ends the stretch: the slots are as C1 says.
    fn store(mut self) {
        self.add_joined();
        set_int(self.stack, NEXT, self.next);
        set_int(self.stack, LEFT, self.left);
        set_len(self.stack, TOTAL, self.total);
    }
}

/// All pieces are there.
fn join(stack: &Stack) -> Result<Outcome, Raise> {
    stack.set_top(HEIGHT);
    let total = len(stack, TOTAL);
    if stack.raw_len(PIECES) == 1 {
        stack.raw_get_int(PIECES, 1);
        return Ok(Outcome::Return(1));
    }
    if total <= STRETCH {
        let mut whole = Vec::with_capacity(total);
        for at in 1..=stack.raw_len(PIECES) as i64 {
            stack.raw_get_int(PIECES, at);
            whole.extend_from_slice(stack.bytes(-1).unwrap_or_default());
            stack.pop(1);
        }
        stack.push_bytes(whole);
        return Ok(Outcome::Return(1));
    }
    set_int(stack, PIECE, 1);
    set_int(stack, OFFSET, 0);
    stack.push_int(0);
    if !stack.push_blank(total) {
        return Err(Raise::out_of_memory());
    }
    write_on(stack)
}

fn go_on_writing(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    write_on(stack)
}

/// Writes pieces into the result, as many bytes as a stretch has.
fn write_on(stack: &Stack) -> Result<Outcome, Raise> {
    stack.set_top(RESULT);
    let total = len(stack, TOTAL);
    let (mut piece, mut offset) = (int(stack, PIECE), len(stack, OFFSET));
    let mut written = len(stack, WRITTEN);
    let end = total.min(written + STRETCH);
    while written < end {
        stack.raw_get_int(PIECES, piece);
        let text = stack.bytes(-1).unwrap_or_default();
        let n = (text.len() - offset).min(end - written);
        stack.write_blank(RESULT, written, &text[offset..offset + n]);
        written += n;
        offset += n;
        if offset == text.len() {
            (piece, offset) = (piece + 1, 0);
        }
        stack.pop(1);
    }
    if written == total {
        return Ok(Outcome::Return(1));
    }
    set_int(stack, PIECE, piece);
    set_len(stack, OFFSET, offset);
    set_len(stack, WRITTEN, written);
    Ok(Outcome::Pause(continuation!(go_on_writing)))
}
