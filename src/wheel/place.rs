//! The arithmetic of the wheel: which level and slot a deadline belongs to, seen from a given tick.
//!
//! A deadline reads as eight digits of six bits above the 16 bits of a tick:
//!
//! ```text
//! bit  63      57      51      45      39      33      27      21      15             0
//!      | digit | digit | digit | digit | digit | digit | digit | digit | within tick  |
//! level    7       6       5       4       3       2       1       0
//! slot  52 days 19.5 h  18.3 m  17.2 s  268 ms  4.2 ms   ...
//! ```
//!
//! The level is the highest digit in which the two ticks differ, the slot is that digit.

use super::level::SLOT_BITS;

/// A tick is 2^16 ns: long enough that an advance meets few slots, short enough that few deadlines
/// share one, and what is left of 64 bits divides by six.
const TICK_BITS: u32 = 16;

/// Levels needed for every deadline of 64 bits.
pub(super) const LEVELS: usize = 8;

const _: () = assert!(TICK_BITS + LEVELS as u32 * SLOT_BITS == u64::BITS);

/// The tick that a time in nanoseconds lies in.
pub(super) fn tick_of(ns: u64) -> u64 {
    ns >> TICK_BITS
}

/// A slot of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    level: u8,
    slot: u8,
}

impl Place {
    /// Where an entry of tick `tick` waits when `elapsed` is the present (I1).
    pub(super) fn new(tick: u64, elapsed: u64) -> Self {
        let tick = tick.max(elapsed);
        let level = ((tick ^ elapsed) | 1).ilog2() / SLOT_BITS;
        let slot = (tick >> (level * SLOT_BITS)) & ((1 << SLOT_BITS) - 1);
        Self { level: level as u8, slot: slot as u8 }
    }

    pub(super) fn level(self) -> usize {
        usize::from(self.level)
    }

    pub(super) fn slot(self) -> u8 {
        self.slot
    }

    /// The bound of an entry with this deadline that waits here: exact on the lowest level, the
    /// start of the slot above it.
    pub(super) fn bound_ns(self, at_ns: u64) -> u64 {
        if self.level == 0 {
            return at_ns;
        }
        let shift = TICK_BITS + u32::from(self.level) * SLOT_BITS;
        at_ns >> shift << shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(level: u8, slot: u8) -> Place {
        Place { level, slot }
    }

    #[test]
    fn the_level_is_the_highest_digit_that_differs() {
        assert_eq!(Place::new(0, 0), place(0, 0));
        assert_eq!(Place::new(63, 0), place(0, 63));
        assert_eq!(Place::new(64, 0), place(1, 1));
        assert_eq!(Place::new(64, 63), place(1, 1), "one tick ahead, but of another slot above");
        assert_eq!(Place::new(64 * 64 + 5, 64 * 64), place(0, 5));
        assert_eq!(Place::new(tick_of(u64::MAX), 0), place(7, 63));
        assert_eq!(Place::new(tick_of(u64::MAX), tick_of(u64::MAX)), place(0, 63));
    }

    #[test]
    fn a_passed_tick_counts_as_the_present_one() {
        assert_eq!(Place::new(3, 1000), Place::new(1000, 1000));
    }

    #[test]
    fn the_bound_is_exact_on_the_lowest_level_and_the_start_of_the_slot_above() {
        let at_ns = (64 * 3 + 7) * (1 << TICK_BITS) + 5;
        assert_eq!(place(0, 7).bound_ns(at_ns), at_ns);
        assert_eq!(place(1, 3).bound_ns(at_ns), 64 * 3 * (1 << TICK_BITS));
        assert_eq!(place(7, 63).bound_ns(u64::MAX), 63 << 58);
    }
}
