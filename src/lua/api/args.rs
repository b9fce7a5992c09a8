//! Reading arguments the way all Moonlet functions do.

use smallvec::SmallVec;

use super::errors;
use crate::lua::raw::{Raise, Stack};

/// A text argument, copied out of the VM.
pub(crate) type Text = SmallVec<[u8; 48]>;

/// An argument that is declared a string: also a number, or an error object by its message.
pub(crate) fn text_arg(stack: &Stack, n: i32) -> Result<Text, Raise> {
    errors::text_argument(stack, n).map(Text::from_slice)
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
