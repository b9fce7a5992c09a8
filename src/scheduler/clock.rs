//! The clocks of a real pool. Everything else takes the time as an argument.
#![expect(unsafe_code, reason = "clocks that std does not read: of timerfd, of another thread")]

use std::time::{SystemTime, UNIX_EPOCH};

/// Time of `CLOCK_MONOTONIC` in nanoseconds: comparable between threads, never goes back.
pub fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a live timespec for the call to fill in. CLOCK_MONOTONIC always exists on
    // the systems we build for, so the call cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// Processor time that a living thread has used, in nanoseconds; none where the system does not
/// tell.
#[cfg(target_os = "linux")]
pub(super) fn thread_cpu_ns(thread: libc::pthread_t) -> Option<u64> {
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the caller keeps the thread alive; both results are live for the calls to fill in.
    let is_read = unsafe {
        libc::pthread_getcpuclockid(thread, &raw mut clock) == 0
            && libc::clock_gettime(clock, &raw mut time) == 0
    };
    is_read.then(|| time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned())
}

/// See above.
#[cfg(not(target_os = "linux"))]
pub(super) fn thread_cpu_ns(_: libc::pthread_t) -> Option<u64> {
    None
}

/// Unix time in nanoseconds. It follows the system clock, so it may jump.
pub(super) fn wall_ns() -> i128 {
    let nanos = |d: std::time::Duration| i128::try_from(d.as_nanos()).unwrap_or(i128::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => nanos(since),
        Err(before) => -nanos(before.duration()),
    }
}
