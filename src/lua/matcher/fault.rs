//! What can be wrong with a pattern. It shows when the matcher gets there, as in stock Lua.

use std::fmt;

/// A fault of a pattern, or of its use. Displays as the message of stock Lua.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing comes after the last `%`.
    EndsWithPercent,
    /// A set does not end.
    MissingBracket,
    /// `%b` without two bytes behind it.
    MissingBalance,
    /// `%f` without a set behind it.
    MissingFrontierSet,
    /// A `)` that closes nothing.
    NothingToClose,
    /// A capture that does not exist, or is open, by its number.
    NoCapture(usize),
    /// A `(` that was not closed.
    Unfinished,
    /// More captures than [`super::CAPTURES_MAX`].
    TooManyCaptures,
    /// More ways to go back to than [`super::CHOICES_MAX`].
    TooComplex,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::EndsWithPercent => "malformed pattern (ends with '%')",
            Fault::MissingBracket => "malformed pattern (missing ']')",
            Fault::MissingBalance => "malformed pattern (missing arguments to '%b')",
            Fault::MissingFrontierSet => "missing '[' after '%f' in pattern",
            Fault::NothingToClose => "invalid pattern capture",
            Fault::NoCapture(n) => return write!(f, "invalid capture index %{n}"),
            Fault::Unfinished => "unfinished capture",
            Fault::TooManyCaptures => "too many captures",
            Fault::TooComplex => "pattern too complex",
        })
    }
}
