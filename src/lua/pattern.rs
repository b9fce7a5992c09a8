//! What the homes of a program's idle processes have in common, so that each of them can be kept as
//! its **difference** from that: some hundred bytes instead of some ten thousand.
//!
//! # How it works
//! A pattern is the words of one home. To **predict** the words of another home, the distance
//! between the two is added to all words that are addresses in the first. A difference is a list of
//! the words that were predicted wrong. So a bad prediction costs room, and is never a fault: any
//! home can be kept as its difference from any pattern.
//!
//! # Form of a difference
//! For each of the words, in order: how many words after the last one come before it, one byte,
//! where [`FAR`] means "so many, and go on"; then a byte that says how many bytes of the value
//! follow, lowest first, and whether these are to be added to the address of the home
//! ([`RELATIVE`]).

use std::ops::Range;

const WORD: usize = size_of::<usize>();
/// So many words are as predicted, and the next byte tells of more.
const FAR: u8 = u8::MAX;
/// The value is an address within the home.
const RELATIVE: u8 = 0x80;

/// See the module.
#[derive(Debug)]
pub(crate) struct Pattern {
    words: Box<[usize]>,
    /// Which of them are addresses within the home.
    addresses: Box<[u16]>,
    /// Where the home was.
    from: usize,
}

impl Pattern {
    /// A pattern of the words at the beginning of a home.
    pub(crate) fn of(words: &[usize], home: &Range<usize>) -> Pattern {
        assert!(words.len() <= usize::from(u16::MAX), "a home is short");
        let is_address = |at: &u16| home.contains(&words[usize::from(*at)]);
        let addresses = (0..words.len() as u16).filter(is_address).collect();
        Pattern { words: words.into(), addresses, from: home.start }
    }

    /// Predicts the first words of a home at `to`; as many as there are in `words` or the pattern,
    /// whichever are fewer, and zero for the rest.
    fn predict(&self, words: &mut [usize], to: usize) {
        let n = words.len().min(self.words.len());
        let (known, rest) = words.split_at_mut(n);
        known.copy_from_slice(&self.words[..n]);
        rest.fill(0);
        let distance = to.wrapping_sub(self.from);
        for &at in &self.addresses {
            let Some(word) = known.get_mut(usize::from(at)) else { break };
            *word = word.wrapping_add(distance);
        }
    }

    /// Finds in what `words`, the first ones of `home`, differ from their prediction. False if that
    /// takes more than `max_bytes`.
    pub(crate) fn compare(
        &self,
        words: &[usize],
        home: &Range<usize>,
        scratch: &mut Scratch,
        max_bytes: usize,
    ) -> bool {
        let Scratch { predicted, difference } = scratch;
        predicted.resize(words.len(), 0);
        self.predict(predicted, home.start);
        difference.clear();
        let mut next = 0;
        for (at, (&word, &expected)) in words.iter().zip(predicted.iter()).enumerate() {
            if word == expected {
                continue;
            }
            let mut n_same = at - next;
            while n_same >= FAR.into() {
                difference.push(FAR);
                n_same -= usize::from(FAR);
            }
            difference.push(n_same as u8);
            let is_address = home.contains(&word);
            let value = if is_address { word - home.start } else { word };
            let n_bytes = WORD - value.leading_zeros() as usize / 8;
            difference.push(n_bytes as u8 | if is_address { RELATIVE } else { 0 });
            difference.extend_from_slice(&value.to_le_bytes()[..n_bytes]);
            if difference.len() > max_bytes {
                return false;
            }
            next = at + 1;
        }
        true
    }

    /// Writes the first words of the home at `to` that `difference` was made from.
    pub(crate) fn restore(&self, words: &mut [usize], to: usize, difference: &[u8]) {
        self.predict(words, to);
        let mut bytes = difference.iter().copied();
        let mut at = 0;
        while let Some(n_same) = bytes.next() {
            at += usize::from(n_same);
            if n_same == FAR {
                continue;
            }
            let head = bytes.next().expect("a number of bytes follows");
            let mut value = [0; WORD];
            for byte in &mut value[..usize::from(head & !RELATIVE)] {
                *byte = bytes.next().expect("so many bytes follow");
            }
            let base = if head & RELATIVE != 0 { to } else { 0 };
            words[at] = usize::from_le_bytes(value) + base;
            at += 1;
        }
    }
}

/// Memory for comparisons.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    predicted: Vec<usize>,
    /// What [`Pattern::compare`] found.
    pub(crate) difference: Vec<u8>,
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOME_BYTES: usize = 1 << 15;

    /// Words of a home at `start`, some of which point into it, or beside it.
    fn word(start: usize) -> impl Strategy<Value = usize> {
        prop_oneof![
            4 => Just(0),
            2 => (0..HOME_BYTES).prop_map(move |at| start + at),
            1 => (0..2 * HOME_BYTES).prop_map(move |at| start - HOME_BYTES / 2 + at),
            1 => 0..1000_usize,
            1 => any::<usize>(),
        ]
    }

    fn words(start: usize) -> impl Strategy<Value = Vec<usize>> {
        prop::collection::vec(word(start), 0..1500)
    }

    fn home(start: usize) -> Range<usize> {
        start..start + HOME_BYTES
    }

    proptest! {
        #[test]
        fn any_home_is_restored_from_any_pattern(a in words(1 << 20), b in words(1 << 40)) {
            let pattern = Pattern::of(&a, &home(1 << 20));
            let mut scratch = Scratch::default();
            prop_assert!(pattern.compare(&b, &home(1 << 40), &mut scratch, usize::MAX));
            let mut restored = vec![77; b.len()];
            pattern.restore(&mut restored, 1 << 40, &scratch.difference);
            prop_assert_eq!(restored, b);
        }

        #[test]
        fn what_only_lies_elsewhere_does_not_differ(a in words(1 << 20), far in 1..1000_usize) {
            let pattern = Pattern::of(&a, &home(1 << 20));
            let to = (1 << 20) + far * HOME_BYTES;
            let moved = a.iter().map(|word| match home(1 << 20).contains(word) {
                true => word - (1 << 20) + to,
                false => *word,
            });
            let moved: Vec<_> = moved.collect();
            let mut scratch = Scratch::default();
            prop_assert!(pattern.compare(&moved, &home(to), &mut scratch, 0));
            prop_assert!(scratch.difference.is_empty());
        }
    }

    #[test]
    fn a_word_far_behind_the_last_is_found() {
        let pattern = Pattern::of(&[0; 2000], &home(1 << 20));
        for at in [0, 1, 254, 255, 256, 509, 510, 511, 1999] {
            let mut words = [0; 2000];
            words[at] = 7;
            let mut scratch = Scratch::default();
            assert!(pattern.compare(&words, &home(1 << 20), &mut scratch, usize::MAX));
            let mut restored = [1; 2000];
            pattern.restore(&mut restored, 1 << 20, &scratch.difference);
            assert_eq!(restored, words);
        }
    }

    #[test]
    fn a_difference_that_becomes_too_long_is_given_up() {
        let pattern = Pattern::of(&[0; 100], &home(1 << 20));
        let mut scratch = Scratch::default();
        // Of each word: the distance, the head, one byte.
        assert!(pattern.compare(&[1; 100], &home(1 << 20), &mut scratch, 300));
        assert!(!pattern.compare(&[1; 100], &home(1 << 20), &mut scratch, 299));
    }
}
