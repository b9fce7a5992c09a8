//! Sets of bytes: what one item of a pattern stands for.
//!
//! The classes are those of C's `<ctype.h>` in the "C" locale, which is the only one here.

use super::Fault;

/// A set of bytes as 256 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(super) const EMPTY: ByteSet = ByteSet([0; 4]);

    const fn of(byte: u8) -> ByteSet {
        ByteSet::EMPTY.with(byte)
    }

    const fn with(self, byte: u8) -> ByteSet {
        let ByteSet(mut words) = self;
        words[(byte >> 6) as usize] |= 1 << (byte & 63);
        ByteSet(words)
    }

    const fn complement(self) -> ByteSet {
        let ByteSet([a, b, c, d]) = self;
        ByteSet([!a, !b, !c, !d])
    }

    fn union(self, ByteSet(other): ByteSet) -> ByteSet {
        let ByteSet(mut words) = self;
        words.iter_mut().zip(other).for_each(|(word, more)| *word |= more);
        ByteSet(words)
    }

    #[inline(always)]
    pub(super) const fn contains(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 != 0
    }
}

/// For each byte `x` what `%x` stands for: a class, the complement of one, or the byte itself.
pub(super) static CLASSES: [ByteSet; 256] = {
    let mut classes = [ByteSet::EMPTY; 256];
    let mut letter = 0;
    while letter < 256 {
        classes[letter] = class(letter as u8);
        letter += 1;
    }
    classes
};

const fn class(letter: u8) -> ByteSet {
    let mut members = ByteSet::EMPTY;
    let mut byte = 0;
    while byte < 256 {
        match is_in_class(byte as u8, letter.to_ascii_lowercase()) {
            Some(true) => members = members.with(byte as u8),
            Some(false) => {}
            None => return ByteSet::of(letter),
        }
        byte += 1;
    }
    if letter.is_ascii_uppercase() { members.complement() } else { members }
}

/// `None` when the letter names no class.
const fn is_in_class(byte: u8, letter: u8) -> Option<bool> {
    Some(match letter {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'g' => byte.is_ascii_graphic(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => matches!(byte, b' ' | b'\t'..=b'\r'),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        // Undocumented, and still there.
        b'z' => byte == 0,
        _ => return None,
    })
}

/// The sets of a pattern that were met last, so that none is read again for each byte.
#[derive(Debug)]
pub(super) struct Sets {
    known: [Known; Sets::N],
    /// Which of them gives way to the next.
    oldest: usize,
}

/// A set in square brackets.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Where in the pattern it begins; `usize::MAX` for none.
    at: usize,
    /// Behind it.
    end: usize,
    members: ByteSet,
}

impl Sets {
    const N: usize = 4;

    pub(super) fn new() -> Sets {
        let none = Known { at: usize::MAX, end: 0, members: ByteSet::EMPTY };
        Sets { known: [none; Sets::N], oldest: 0 }
    }

    /// The set that begins with the bracket at `at`: its place here, and the offset behind it.
    /// It stays there while no more than [`Sets::N`] are read.
    #[inline]
    pub(super) fn read(&mut self, pattern: &[u8], at: usize) -> Result<(usize, usize), Fault> {
        match self.known.iter().position(|known| known.at == at) {
            Some(place) => Ok((place, self.known[place].end)),
            None => self.learn(pattern, at),
        }
    }

    fn learn(&mut self, pattern: &[u8], at: usize) -> Result<(usize, usize), Fault> {
        let end = end(pattern, at)?;
        let place = self.oldest;
        self.known[place] = Known { at, end, members: members(pattern, at, end) };
        self.oldest = (place + 1) % Sets::N;
        Ok((place, end))
    }

    #[inline(always)]
    pub(super) fn members(&self, place: usize) -> &ByteSet {
        &self.known[place].members
    }
}

/// The offset behind the set that begins at `at`. The first byte after the bracket, and one after
/// `%`, does not end it.
fn end(pattern: &[u8], at: usize) -> Result<usize, Fault> {
    let mut p = at + 1;
    if pattern.get(p) == Some(&b'^') {
        p += 1;
    }
    loop {
        let Some(&byte) = pattern.get(p) else { return Err(Fault::MissingBracket) };
        p += 1;
        if byte == b'%' && p < pattern.len() {
            p += 1;
        }
        if pattern.get(p) == Some(&b']') {
            return Ok(p + 1);
        }
    }
}

/// Reads `pattern[at..end]`, a set in its brackets. An escape takes the byte after it even where
/// that is the closing bracket, as stock Lua does: in `[x-%%]` the second `%` begins one.
fn members(pattern: &[u8], at: usize, end: usize) -> ByteSet {
    let last = end - 1;
    let is_complement = pattern[at + 1] == b'^';
    let mut members = ByteSet::EMPTY;
    let mut p = at + 1 + usize::from(is_complement);
    while p < last {
        let byte = pattern[p];
        if byte == b'%' {
            members = members.union(CLASSES[usize::from(pattern[p + 1])]);
            p += 2;
        } else if pattern[p + 1] == b'-' && p + 2 < last {
            members = (byte..=pattern[p + 2]).fold(members, ByteSet::with);
            p += 3;
        } else {
            members = members.with(byte);
            p += 1;
        }
    }
    if is_complement { members.complement() } else { members }
}
