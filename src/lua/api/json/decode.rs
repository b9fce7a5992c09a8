//! JSON text into Lua values, without recursion.

use super::{BYTES_MAX, DEPTH_MAX};
use crate::lua::raw::Stack;

/// What is being filled. On the Lua stack: the table, for an object with the key that waits above
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// So many elements are in.
    Array(i64),
    Object,
}

/// What is wrong, and at which byte.
type Fault = (&'static str, usize);

#[derive(Debug)]
struct Decoder<'a> {
    stack: &'a Stack,
    text: &'a [u8],
    at: usize,
    frames: Vec<Frame>,
}

/// Pushes the value of a JSON text. `null` is nil, so it is no entry of a table.
///
/// # Errors
/// What is wrong at which offset, counted in bytes from 0.
pub(crate) fn decode(stack: &Stack, text: &[u8]) -> Result<(), String> {
    if text.len() > BYTES_MAX {
        return Err(format!("text is longer than {BYTES_MAX} bytes"));
    }
    let top = stack.top();
    let mut decoder = Decoder { stack, text, at: 0, frames: Vec::new() };
    decoder.document().map_err(|(what, at)| {
        stack.set_top(top);
        format!("{what} at offset {at}")
    })
}

impl<'a> Decoder<'a> {
    fn document(&mut self) -> Result<(), Fault> {
        let mut is_complete = self.value()?;
        loop {
            while is_complete {
                let Some(frame) = self.frames.last().copied() else {
                    self.skip_space();
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
        Err((what, self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
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
        self.skip_space();
        match (self.peek(), frame) {
            (Some(b','), Frame::Array(_)) => self.at += 1,
            (Some(b','), Frame::Object) => {
                self.at += 1;
                self.skip_space();
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
        self.skip_space();
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
        self.skip_space();
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
        self.skip_space();
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
                Some(_) => {}
                None => return Err(("string without an end", start)),
            }
        }
        self.at += 1;
        let quoted = &self.text[start..self.at];
        let inner = &quoted[1..quoted.len() - 1];
        if let Err(error) = std::str::from_utf8(inner) {
            return Err(("bytes that are not UTF-8", start + 1 + error.valid_up_to()));
        }
        if !has_escapes {
            self.stack.push_bytes(inner);
            return Ok(());
        }
        match serde_json::from_slice::<String>(quoted) {
            Ok(text) => {
                self.stack.push_bytes(text);
                Ok(())
            }
            Err(error) => Err(("invalid escape in a string", start + error.column())),
        }
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let is_integer = self.scan_number()?;
        let digits = &self.text[start..self.at];
        let text = std::str::from_utf8(digits).map_err(|_| ("expected a number", start))?;
        if is_integer && text != "-0" {
            let value = text.parse().map_err(|_| ("integer beyond 64 bits", start))?;
            self.stack.push_int(value);
            return Ok(());
        }
        let value: f64 = text.parse().map_err(|_| ("expected a number", start))?;
        if value.is_infinite() {
            return Err(("number beyond the range of floats", start));
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
        }
        if self.at == start { self.fault("expected a digit") } else { Ok(()) }
    }
}
