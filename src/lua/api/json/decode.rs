//! JSON text into Lua values, without recursion.

use super::{BYTES_MAX, DEPTH_MAX, NoText, first_piece};
use crate::lua::raw::Stack;
use crate::lua::safepoint::{STRETCH, Safepoints, Stopped};
use crate::lua::utf8::is_continuation;

/// What is being filled. On the Lua stack: the table, for an object with the key that waits above
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// So many elements are in.
    Array(i64),
    Object,
}

/// Why it ends early.
enum Fault {
    /// What is wrong, and at which byte.
    At(&'static str, usize),
    Stopped,
}

impl From<Stopped> for Fault {
    fn from(Stopped: Stopped) -> Fault {
        Fault::Stopped
    }
}

#[derive(Debug)]
struct Decoder<'a, 's, 'c> {
    stack: &'a Stack,
    safepoints: &'s mut Safepoints<'c>,
    /// The place in the text at which to look up.
    look_at: usize,
    text: &'a [u8],
    at: usize,
    frames: Vec<Frame>,
}

/// Pushes the value of a JSON text. `null` is nil, so it is no entry of a table.
///
/// # Errors
/// What is wrong at which offset, counted in bytes from 0.
pub(crate) fn decode(
    stack: &Stack,
    text: &[u8],
    safepoints: &mut Safepoints<'_>,
) -> Result<(), NoText> {
    if text.len() > BYTES_MAX {
        return Err(NoText::Fault(format!("text is longer than {BYTES_MAX} bytes")));
    }
    let top = stack.top();
    let (look_at, frames) = (safepoints.stretch(), Vec::new());
    let mut decoder = Decoder { stack, safepoints, look_at, text, at: 0, frames };
    decoder.document().map_err(|fault| {
        stack.set_top(top);
        match fault {
            Fault::At(what, at) => NoText::Fault(format!("{what} at offset {at}")),
            Fault::Stopped => NoText::Stopped,
        }
    })
}

impl<'a> Decoder<'a, '_, '_> {
    fn document(&mut self) -> Result<(), Fault> {
        let mut is_complete = self.value()?;
        loop {
            while is_complete {
                let Some(frame) = self.frames.last().copied() else {
                    self.skip_space()?;
                    return if self.at == self.text.len() {
                        Ok(())
                    } else {
                        self.fault("unexpected text behind the value")
                    };
                };
                self.store(frame);
                is_complete = self.separator(frame)?;
            }
            is_complete = self.value()?;
        }
    }

    fn fault<T>(&self, what: &'static str) -> Result<T, Fault> {
        Err(Fault::At(what, self.at))
    }

    /// To be called again and again as the reading goes on.
    #[inline(always)]
    fn pass(&mut self) -> Result<(), Fault> {
        if self.at < self.look_at { Ok(()) } else { self.look() }
    }

    #[cold]
    #[inline(never)]
    fn look(&mut self) -> Result<(), Fault> {
        self.look_at = self.at + self.safepoints.stretch();
        Ok(self.safepoints.look()?)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) -> Result<(), Fault> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
            self.pass()?;
        }
        self.pass()
    }

    /// Pops a value into the innermost table.
    fn store(&mut self, frame: Frame) {
        match frame {
            Frame::Array(len) => {
                self.stack.raw_set_int(-2, len + 1);
                self.frames.pop();
                self.frames.push(Frame::Array(len + 1));
            }
            Frame::Object => self.stack.raw_set(-3),
        }
    }

    /// Reads what follows an entry; true when the table is complete with it.
    fn separator(&mut self, frame: Frame) -> Result<bool, Fault> {
        self.skip_space()?;
        match (self.peek(), frame) {
            (Some(b','), Frame::Array(_)) => self.at += 1,
            (Some(b','), Frame::Object) => {
                self.at += 1;
                self.skip_space()?;
                self.key()?;
            }
            (Some(b']'), Frame::Array(_)) | (Some(b'}'), Frame::Object) => {
                self.at += 1;
                self.frames.pop();
                return Ok(true);
            }
            (None, _) => return self.fault("unexpected end of text"),
            (_, Frame::Array(_)) => return self.fault("expected `,` or `]`"),
            (_, Frame::Object) => return self.fault("expected `,` or `}`"),
        }
        Ok(false)
    }

    /// Pushes a value; false when it is a table that has entries still to be read.
    fn value(&mut self) -> Result<bool, Fault> {
        self.skip_space()?;
        match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'[') => return self.open(b']', Frame::Array(0)),
            Some(b'{') => return self.open(b'}', Frame::Object),
            Some(b'n') => {
                self.word(b"null")?;
                self.stack.push_nil();
            }
            Some(b't') => {
                self.word(b"true")?;
                self.stack.push_bool(true);
            }
            Some(b'f') => {
                self.word(b"false")?;
                self.stack.push_bool(false);
            }
            None => return self.fault("unexpected end of text"),
            _ => return self.fault("expected a value"),
        }
        Ok(true)
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Fault> {
        if !self.text[self.at..].starts_with(word) {
            return self.fault("expected a value");
        }
        self.at += word.len();
        Ok(())
    }

    /// Pushes a table and, of an object that is not empty, the first key. True when it is empty.
    fn open(&mut self, close: u8, frame: Frame) -> Result<bool, Fault> {
        if self.frames.len() >= DEPTH_MAX || !self.stack.reserve(8) {
            return self.fault("nesting is too deep");
        }
        self.at += 1;
        self.stack.new_table(0, 0);
        self.skip_space()?;
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(true);
        }
        self.frames.push(frame);
        if frame == Frame::Object {
            self.key()?;
        }
        Ok(false)
    }

    /// Pushes a key, and reads the colon behind it.
    fn key(&mut self) -> Result<(), Fault> {
        if self.peek() != Some(b'"') {
            return self.fault("expected a string as key");
        }
        self.string()?;
        self.skip_space()?;
        if self.peek() != Some(b':') {
            return self.fault("expected `:`");
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let mut has_escapes = false;
        loop {
            self.at += 1;
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    self.at += 1;
                }
                Some(0..0x20) => return self.fault("control character in a string"),
                Some(_) => self.pass()?,
                None => return Err(Fault::At("string without an end", start)),
            }
        }
        self.at += 1;
        let quoted = &self.text[start..self.at];
        let inner = &quoted[1..quoted.len() - 1];
        self.check_text(inner, start + 1)?;
        if !has_escapes {
            return Ok(self.safepoints.push_bytes(self.stack, inner)?);
        }
        if inner.len() <= STRETCH {
            self.stack.push_bytes(unescaped(quoted, start)?);
            return Ok(());
        }
        self.long_string(inner, start + 1)
    }

    /// Checks the bytes of a string, the first of which is at `start` of the text.
    fn check_text(&mut self, bytes: &[u8], start: usize) -> Result<(), Fault> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let piece = first_piece(rest);
            if let Err(error) = std::str::from_utf8(piece) {
                let at = start + bytes.len() - rest.len() + error.valid_up_to();
                return Err(Fault::At("bytes that are not UTF-8", at));
            }
            rest = &rest[piece.len()..];
            self.safepoints.pass(piece.len())?;
        }
        Ok(())
    }

    /// Pushes a string with escapes, piece by piece; its first byte is at `start` of the text.
    fn long_string(&mut self, bytes: &[u8], start: usize) -> Result<(), Fault> {
        let (mut rest, mut out) = (bytes, Vec::new());
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(escaped_piece(rest));
            let at = start + bytes.len() - rest.len();
            let text = unescaped(&[b"\"", piece, b"\""].concat(), at - 1)?;
            self.safepoints.extend(&mut out, text.as_bytes())?;
            rest = behind;
        }
        Ok(self.safepoints.push_bytes(self.stack, &out)?)
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let is_integer = self.scan_number()?;
        let digits = &self.text[start..self.at];
        let text =
            std::str::from_utf8(digits).map_err(|_| Fault::At("expected a number", start))?;
        if is_integer && text != "-0" {
            let value = text.parse().map_err(|_| Fault::At("integer beyond 64 bits", start))?;
            self.stack.push_int(value);
            return Ok(());
        }
        let value: f64 = text.parse().map_err(|_| Fault::At("expected a number", start))?;
        if value.is_infinite() {
            return Err(Fault::At("number beyond the range of floats", start));
        }
        self.stack.push_num(value);
        Ok(())
    }

    /// Goes behind a number; whether it has neither fraction nor exponent.
    fn scan_number(&mut self) -> Result<bool, Fault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let mut is_integer = true;
        if self.peek() == Some(b'.') {
            is_integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            is_integer = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(is_integer)
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
            self.pass()?;
        }
        if self.at == start { self.fault("expected a digit") } else { Ok(()) }
    }
}

/// The text of a string in quotes, the first of which is at `start` of the whole text.
fn unescaped(quoted: &[u8], start: usize) -> Result<String, Fault> {
    serde_json::from_slice(quoted)
        .map_err(|error| Fault::At("invalid escape in a string", start + error.column()))
}

/// The length of the first piece of a string, about a stretch, which ends neither within a
/// character nor within an escape or a pair of them.
fn escaped_piece(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() && (at < STRETCH || is_continuation(bytes[at])) {
        at += match &bytes[at..] {
            // The first half of a pair.
            [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..] => 12,
            [b'\\', b'u', ..] => 6,
            [b'\\', ..] => 2,
            _ => 1,
        };
    }
    at.min(bytes.len())
}
