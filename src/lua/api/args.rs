//! Reading arguments the way all Moonlet functions do.

use smallvec::SmallVec;

use super::channel::type_name_or_none;
use super::errors;
use crate::lua::raw::{Raise, Stack};

/// A text argument, copied out of the VM.
pub(crate) type Text = SmallVec<[u8; 48]>;

/// An argument that is declared a string: also a number, or an error object by its message.
pub(crate) fn text_arg(stack: &Stack, n: i32) -> Result<Text, Raise> {
    if let Some(bytes) = stack.bytes(n) {
        return Ok(Text::from_slice(bytes));
    }
    if let Some(number) = stack.number_text(n) {
        return Ok(Text::from_slice(number.as_bytes()));
    }
    if let Some(message) = errors::message(stack, n) {
        return Ok(Text::from_vec(message));
    }
    let what = format!("string expected, got {}", type_name_or_none(stack, n));
    Err(Raise::argument(stack, n, &what))
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
