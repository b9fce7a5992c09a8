//! Bytes that came in and that nobody has read yet.
//!
//! # Invariants
//! * **B1** `start <= searched <= bytes.len()`; there is no newline in `bytes[start..searched]`.
//! * **B2** What was taken stays in place until the next [`Received::settle`], so that it can be
//!   handed out as a slice.

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Received {
    bytes: Vec<u8>,
    start: usize,
    /// Where the search for the end of a line goes on: a line that comes in byte by byte is looked
    /// at once, not again for every byte.
    searched: usize,
}

/// A line at the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It is here: so many bytes, its end included.
    Whole(usize),
    /// Its end has not come yet.
    Partial,
}

impl Received {
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives back the room of what was taken. Nothing is held while nothing is here, so that an
    /// idle connection costs no buffer.
    pub(super) fn settle(&mut self) {
        if self.is_empty() {
            *self = Received::default();
        } else if self.start >= self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The first `n` bytes, which are here.
    pub(super) fn front(&self, n: usize) -> &[u8] {
        &self.bytes[self.start..self.start + n]
    }

    /// Takes up to `n` bytes from the front.
    pub(super) fn take(&mut self, n: usize) -> &[u8] {
        let n = n.min(self.len());
        let taken = self.start..self.start + n;
        self.start = taken.end;
        self.searched = self.searched.max(self.start);
        &self.bytes[taken]
    }

    /// Looks for the end of the first line.
    pub(super) fn line(&mut self) -> Line {
        match self.bytes[self.searched..].iter().position(|byte| *byte == b'\n') {
            Some(at) => Line::Whole(self.searched + at + 1 - self.start),
            None => {
                self.searched = self.bytes.len();
                Line::Partial
            }
        }
    }
}

/// A line without its `\n` or `\r\n`.
pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    line.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take_line(received: &mut Received) -> Option<Vec<u8>> {
        match received.line() {
            Line::Whole(n) => Some(without_end(received.take(n)).to_vec()),
            Line::Partial => None,
        }
    }

    #[test]
    fn lines_end_in_a_newline_with_or_without_a_return() {
        let mut received = Received::default();
        received.append(b"one\ntwo\r\n\n\r\r\nrest\r");
        let lines: Vec<_> = std::iter::from_fn(|| take_line(&mut received)).collect();
        assert_eq!(lines, [&b"one"[..], b"two", b"", b"\r"]);
        assert_eq!(received.take(99), b"rest\r");
    }

    #[test]
    fn nothing_is_held_for_a_connection_that_is_idle() {
        let mut received = Received::default();
        received.append(&[b'x'; 1000]);
        received.take(1000);
        received.settle();
        assert_eq!(received.bytes.capacity(), 0);
    }

    proptest! {
        /// Whatever way the bytes come in and are taken: they come out once, in order, by whole
        /// lines.
        #[test]
        fn bytes_come_out_as_they_came_in(
            chunks in prop::collection::vec(prop::collection::vec(prop::sample::select(b"ab\r\n".to_vec()), 0..9), 0..9),
            takes in prop::collection::vec(prop::option::of(0usize..7), 0..30),
        ) {
            let mut received = Received::default();
            let mut naive = Vec::new();
            let mut chunks = chunks.into_iter();
            for take in takes {
                received.settle();
                if let Some(chunk) = chunks.next() {
                    received.append(&chunk);
                    naive.extend_from_slice(&chunk);
                }
                let n = match take {
                    Some(n) => n.min(naive.len()),
                    None => naive.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1),
                };
                if take.is_none() {
                    let expected = if n == 0 { Line::Partial } else { Line::Whole(n) };
                    prop_assert_eq!(received.line(), expected);
                }
                let expected: Vec<_> = naive.drain(..n).collect();
                prop_assert_eq!(received.take(n), expected);
                prop_assert_eq!(received.len(), naive.len());
            }
        }
    }
}
