//! What is known of a match under way, between two of its steps; as bytes, and back.
//!
//! # Form
//! Words of eight bytes, lowest first: the registers, how many captures there are, two words for
//! each capture, and four for each choice up to the end.

use smallvec::SmallVec;

/// All that changes during a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) doing: Doing,
    pub(super) start: usize,
    /// The end of the match before; an empty match there is none.
    pub(super) last_end: Option<usize>,
    /// Where in the subject, and where in the pattern.
    pub(super) s: usize,
    pub(super) p: usize,
    /// How deep `%b` is, or how far a back reference is compared.
    pub(super) aux: usize,
    pub(super) captures: SmallVec<[Capture; 6]>,
    pub(super) choices: SmallVec<[Choice; 6]>,
}

/// What the next step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Look for the next start.
    Seek,
    /// Match the item at `p`.
    Item,
    /// Take more bytes for the choice on top, which is a [`Choice::Shrink`].
    Take,
    /// Look for the end of `%b`.
    Balance,
    /// Compare with an earlier capture.
    Compare,
    /// Return to the choice on top.
    Back,
    Matched,
    Failed,
}

impl Doing {
    /// In the order of their numbers.
    const ALL: [Doing; 8] = [
        Doing::Seek,
        Doing::Item,
        Doing::Take,
        Doing::Balance,
        Doing::Compare,
        Doing::Back,
        Doing::Matched,
        Doing::Failed,
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capture {
    pub(super) start: usize,
    pub(super) extent: Extent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Unfinished,
    Position,
    Len(usize),
}

/// Where to go back to. `p` is where the pattern goes on, except for `Grow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// `x?` took a byte: do without it.
    Skip { s: usize, p: usize },
    /// `x*` took all up to `s`: give one back, but none before `min`.
    Shrink { s: usize, min: usize, p: usize },
    /// `x-`, the item at `p`, took all up to `s`: take one more.
    Grow { s: usize, p: usize },
    /// The last capture was opened.
    Open,
    /// Capture `n` was closed.
    Close { n: usize },
}

const WORD: usize = size_of::<u64>();
/// Stands for "none" where a length may be.
const UNFINISHED: u64 = u64::MAX;
const POSITION: u64 = u64::MAX - 1;

impl State {
    /// The state as bytes: at most some 7 KB.
    pub(super) fn save(&self) -> Vec<u8> {
        let n_words = 8 + 2 * self.captures.len() + 4 * self.choices.len();
        let mut bytes = Vec::with_capacity(n_words * WORD);
        let mut put = |words: &[u64]| {
            words.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        };
        let State { doing, start, last_end, s, p, aux, captures, choices } = self;
        let last_end = last_end.map_or(u64::MAX, |end| end as u64);
        put(&[*doing as u64, *start as u64, last_end, *s as u64, *p as u64, *aux as u64]);
        put(&[captures.len() as u64]);
        for capture in captures {
            let extent = match capture.extent {
                Extent::Unfinished => UNFINISHED,
                Extent::Position => POSITION,
                Extent::Len(len) => len as u64,
            };
            put(&[capture.start as u64, extent]);
        }
        for choice in choices {
            put(&match *choice {
                Choice::Skip { s, p } => [0, s as u64, p as u64, 0],
                Choice::Shrink { s, min, p } => [1, s as u64, p as u64, min as u64],
                Choice::Grow { s, p } => [2, s as u64, p as u64, 0],
                Choice::Open => [3, 0, 0, 0],
                Choice::Close { n } => [4, n as u64, 0, 0],
            });
        }
        bytes
    }

    /// The state that was saved as `bytes`.
    ///
    /// # Panics
    /// When they were not made by [`State::save`].
    pub(super) fn restore(bytes: &[u8]) -> State {
        let mut words = bytes.chunks_exact(WORD).map(|word| {
            u64::from_le_bytes(word.try_into().expect("a chunk has the length of a word")) as usize
        });
        let mut next = || words.next().expect("a saved state is whole");
        let doing = Doing::ALL[next()];
        let [start, last_end, s, p, aux, n_captures] = std::array::from_fn(|_| next());
        let captures = (0..n_captures).map(|_| {
            let start = next();
            let extent = match next() as u64 {
                UNFINISHED => Extent::Unfinished,
                POSITION => Extent::Position,
                len => Extent::Len(len as usize),
            };
            Capture { start, extent }
        });
        let captures = captures.collect();
        let mut choices = SmallVec::new();
        while let Some(kind) = words.next() {
            let mut next = || words.next().expect("a saved choice is whole");
            let [s, p, min] = std::array::from_fn(|_| next());
            choices.push(match kind {
                0 => Choice::Skip { s, p },
                1 => Choice::Shrink { s, min, p },
                2 => Choice::Grow { s, p },
                3 => Choice::Open,
                _ => Choice::Close { n: s },
            });
        }
        let last_end = Some(last_end).filter(|end| *end != usize::MAX);
        State { doing, start, last_end, s, p, aux, captures, choices }
    }
}
