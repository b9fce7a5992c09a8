//! What the programs of a run must not find out, so that they cannot find out more from it.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// Random words of the OS process, from the system's source of random numbers.
pub(crate) fn secret() -> [u64; 2] {
    static SECRET: OnceLock<[u64; 2]> = OnceLock::new();
    // What a fuzzer finds has to happen again.
    if cfg!(fuzzing) {
        return [1, 2];
    }
    *SECRET.get_or_init(|| [RandomState::new().hash_one(1), RandomState::new().hash_one(2)])
}

/// The seed of a VM's string hashes. `random` need not be secret: a program can compute it from
/// what `math.random` gives it.
pub(crate) fn hash_seed(random: u64) -> u32 {
    mixed(mixed(random ^ secret()[0]) ^ secret()[1]) as u32
}

/// A bijection that spreads each bit over all (the finalizer of splitmix64: Steele, Lea, Flood,
/// "Fast splittable pseudorandom number generators", OOPSLA 2014).
pub(crate) fn mixed(mut word: u64) -> u64 {
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}
