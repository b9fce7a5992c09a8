//! `string.gsub` whose callbacks may wait and be interrupted.
//!
//! A string as replacement goes to stock Lua. For a function or a table the walk is ours: stock
//! `string.find` looks for the next match, the replacement is asked for through a continuation, and
//! the pieces of the result are collected in a table.
//!
//! One error comes earlier than in stock Lua: an unfinished capture behind the first, with a table
//! as replacement.
//!
//! # Invariants
//! * **G1** The frame's first four slots are always valid arguments for `string.find`: subject,
//!   pattern, position, nil.
//! * **G2** The pieces joined are the result for the subject up to `COPIED`.
//! * **G3** An empty match right behind the match before is none (`LAST_END`), as in stock Lua.

use std::ffi::c_int;

use super::catalog::stock;
use super::strings::use_messages;
use super::support::{self, Part};
use crate::lua::cx::Cx;
use crate::lua::raw::{Came, LuaType, Outcome, Raise, Stack, continuation};

// Stack slots; positions count from 1.
const SUBJECT: c_int = 1;
const PATTERN: c_int = 2;
/// Where to look for the next match.
const FROM: c_int = 3;
const REPLACEMENT: c_int = 5;
/// How many replacements are still allowed.
const LEFT: c_int = 6;
const PIECES: c_int = 7;
/// Number of replacements that were made.
const COUNT: c_int = 8;
/// First byte of the subject that no piece covers.
const COPIED: c_int = 9;
/// The byte behind the match before, 0 without one.
const LAST_END: c_int = 10;
/// First and last byte of the match that is being replaced, then its captures.
const FIRST: c_int = 11;
const LAST: c_int = 12;
const CAPTURES: c_int = 13;

/// `string.gsub(s, pattern, repl [, n])`.
pub(super) fn gsub(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    use_messages(stack, 3);
    let calls_back = matches!(stack.kind(3), LuaType::Function | LuaType::Table);
    let n_max = if stack.is_nil(4) { Some(i64::MAX) } else { stack.to_integer(4) };
    let (true, Some(n_max), true, true) =
        (calls_back, n_max, to_string(stack, SUBJECT), to_string(stack, PATTERN))
    else {
        return Ok(Outcome::Nested(stock().gsub));
    };
    if never_matches(stack.bytes(PATTERN).unwrap_or_default()) {
        return Ok(Outcome::Nested(stock().gsub));
    }
    stack.set_top(3);
    stack.push_int(1);
    stack.push_nil();
    stack.rotate(3, 2); // subject, pattern, 1, nil, replacement
    stack.push_int(n_max);
    stack.new_table(0, 0);
    stack.push_int(0);
    stack.push_int(1);
    stack.push_int(0);
    search(stack)
}

/// A pattern that `find` would take for plain text, while it is an error for `gsub` when it gets as
/// far as the parenthesis.
fn never_matches(pattern: &[u8]) -> bool {
    pattern.contains(&b')') && !pattern.iter().any(|byte| b"^$*+?.([%-".contains(byte))
}

/// Turns a number into a string; false for what is neither.
fn to_string(stack: &Stack, index: c_int) -> bool {
    let index = stack.abs(index);
    if let Some(text) = stack.number_text(index) {
        stack.push_bytes(text);
        stack.replace(index);
    }
    stack.kind(index) == LuaType::String
}

fn search(stack: &Stack) -> Result<Outcome, Raise> {
    stack.set_top(LAST_END);
    if int(stack, LEFT) <= 0 {
        return finish(stack);
    }
    Ok(Outcome::Through(stock().find, continuation!(found)))
}

/// `string.find` came back: first and last byte of a match and its captures, or nil.
fn found(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    if stack.is_nil(FIRST) {
        return finish(stack);
    }
    let (first, last) = (int(stack, FIRST), int(stack, LAST));
    if last < first && first == int(stack, LAST_END) {
        return skip_byte(stack, first);
    }
    if stack.top() < CAPTURES {
        push_subject(stack, first, last);
    }
    if !stack.reserve(8) {
        return Err(Raise::Message("stack overflow".to_owned()));
    }
    if stack.kind(REPLACEMENT) == LuaType::Function {
        stack.push_value(REPLACEMENT);
        stack.insert(CAPTURES);
        let n_args = stack.top() - CAPTURES;
        return Ok(Outcome::Call { n_args, n_results: 1, then: continuation!(replaced) });
    }
    look_up(stack)
}

/// The replacement is a table, the key the first capture.
fn look_up(stack: &Stack) -> Result<Outcome, Raise> {
    stack.set_top(CAPTURES);
    if !stack.push_metatable(REPLACEMENT) {
        stack.raw_get(REPLACEMENT);
        return replace(stack);
    }
    stack.pop(1);
    support::push(stack, Part::Index)?;
    stack.push_value(REPLACEMENT);
    stack.push_value(CAPTURES);
    Ok(Outcome::Call { n_args: 2, n_results: 1, then: continuation!(replaced) })
}

/// The match that was found is none (G3); the next may begin one byte later.
fn skip_byte(stack: &Stack, first: i64) -> Result<Outcome, Raise> {
    set_int(stack, FROM, first + 1);
    if is_anchored(stack) || first > subject(stack).len() as i64 {
        return finish(stack);
    }
    search(stack)
}

fn replaced(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    replace(stack)
}

/// The value on top stands for the match.
fn replace(stack: &Stack) -> Result<Outcome, Raise> {
    let (first, last) = (int(stack, FIRST), int(stack, LAST));
    if stack.truthy(-1) {
        if !to_string(stack, -1) {
            let what = stack.kind(-1).name();
            return Err(Raise::Message(format!("invalid replacement value (a {what})")));
        }
        let value = stack.top();
        add_subject(stack, int(stack, COPIED), first - 1);
        stack.push_value(value);
        add_piece(stack);
        set_int(stack, COPIED, last + 1);
    }
    set_int(stack, COUNT, int(stack, COUNT) + 1);
    set_int(stack, LEFT, int(stack, LEFT) - 1);
    set_int(stack, FROM, last + 1);
    set_int(stack, LAST_END, last + 1);
    if is_anchored(stack) { finish(stack) } else { search(stack) }
}

/// Joins the pieces: the frame becomes a call of `table.concat` with the count above its arguments.
fn finish(stack: &Stack) -> Result<Outcome, Raise> {
    stack.set_top(LAST_END);
    add_subject(stack, int(stack, COPIED), subject(stack).len() as i64);
    stack.push_value(COUNT);
    stack.replace(5);
    stack.push_value(PIECES);
    stack.replace(1);
    stack.set_top(5);
    for index in 2..=4 {
        stack.push_nil();
        stack.replace(index);
    }
    Ok(Outcome::Through(stock().concat, continuation!(joined)))
}

fn joined(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    stack.push_value(5);
    Ok(Outcome::Return(2))
}

fn subject(stack: &Stack) -> &[u8] {
    stack.bytes(SUBJECT).unwrap_or_default()
}

fn is_anchored(stack: &Stack) -> bool {
    stack.bytes(PATTERN).is_some_and(|pattern| pattern.starts_with(b"^"))
}

/// Pushes bytes `first` to `last` of the subject.
fn push_subject(stack: &Stack, first: i64, last: i64) {
    stack.push_bytes(&subject(stack)[first as usize - 1..last as usize]);
}

/// Adds bytes `first` to `last` of the subject to the pieces.
fn add_subject(stack: &Stack, first: i64, last: i64) {
    if first <= last {
        push_subject(stack, first, last);
        add_piece(stack);
    }
}

/// Pops a string and adds it to the pieces.
fn add_piece(stack: &Stack) {
    let n = stack.raw_len(PIECES) as i64;
    stack.raw_set_int(PIECES, n + 1);
}

fn int(stack: &Stack, slot: c_int) -> i64 {
    stack.integer(slot).unwrap_or(0)
}

fn set_int(stack: &Stack, slot: c_int, value: i64) {
    stack.push_int(value);
    stack.replace(slot);
}
