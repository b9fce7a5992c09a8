//! Where characters begin in bytes that may be UTF-8.

/// Whether a character goes on with this byte.
pub(crate) fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// The first `max` bytes, or up to three less: not ending within a character if they are text.
pub(crate) fn prefix(bytes: &[u8], max: usize) -> &[u8] {
    if bytes.len() <= max {
        return bytes;
    }
    let end = (max - 3..=max).rev().find(|at| !is_continuation(bytes[*at]));
    &bytes[..end.unwrap_or(max)]
}
