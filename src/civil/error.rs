//! The error of this module: a finished message and whether something was not found.

use std::fmt;

/// Why a text, number or name was refused; `Display` is the whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Invalid,
    NotFound,
}

impl Error {
    #[cold]
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { kind: Kind::Invalid, message: message.into() }
    }

    #[cold]
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { kind: Kind::NotFound, message: message.into() }
    }

    /// Whether the argument was well formed but names nothing that exists.
    pub fn is_not_found(&self) -> bool {
        self.kind == Kind::NotFound
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Bytes of a text that are quoted, at most.
const QUOTED_MAX: usize = 1024;

/// `text` in double quotes, with everything that is not printable ASCII written as `\xNN`, so that
/// a message stays one readable line whatever it was given. Of a long text only the beginning is
/// shown, followed by `...`.
pub(crate) fn quoted(text: &[u8]) -> String {
    let shown = &text[..text.len().min(QUOTED_MAX)];
    let mut out = String::with_capacity(shown.len() + 2);
    out.push('"');
    for &byte in shown {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    if shown.len() < text.len() {
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_the_beginning_is_quoted() {
        let long = [b'x'; QUOTED_MAX + 1];
        let beginning = "x".repeat(QUOTED_MAX);
        assert_eq!(quoted(&long[1..]), format!("\"{beginning}\""));
        assert_eq!(quoted(&long), format!("\"{beginning}\"..."));
    }

    #[test]
    fn quotes_keep_a_message_printable() {
        assert_eq!(quoted(b"a b"), r#""a b""#);
        assert_eq!(quoted(br#"a"\"#), r#""a\"\\""#);
        assert_eq!(quoted("µ\n".as_bytes()), r#""\xc2\xb5\x0a""#);
    }
}
