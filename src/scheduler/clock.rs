//! The two clocks of a real pool. Everything else takes the time as an argument.
#![expect(unsafe_code, reason = "std does not tell the time of the clock that timerfd waits on")]

use std::time::{SystemTime, UNIX_EPOCH};

/// Time of `CLOCK_MONOTONIC` in nanoseconds: comparable between threads, never goes back.
pub fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a live timespec for the call to fill in. CLOCK_MONOTONIC always exists on
    // the systems we build for, so the call cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// Unix time in nanoseconds. It follows the system clock, so it may jump.
pub(super) fn wall_ns() -> i128 {
    let nanos = |d: std::time::Duration| i128::try_from(d.as_nanos()).unwrap_or(i128::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => nanos(since),
        Err(before) => -nanos(before.duration()),
    }
}
