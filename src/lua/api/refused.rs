//! How functions of the runtime answer that something was done, or was refused.

use super::errors;
use crate::lua::raw::{Outcome, Raise, Stack};

/// `nil, err`, not to be tried again as it is.
pub(super) fn fail(
    stack: &Stack,
    kind: &'static str,
    text: impl AsRef<str>,
) -> Result<Outcome, Raise> {
    Ok(errors::fail(stack, kind, text.as_ref()))
}

/// `true`.
pub(super) fn succeed(stack: &Stack) -> Result<Outcome, Raise> {
    stack.push_bool(true);
    Ok(Outcome::Return(1))
}

/// A failure on its way to `nil, err`.
pub(crate) struct Refused {
    kind: &'static str,
    text: String,
    retryable: bool,
}

impl Refused {
    pub(super) fn new(kind: &'static str, text: impl Into<String>) -> Refused {
        Refused { kind, text: text.into(), retryable: false }
    }

    /// One that may not fail when it is tried again.
    pub(super) fn for_now(kind: &'static str, text: impl Into<String>) -> Refused {
        Refused { retryable: true, ..Refused::new(kind, text) }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn push(self, stack: &Stack) -> Result<Outcome, Raise> {
        stack.push_nil();
        errors::push_error(stack, self.kind, self.text, Some(self.retryable));
        Ok(Outcome::Return(2))
    }
}
