//! `string.format`: values that stock Lua would show by their addresses, and very many arguments.
//!
//! All else is left to stock Lua. Each value of the first kind that a `%s` or a `%p` would show is
//! replaced by its text first, and the `%p` by a `%s`. With more than [`PIECE`] arguments the
//! format is cut into pieces, which stock Lua fills in one after the other, since a single number
//! can take it twenty microseconds.

#![expect(unsafe_code, reason = "texts are pushed by functions that may raise elsewhere")]

use std::ffi::c_int;

use super::access::has_metafield;
use super::catalog::stock;
use super::long::join;
use super::strings::use_messages;
use super::tostring::push_shown;
use crate::lua::cx::Cx;
use crate::lua::raw::{Came, HostFn, LuaType, Outcome, Raise, Stack, continuation, guarded};
use crate::lua::text::{is_shown_by_number, push_number};

/// `string.format(s, …)`.
pub(super) const FORMAT: HostFn = guarded!(pure is_special, format, (stock().format));

/// Conversions of a piece.
const PIECE: usize = if cfg!(any(test, fuzzing)) { 3 } else { 64 };

/// Whether the first argument is an object, another one is shown by its number, the format asks for
/// a number, or there are many arguments.
fn is_special(stack: &Stack) -> bool {
    stack.kind(1) == LuaType::Userdata
        || is_long(stack)
        || (2..=stack.top()).any(|index| is_shown_by_number(stack, index))
        || stack.bytes(1).is_some_and(|format| conversions(format).any(|found| found.kind == b'p'))
}

fn is_long(stack: &Stack) -> bool {
    stack.top() as usize > 1 + PIECE
}

fn format(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    use_messages(stack, 1);
    if stack.kind(1) == LuaType::String {
        replace_addresses(stack);
        if is_long(stack) {
            stack.new_table(0, 0);
            stack.push_int(0);
            return fill_piece(stack);
        }
    }
    Ok(Outcome::Nested(stock().format))
}

fn replace_addresses(stack: &Stack) {
    let mut format = stack.bytes(1).unwrap_or_default().to_vec();
    let found: Vec<_> = conversions(&format).collect();
    // For more arguments than there are stock Lua has an error.
    for (found, arg) in found.into_iter().zip(2..=stack.top()) {
        match found.kind {
            b's' if is_shown_by_number(stack, arg) && !has_metafield(stack, arg, "__tostring") => {
                push_shown(stack, arg);
                stack.replace(arg);
            }
            b'p' if found.is_plain => {
                push_number_of(stack, arg);
                stack.replace(arg);
                format[found.at] = b's';
            }
            _ => {}
        }
    }
    stack.push_bytes(format);
    stack.replace(1);
}

/// Pushes what `%p` shows.
fn push_number_of(stack: &Stack, index: c_int) {
    let object = stack.pointer(index);
    if object.is_null() {
        stack.push_bytes("(null)");
    } else {
        // SAFETY: in a host function, which is granted memory, so nothing raises.
        unsafe { push_number(stack.raw(), object) }
    }
}

/// The slots behind the arguments of a long call.
struct Slots {
    /// The texts of the pieces so far, in a table.
    texts: c_int,
    /// How much of the format the pieces cover, with the one that is being filled in.
    covered: c_int,
}

impl Slots {
    /// Those up to `last`.
    fn up_to(last: c_int) -> Slots {
        Slots { texts: last - 1, covered: last }
    }

    /// The first argument of the piece that comes next: all before have as many.
    fn argument(&self, stack: &Stack) -> c_int {
        2 + (PIECE * stack.raw_len(self.texts)) as c_int
    }
}

/// Has the next piece filled in. The slots are on top.
fn fill_piece(stack: &Stack) -> Result<Outcome, Raise> {
    let slots = Slots::up_to(stack.top());
    let covered = stack.integer(slots.covered).unwrap_or(0);
    let rest = &stack.bytes(1).unwrap_or_default()[covered as usize..];
    let (n, end) =
        conversions(rest).take(PIECE).fold((0, 0), |(n, _), found| (n + 1, found.at + 1));
    let piece = if n < PIECE { rest } else { &rest[..end] };
    stack.push_int(covered + piece.len() as i64);
    stack.replace(slots.covered);
    if !stack.reserve(PIECE as c_int + 8) {
        return Err(Raise::Message("stack overflow (too many arguments)".to_owned()));
    }
    // One more than the piece needs, if there is one: what is wrong behind is found before it.
    let first = slots.argument(stack);
    let arguments = first..slots.texts.min(first + n as c_int + 1);
    let n_args = 1 + arguments.len() as c_int;
    stack.push_fn(stock().format);
    stack.push_bytes(piece);
    arguments.for_each(|index| stack.push_value(index));
    Ok(Outcome::Protect { n_args, handler: 0, can_wait: true, then: continuation!(filled) })
}

/// The text of a piece, or the error in it, is on top.
fn filled(stack: &Stack, _: &mut Cx, came: Came) -> Result<Outcome, Raise> {
    let slots = Slots::up_to(stack.top() - 1);
    if came == Came::Error {
        return Err(error_of_whole(stack, slots.argument(stack)));
    }
    let n_texts = stack.raw_len(slots.texts) + 1;
    stack.raw_set_int(slots.texts, n_texts as i64);
    let covered = stack.integer(slots.covered).unwrap_or(0) as usize;
    if covered < stack.bytes(1).map_or(0, <[u8]>::len) {
        return fill_piece(stack);
    }
    join(stack, slots.texts, n_texts)?;
    Ok(Outcome::Return(1))
}

/// The error on top is one of a piece, whose first argument that is: makes it that of the call.
fn error_of_whole(stack: &Stack, first: c_int) -> Raise {
    let text = String::from_utf8_lossy(stack.bytes(-1).unwrap_or_default()).into_owned();
    if ["invalid conversion ", "invalid format "].iter().any(|fault| text.starts_with(fault)) {
        return Raise::Message(text);
    }
    let parts = text.strip_prefix("bad argument #").and_then(|rest| {
        let (n, rest) = rest.split_once(' ')?;
        let what = rest.split_once('(')?.1.strip_suffix(')')?;
        Some((n.parse::<c_int>().ok()?, what))
    });
    match parts {
        // In the piece the format was the first argument as well.
        Some((n, what)) => Raise::argument(stack, first + n - 2, what),
        None => Raise::Top,
    }
}

/// A conversion in a format that takes an argument.
struct Conversion {
    /// Where its letter is.
    at: usize,
    kind: u8,
    /// Whether it has no more than a width and a `-`.
    is_plain: bool,
}

fn conversions(format: &[u8]) -> impl Iterator<Item = Conversion> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let percent = from + memchr::memchr(b'%', format.get(from..)?)?;
            let flags = &format[percent + 1..];
            let n = flags.iter().take_while(|byte| b"-+ #0123456789.".contains(byte)).count();
            let at = percent + 1 + n;
            let kind = *format.get(at)?;
            from = at + 1;
            if kind != b'%' {
                let width = flags[..n].strip_prefix(b"-").unwrap_or(&flags[..n]);
                let is_plain = width.len() <= 2
                    && width.iter().all(u8::is_ascii_digit)
                    && width.first() != Some(&b'0');
                return Some(Conversion { at, kind, is_plain });
            }
        }
    })
}
