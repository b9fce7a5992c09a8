//! The free blocks of a template's home, which an image leaves out: building a VM frees about as
//! much as it keeps.

use std::ops::Range;

/// Free memory among the blocks of a home, as distances from the first block: in order, disjoint,
/// and none next to another.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gaps(Vec<Range<usize>>);

impl Gaps {
    /// The gaps that these free blocks make, which do not overlap.
    pub(super) fn new(mut blocks: Vec<Range<usize>>) -> Gaps {
        blocks.sort_unstable_by_key(|block| block.start);
        let mut gaps: Vec<Range<usize>> = Vec::new();
        for block in blocks {
            match gaps.last_mut() {
                Some(last) if last.end == block.start => last.end = block.end,
                _ => gaps.push(block),
            }
        }
        Gaps(gaps)
    }

    /// Where what lies at `at` comes to lie when the gaps are closed. `None` within a gap; its
    /// beginning is also the end of the block before it.
    pub(super) fn close(&self, at: usize) -> Option<usize> {
        let before = self.0.partition_point(|gap| gap.start < at);
        let closed: usize = self.0[..before].iter().map(Range::len).sum();
        let is_inside = before > 0 && at < self.0[before - 1].end;
        (!is_inside).then(|| at - closed)
    }

    /// What lies between the gaps of a home that is `len` long.
    pub(super) fn between(&self, len: usize) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.0.iter().map(|gap| gap.end));
        let ends = self.0.iter().map(|gap| gap.start).chain(std::iter::once(len));
        starts.zip(ends).map(|(start, end)| start..end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The model is a list of bytes, each of which is kept or not.
        #[test]
        fn what_is_kept_moves_down_by_what_is_not(kept in prop::collection::vec(any::<bool>(), 1..60)) {
            let free = |at: usize| !kept[at];
            let gaps = Gaps::new((0..kept.len()).rev().filter(|at| free(*at)).map(|at| at..at + 1).collect());
            let mut n_kept = 0;
            for (at, is_kept) in kept.iter().enumerate() {
                let begins = *is_kept || at == 0 || kept[at - 1];
                prop_assert_eq!(gaps.close(at), begins.then_some(n_kept));
                n_kept += usize::from(*is_kept);
            }
            prop_assert_eq!(gaps.close(kept.len()), Some(n_kept));
            let between: Vec<usize> = gaps.between(kept.len()).flatten().collect();
            let expected: Vec<usize> = (0..kept.len()).filter(|at| kept[*at]).collect();
            prop_assert_eq!(between, expected);
        }
    }
}
