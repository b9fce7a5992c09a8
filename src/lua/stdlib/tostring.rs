//! `tostring` and `string.format` of values that stock Lua would show by their addresses.
//!
//! All other values are left to stock Lua. For `format`, each value of that kind that a `%s` or a
//! `%p` would show is replaced by its text first, and the `%p` by a `%s`.

#![expect(unsafe_code, reason = "texts are pushed by functions that may raise elsewhere")]

use std::ffi::c_int;

use super::access::has_metafield;
use super::catalog::stock;
use super::strings::use_messages;
use crate::lua::cx::Cx;
use crate::lua::raw::{HostFn, LuaType, Outcome, Raise, Stack, guarded};
use crate::lua::text::{is_shown_by_number, push_number, push_text};

/// `tostring(v)`.
pub(super) const TOSTRING: HostFn = guarded!(pure is_number_shown, show, (stock().tostring));

/// `string.format(s, …)`.
pub(super) const FORMAT: HostFn = guarded!(pure has_addresses, prepare, (stock().format));

fn is_number_shown(stack: &Stack) -> bool {
    is_shown_by_number(stack, 1) && !has_metafield(stack, 1, "__tostring")
}

fn show(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    push_shown(stack, 1);
    Ok(Outcome::Return(1))
}

/// Pushes the text of a value that is shown by its number.
fn push_shown(stack: &Stack, index: c_int) {
    // SAFETY: in a host function, which is granted memory, and no metamethod is called: so nothing
    // raises.
    unsafe { push_text(stack.raw(), index) }
}

/// Whether the first argument is an object, another one is shown by its number, or the format asks
/// for a number.
fn has_addresses(stack: &Stack) -> bool {
    stack.kind(1) == LuaType::Userdata
        || (2..=stack.top()).any(|index| is_shown_by_number(stack, index))
        || stack.bytes(1).is_some_and(|format| conversions(format).any(|found| found.kind == b'p'))
}

fn prepare(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    use_messages(stack, 1);
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
    if stack.kind(1) == LuaType::String {
        stack.push_bytes(format);
        stack.replace(1);
    }
    Ok(Outcome::Nested(stock().format))
}

/// Pushes what `%p` shows.
fn push_number_of(stack: &Stack, index: c_int) {
    let object = stack.pointer(index);
    if object.is_null() {
        stack.push_bytes("(null)");
    } else {
        // SAFETY: as in `push_shown`.
        unsafe { push_number(stack.raw(), object) }
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
