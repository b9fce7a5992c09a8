//! The bytes of the encoding: tags, numbers of variable length, and how they are written and read.
//!
//! | Byte | Value |
//! |---|---|
//! | `0x80`–`0xff` | the integers 0 to 127 |
//! | `0x10`–`0x17` | an integer of 1 to 8 bytes, which follow: zigzag, little-endian |
//! | `0x20`–`0x3f` | as a key only: the remembered string of this number |
//! | `0x40`–`0x7f` | a string of 0 to 63 bytes, which follow |
//! | others | as the constants below say |

use smallvec::SmallVec;

use super::keys;
use crate::lua::raw::Scalar;
use crate::lua::safepoint::Stopped;

/// The bytes of an encoding that is being written.
pub(super) type Bytes = Vec<u8>;

/// The bytes of an encoding as a message has them.
pub(super) type Data = SmallVec<[u8; INLINE]>;

/// Bytes that the output has room for from the start.
pub(super) const OUT_CAPACITY: usize = 256;

/// Bytes that an output begins with, for [`KEYS`]. Places count from behind them.
pub(super) const HEAD: usize = 1;

/// Where values are written to.
pub(super) trait Sink {
    fn push(&mut self, byte: u8);

    fn extend(&mut self, bytes: &[u8]);

    /// Adds the first `n` bytes of `word`; those behind are zero.
    fn push_word(&mut self, word: [u8; 8], n: usize);
}

impl Sink for Bytes {
    #[inline]
    fn push(&mut self, byte: u8) {
        self.push(byte);
    }

    #[inline]
    fn extend(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn push_word(&mut self, word: [u8; 8], n: usize) {
        // All of them and then back: shorter than a copy of some.
        let end = self.len() + n;
        self.extend_from_slice(&word);
        self.truncate(end);
    }
}

impl Sink for Data {
    #[inline]
    fn push(&mut self, byte: u8) {
        self.push(byte);
    }

    #[inline]
    fn extend(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn push_word(&mut self, word: [u8; 8], n: usize) {
        self.extend_from_slice(&word[..n]);
    }
}

/// Bytes of an encoding that lie in the message itself.
const INLINE: usize = 40;

/// An encoding of at most 16 bytes, which is put together in registers.
#[derive(Debug, Default)]
pub(super) struct Short {
    word: u128,
    len: usize,
}

impl Short {
    #[inline]
    pub(super) fn finish(self) -> Data {
        let mut bytes = [0; INLINE];
        bytes[..16].copy_from_slice(&self.word.to_le_bytes());
        Data::from_buf_and_len(bytes, self.len)
    }
}

impl Sink for Short {
    #[inline]
    fn push(&mut self, byte: u8) {
        self.word |= u128::from(byte) << (8 * self.len);
        self.len += 1;
    }

    fn extend(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.push(*byte));
    }

    #[inline]
    fn push_word(&mut self, word: [u8; 8], n: usize) {
        self.word |= u128::from(u64::from_le_bytes(word)) << (8 * self.len);
        self.len += n;
    }
}

/// nil, and the end of a list.
pub(super) const NIL: u8 = 0;
pub(super) const FALSE: u8 = 1;
pub(super) const TRUE: u8 = 2;
/// Eight bytes, little-endian.
pub(super) const FLOAT: u8 = 4;
/// Varint length, bytes.
pub(super) const STRING: u8 = 5;
/// Size of the hash part (see [`hash_class`]), varint size of the array part; then the values of
/// the keys 1, 2, 3 and so on up to a [`NIL`]; then keys with their values up to a [`NIL`].
pub(super) const TABLE: u8 = 6;
/// As [`TABLE`]; a [`SAME`] refers to it.
pub(super) const TABLE_SHARED: u8 = TABLE + 1;
/// As [`TABLE`]; the result record of an event.
pub(super) const RECORD: u8 = 8;
/// As [`RECORD`]; a [`SAME`] refers to it.
pub(super) const RECORD_SHARED: u8 = RECORD + 1;
/// Varint place of the tag of an earlier table.
pub(super) const SAME: u8 = 10;
/// Byte for retryable, three strings (length, bytes): message, kind, trace; the details, a table or
/// nil.
pub(super) const ERROR: u8 = 11;
/// Varint type tag, string: an object that is nothing but its Rust part.
pub(super) const PLAIN: u8 = 12;
/// First of all, if at all: keys are remembered (see `keys.rs`). Places count from behind it.
pub(super) const KEYS: u8 = 13;

/// An integer of one byte.
const INTEGER: u8 = 0x10;
const INTEGER_LAST: u8 = INTEGER + 7;
/// The first remembered key.
pub(super) const KEY: u8 = 0x20;
pub(super) const KEY_LAST: u8 = KEY + (keys::ROOM as u8 - 1);
const SHORT_STRING: u8 = 0x40;
const SHORT_STRING_MAX: usize = 63;
const SMALL_INTEGER: u8 = 0x80;
const SMALL_INTEGER_MAX: i64 = 127;

/// Values of the byte for retryable.
pub(super) const RETRYABLE: [Option<bool>; 3] = [None, Some(false), Some(true)];

/// What a table's size byte says about a hash part of `n_fields`: 0 for none, else one more than
/// the power of two that holds them, which is how Lua sizes it anyway.
pub(super) fn hash_class(n_fields: usize) -> u8 {
    if n_fields == 0 { 0 } else { 1 + n_fields.next_power_of_two().trailing_zeros() as u8 }
}

pub(super) fn write_varint(out: &mut impl Sink, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Overwrites the varint at `at` by zero, in the same number of bytes.
pub(super) fn clear_varint(out: &mut Bytes, at: usize) {
    for byte in &mut out[at..] {
        let is_last = *byte & 0x80 == 0;
        *byte &= 0x80;
        if is_last {
            break;
        }
    }
}

#[inline(always)]
pub(super) fn write_scalar(out: &mut impl Sink, scalar: Scalar<'_>) {
    match scalar {
        Scalar::Nil => out.push(NIL),
        Scalar::Boolean(value) => out.push(if value { TRUE } else { FALSE }),
        Scalar::Integer(value) => write_integer(out, value),
        Scalar::Float(value) => write_float(out, value),
        Scalar::String(value) => write_string(out, value),
    }
}

#[inline(always)]
pub(super) fn write_integer(out: &mut impl Sink, value: i64) {
    if (0..=SMALL_INTEGER_MAX).contains(&value) {
        return out.push(SMALL_INTEGER | value as u8);
    }
    let zigzag = (value << 1 ^ value >> 63) as u64;
    // At least one byte: zero is a small integer.
    let n_bytes = 8 - zigzag.leading_zeros() as usize / 8;
    out.push(INTEGER + n_bytes as u8 - 1);
    out.push_word(zigzag.to_le_bytes(), n_bytes);
}

pub(super) fn write_float(out: &mut impl Sink, value: f64) {
    out.push(FLOAT);
    out.push_word(value.to_le_bytes(), 8);
}

pub(super) fn write_string(out: &mut impl Sink, value: &[u8]) {
    if value.len() <= SHORT_STRING_MAX {
        out.push(SHORT_STRING | value.len() as u8);
        out.extend(value);
    } else {
        out.push(STRING);
        write_bytes(out, value);
    }
}

/// How many bytes [`write_string`] writes of a text of `len` bytes, or a few more.
pub(super) fn string_size(len: usize) -> usize {
    const HEAD_MAX: usize = 11;
    len + if len <= SHORT_STRING_MAX { 1 } else { HEAD_MAX }
}

/// A string without a tag: length and bytes.
pub(super) fn write_bytes(out: &mut impl Sink, value: &[u8]) {
    write_varint(out, value.len() as u64);
    out.extend(value);
}

/// Another reference to the table whose tag is at `first` of the output.
pub(super) fn write_same(out: &mut Bytes, first: usize) {
    out[first] |= 1;
    out.push(SAME);
    write_varint(out, (first - HEAD) as u64);
}

/// Bytes that no encoder writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<Stopped> for Malformed {
    /// Nobody asks any more what the bytes were (P2).
    fn from(Stopped: Stopped) -> Malformed {
        Malformed
    }
}

/// A place in the bytes of an encoding.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

/// A value without parts, or a tag whose parts are still to be read.
#[derive(Debug)]
pub(super) enum Token<'a> {
    /// [`NIL`] is nil, or the end of a list.
    Scalar(Scalar<'a>),
    /// Any other tag.
    Tag(u8),
}

impl<'a> Reader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Reader<'a> {
        Reader { data, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.data.len()
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = *self.data.get(self.at).ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    pub(super) fn size(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.varint()?).map_err(|_| Malformed)
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let taken = self.data[self.at..].get(..len).ok_or(Malformed)?;
        self.at += len;
        Ok(taken)
    }

    /// A number of `n_bytes` bytes, at most 8.
    #[inline]
    fn word(&mut self, n_bytes: usize) -> Result<u64, Malformed> {
        Ok(match *self.take(n_bytes)? {
            [byte] => byte.into(),
            [low, high] => u16::from_le_bytes([low, high]).into(),
            ref bytes => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        })
    }

    /// A string without a tag.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.size()?;
        self.take(len)
    }

    #[inline(always)]
    pub(super) fn token(&mut self) -> Result<Token<'a>, Malformed> {
        let tag = self.byte()?;
        self.token_with(tag)
    }

    /// The token whose first byte is `tag`.
    #[inline(always)]
    pub(super) fn token_with(&mut self, tag: u8) -> Result<Token<'a>, Malformed> {
        // First: they are the most.
        if tag >= SMALL_INTEGER {
            return Ok(Token::Scalar(Scalar::Integer(i64::from(tag & !SMALL_INTEGER))));
        }
        Ok(Token::Scalar(match tag {
            SHORT_STRING.. => Scalar::String(self.take(usize::from(tag & !SHORT_STRING))?),
            NIL => Scalar::Nil,
            FALSE | TRUE => Scalar::Boolean(tag == TRUE),
            INTEGER..=INTEGER_LAST => {
                let zigzag = self.word(usize::from(tag - INTEGER) + 1)?;
                Scalar::Integer((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
            }
            FLOAT => {
                let bytes = self.take(8)?.try_into().map_err(|_| Malformed)?;
                Scalar::Float(f64::from_le_bytes(bytes))
            }
            STRING => Scalar::String(self.bytes()?),
            _ => return Ok(Token::Tag(tag)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn integers_are_read_as_they_were_written(value in any::<i64>(), small in -200i64..200) {
            for value in [value, small, i64::MIN, i64::MAX] {
                let mut out = Bytes::new();
                write_integer(&mut out, value);
                let token = Reader::new(&out).token();
                prop_assert!(matches!(token, Ok(Token::Scalar(Scalar::Integer(read))) if read == value));
            }
        }

        #[test]
        fn a_cleared_varint_is_zero_of_the_same_length(value in any::<u64>(), next in any::<u8>()) {
            let mut out = Bytes::new();
            write_varint(&mut out, value);
            let len = out.len();
            out.push(next);
            clear_varint(&mut out, 0);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.varint(), Ok(0));
            prop_assert_eq!(reader.at(), len);
            prop_assert_eq!(reader.byte(), Ok(next));
        }
    }

    #[test]
    fn the_class_of_a_hash_part_holds_its_fields() {
        assert_eq!([0, 1, 2, 3, 4, 5, 9].map(hash_class), [0, 1, 2, 3, 3, 4, 5]);
    }
}
