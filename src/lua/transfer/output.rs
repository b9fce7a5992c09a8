//! The bytes that an encoder writes, and when it looks up from that: every so many bytes.
//!
//! # Invariants
//! * **O1** Up to the next safepoint there is room for what is written, but for a stretch and what
//!   little comes on top of it. So a large output grows at safepoints, where it is copied in
//!   stretches as well.

use super::format::{self, Bytes, Data};
use crate::lua::safepoint::{LARGE, STRETCH, Safepoints, Stopped};

/// Entries that were looked at and not written which stand for a stretch.
const SKIPPED_MAX: usize = 1 << 12;

/// An output with the safepoints of the step that writes it.
#[derive(Debug)]
pub(super) struct Output<'a, 'c> {
    /// The mark of [`format::HEAD`] bytes, and what was written.
    pub(super) bytes: Bytes,
    pub(super) safepoints: &'a mut Safepoints<'c>,
    /// The length at which to look up.
    look_at: usize,
    n_skipped: usize,
}

impl<'a, 'c> Output<'a, 'c> {
    #[inline]
    pub(super) fn new(safepoints: &'a mut Safepoints<'c>) -> Output<'a, 'c> {
        let mut bytes = Bytes::with_capacity(format::OUT_CAPACITY);
        bytes.push(format::KEYS);
        let look_at = safepoints.stretch();
        Output { bytes, safepoints, look_at, n_skipped: 0 }
    }

    /// To be called after each entry.
    #[inline(always)]
    pub(super) fn pass(&mut self) -> Result<(), Stopped> {
        if self.bytes.len() < self.look_at { Ok(()) } else { self.look() }
    }

    /// To be called for what is looked at, but not written.
    #[inline]
    pub(super) fn skip(&mut self) -> Result<(), Stopped> {
        self.n_skipped += 1;
        if self.n_skipped < SKIPPED_MAX {
            return Ok(());
        }
        self.n_skipped = 0;
        self.look()
    }

    #[cold]
    #[inline(never)]
    fn look(&mut self) -> Result<(), Stopped> {
        self.safepoints.look()?;
        self.look_at = self.bytes.len() + self.safepoints.stretch();
        self.safepoints.reserve(&mut self.bytes, 2 * STRETCH)
    }

    /// Writes a string.
    #[inline(always)]
    pub(super) fn string(&mut self, text: &[u8]) -> Result<(), Stopped> {
        if text.len() < STRETCH {
            format::write_string(&mut self.bytes, text);
            return Ok(());
        }
        self.long_string(text)
    }

    #[cold]
    #[inline(never)]
    fn long_string(&mut self, text: &[u8]) -> Result<(), Stopped> {
        self.bytes.push(format::STRING);
        self.text(text)
    }

    /// Writes a string without a tag.
    pub(super) fn text(&mut self, text: &[u8]) -> Result<(), Stopped> {
        format::write_varint(&mut self.bytes, text.len() as u64);
        self.safepoints.extend(&mut self.bytes, text)
    }

    /// The whole encoding; `remembers`: keys are referred to. In as many bytes as there must be,
    /// unless it is large: then with what is left of its room, and always with the mark.
    pub(super) fn finish(self, remembers: bool) -> Data {
        if self.bytes.len() >= LARGE {
            return Data::from_vec(self.bytes);
        }
        let from = if remembers { 0 } else { format::HEAD };
        Data::from_slice(&self.bytes[from..])
    }
}
