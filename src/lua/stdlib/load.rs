//! `load` for text chunks of bounded size.
//!
//! Compiled chunks are refused, because Lua does not check them and a wrong one crashes it. What a
//! reader function gives is collected before Lua sees any of it.

use super::catalog::stock;
use super::source::load_text;
use crate::lua::cx::Cx;
use crate::lua::raw::{Came, LuaType, Outcome, Raise, Stack, continuation};

/// Longest source in bytes.
pub(crate) const SOURCE_MAX: usize = 1 << 20;

/// A source of so many bytes may take longer to compile than a turn should last.
const LONG_SOURCE: usize = 16 << 10;

/// First byte of a compiled chunk.
const COMPILED: u8 = 0x1b;

// Stack slots of the arguments. A reader's pieces and their total size are above the last one.
const CHUNK: i32 = 1;
const NAME: i32 = 2;
const MODE: i32 = 3;

/// `load(chunk [, chunkname [, mode [, env]]])`.
pub(super) fn load(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    if names_unit(stack, cx) {
        let name = stack.bytes(NAME).and_then(|name| name.strip_prefix(b"="));
        let name = [b"=(load) ", name.unwrap_or_default()].concat();
        stack.push_bytes(name);
        stack.replace(NAME);
    }
    match stack.kind(CHUNK) {
        LuaType::String => compile(stack, cx),
        LuaType::Function if fits_reader(stack) => Ok(read(stack)),
        _ => Ok(Outcome::Nested(stock().load)), // a number, or an error
    }
}

/// Whether name and mode are such that the reader is called at all.
fn fits_reader(stack: &Stack) -> bool {
    let is_fixed = stack.bytes(MODE).is_some_and(|mode| mode.contains(&b'B'));
    stack.is_optional_text(NAME) && stack.is_optional_text(MODE) && !is_fixed
}

/// Whether the chunk would carry the name of a unit of the program: `require` asks by name whose
/// code called it.
fn names_unit(stack: &Stack, cx: &Cx) -> bool {
    let id = stack.bytes(NAME).and_then(|name| name.strip_prefix(b"="));
    id.is_some_and(|id| cx.launch.program.units.iter().any(|unit| unit.id.as_bytes() == id))
}

/// Compiles the chunk, a string, unless it is compiled already.
fn compile(stack: &Stack, cx: &Cx) -> Result<Outcome, Raise> {
    let source = stack.bytes(CHUNK).unwrap_or_default();
    if source.len() > SOURCE_MAX {
        return Ok(too_large(stack));
    }
    let is_compiled = source.first() == Some(&COMPILED);
    if stack.top() < MODE {
        stack.set_top(MODE);
    }
    let allows = |mode: &[u8]| !mode.contains(&b'B') && (is_compiled || mode.contains(&b't'));
    let is_allowed = stack.is_nil(MODE) || stack.bytes(MODE).is_some_and(allows);
    if !is_allowed || !stack.is_optional_text(NAME) {
        return Ok(Outcome::Nested(stock().load)); // refuses text, or raises
    }
    if stack.bytes(CHUNK).map_or(0, <[u8]>::len) > LONG_SOURCE {
        cx.before_long_step();
    }
    // Protected, so that an overflow in the parser does not meet the message handler of whoever
    // calls.
    stack.push_fn(load_text);
    stack.insert(1);
    let n_args = stack.top() - 1;
    Ok(Outcome::Protect { n_args, handler: 0, can_wait: false, then: continuation!(compiled) })
}

fn compiled(_: &Stack, _: &mut Cx, came: Came) -> Result<Outcome, Raise> {
    match came {
        Came::Results(n) => Ok(Outcome::Return(n)),
        Came::Error => Err(Raise::Top),
    }
}

/// Starts to call a reader function. Errors of it are results of `load`.
fn read(stack: &Stack) -> Outcome {
    let has_env = stack.top() > MODE;
    stack.set_top(if has_env { MODE + 1 } else { MODE });
    stack.new_table(0, 0);
    stack.push_int(0);
    read_on(stack)
}

fn read_on(stack: &Stack) -> Outcome {
    stack.push_value(CHUNK);
    Outcome::Protect { n_args: 0, handler: 0, can_wait: false, then: continuation!(piece_came) }
}

fn piece_came(stack: &Stack, cx: &mut Cx, came: Came) -> Result<Outcome, Raise> {
    let Came::Results(n) = came else {
        stack.push_nil();
        stack.insert(-2);
        return Ok(Outcome::Return(2));
    };
    let size_at = stack.top() - n;
    stack.set_top(size_at + 1);
    if let Some(text) = stack.number_text(-1) {
        stack.push_bytes(text);
        stack.replace(-2);
    }
    match stack.bytes(-1).map(<[u8]>::len) {
        None if !stack.is_nil(-1) => Ok(wrong_piece(stack)),
        None | Some(0) => {
            stack.pop(1);
            join(stack);
            compile(stack, cx)
        }
        Some(len) => Ok(keep(stack, len)),
    }
}

fn wrong_piece(stack: &Stack) -> Outcome {
    let text = stack.place(1) + "reader function must return a string";
    stack.push_nil();
    stack.push_bytes(text);
    Outcome::Return(2)
}

/// Stores the piece on top, and asks for the next.
fn keep(stack: &Stack, len: usize) -> Outcome {
    let size = stack.integer(-2).unwrap_or(0) + len as i64;
    if size > SOURCE_MAX as i64 {
        return too_large(stack);
    }
    let n_pieces = stack.raw_len(-3) as i64;
    stack.raw_set_int(-3, n_pieces + 1);
    stack.pop(1);
    stack.push_int(size);
    read_on(stack)
}

/// Pops the size and the table of pieces, and puts the whole text in the place of the reader.
fn join(stack: &Stack) {
    let mut text = Vec::with_capacity(stack.integer(-1).unwrap_or(0) as usize);
    for at in 1..=stack.raw_len(-2) as i64 {
        stack.raw_get_int(-2, at);
        text.extend_from_slice(stack.bytes(-1).unwrap_or_default());
        stack.pop(1);
    }
    stack.pop(2);
    stack.push_bytes(text);
    stack.replace(CHUNK);
    if stack.is_nil(NAME) {
        stack.push_bytes("=(load)");
        stack.replace(NAME);
    }
}

fn too_large(stack: &Stack) -> Outcome {
    stack.push_nil();
    stack.push_bytes("source is too large: at most 1 MB");
    Outcome::Return(2)
}
