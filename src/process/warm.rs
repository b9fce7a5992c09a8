//! A hint where the memory lies that a process touches in each of its turns. Who wakes a process
//! asks the processor for that memory, so that it is on its way into the caches while the waker's
//! own turn comes to its end. That pays where more processes take turns than the caches hold; the
//! few that a thread has asked for lately need no help.

#![expect(unsafe_code, reason = "asks for memory ahead of its use")]

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of a line of the caches.
const LINE: usize = 64;

/// Pieces of different processes are so far apart at least.
const SPREAD: usize = 4096;
/// How many are remembered that a thread has asked for lately.
const N_LATELY: usize = 32;

thread_local! {
    /// By their addresses; each takes the place of another one.
    static LATELY: [Cell<usize>; N_LATELY] = const { [const { Cell::new(0) }; N_LATELY] };
}

/// See the module. A hint: addresses in it may be out of date, and nothing is read there.
#[derive(Debug, Default)]
pub(crate) struct Warm {
    /// Address of the first line of a piece, and in its low bits the number of lines.
    pieces: [AtomicUsize; 2],
}

impl Warm {
    /// Sets the addresses that are touched; of each piece no more counts than 63 lines.
    pub(crate) fn set(&self, pieces: [Range<usize>; 2]) {
        for (place, piece) in self.pieces.iter().zip(pieces) {
            let first = piece.start & !(LINE - 1);
            let n_lines = (piece.end - first).div_ceil(LINE).min(LINE - 1);
            // Relaxed: a hint.
            place.store(first | n_lines, Ordering::Relaxed);
        }
    }

    /// Asks for the memory, unless that was done lately; waits for none of it.
    #[inline]
    pub(super) fn ask(&self) {
        let piece = self.pieces[0].load(Ordering::Relaxed);
        let is_known = LATELY.try_with(|lately| {
            let place = &lately[piece / SPREAD % N_LATELY];
            place.replace(piece) == piece
        });
        if is_known == Ok(false) {
            self.ask_for_all();
        }
    }

    #[inline(never)]
    fn ask_for_all(&self) {
        for place in &self.pieces {
            let piece = place.load(Ordering::Relaxed);
            let (first, n_lines) = (piece & !(LINE - 1), piece & (LINE - 1));
            for n in 0..n_lines {
                prefetch(first + n * LINE);
            }
        }
    }
}

#[inline(always)]
fn prefetch(address: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch changes nothing and faults nowhere, whatever the address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::without_provenance(address));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}
