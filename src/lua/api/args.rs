//! Reading arguments the way all Moonlet functions do.

use smallvec::SmallVec;

use super::errors::push_message;
use crate::lua::raw::{LuaType, Object, Raise, Stack};

/// A text argument, copied out of the VM.
pub(crate) type Text = SmallVec<[u8; 48]>;

/// An argument that is declared a string: also a number, or an error object by its message.
pub(crate) fn text_arg(stack: &Stack, n: i32) -> Result<Text, Raise> {
    text_argument(stack, n).map(Text::from_slice)
}

/// Bytes of a layout of times, at most: each takes some hundred nanoseconds, in one step.
const LAYOUT_MAX: usize = 4096;

/// An argument that is a layout of times.
pub(crate) fn layout_arg(stack: &Stack, n: i32) -> Result<Text, Raise> {
    let layout = text_argument(stack, n)?;
    if layout.len() > LAYOUT_MAX {
        let got = layout.len();
        let what = format!("layout of at most {LAYOUT_MAX} bytes expected, got {got} bytes");
        return Err(Raise::argument(stack, n, &what));
    }
    Ok(Text::from_slice(layout))
}

/// The text of an argument that is declared a string: a string, a number, or an error's message.
/// Argument `n` is replaced by that string.
///
/// # Errors
/// `bad argument #<n> to '<fn>' (string expected, got <type>)`.
pub(crate) fn text_argument(stack: &Stack, n: i32) -> Result<&[u8], Raise> {
    match stack.bytes(n) {
        Some(text) => Ok(text),
        None => text_of_other(stack, n),
    }
}

#[cold]
fn text_of_other(stack: &Stack, n: i32) -> Result<&[u8], Raise> {
    if let Some(text) = stack.number_text(n) {
        stack.push_bytes(text);
        stack.replace(n);
    } else if push_message(stack, n) {
        stack.replace(n);
    }
    stack.bytes(n).ok_or_else(|| {
        Raise::argument(stack, n, &format!("string expected, got {}", stack.type_name(n)))
    })
}

/// An argument that must be an object of type `T`, such as the one a method is called on.
pub(crate) fn object_arg<T: Object>(stack: &Stack, n: i32) -> Result<T, Raise> {
    stack.object::<T>(n).ok_or_else(|| {
        let got = stack.type_name(n);
        Raise::argument(stack, n, &format!("{} expected, got {got}", T::NAME))
    })
}

/// An argument that is declared an integer: a float counts by its part before the point.
pub(crate) fn integer_arg(stack: &Stack, n: i32) -> Result<i64, Raise> {
    match stack.kind(n) {
        LuaType::Number => match stack.integral(n) {
            Some(value) => Ok(value),
            None => truncated(stack.number(n).unwrap_or_default())
                .ok_or_else(|| Raise::argument(stack, n, "number has no integer representation")),
        },
        _ => {
            let got = stack.type_name(n);
            Err(Raise::argument(stack, n, &format!("number expected, got {got}")))
        }
    }
}

/// A float cut toward zero, where that fits.
fn truncated(value: f64) -> Option<i64> {
    let cut = value.trunc();
    let fits = cut >= i64::MIN as f64 && cut < i64::MAX as f64;
    fits.then_some(cut as i64)
}

/// Whether a text has the form of an entry id, `ns:name`.
pub(crate) fn is_entry_id(id: &str) -> bool {
    let part = |part: &str| {
        let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
        part.starts_with(first)
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    id.split_once(':').is_some_and(|(namespace, name)| part(namespace) && part(name))
}
