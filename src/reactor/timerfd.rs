//! A one-shot timer of the kernel that becomes readable at a time of `CLOCK_MONOTONIC`.
#![expect(unsafe_code, reason = "the standard library has no timerfd")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

const NS_PER_S: u64 = 1_000_000_000;

pub(super) struct TimerFd(OwnedFd);

impl TimerFd {
    /// A timer that is not set.
    pub(super) fn new() -> io::Result<Self> {
        let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        // SAFETY: takes and returns integers only.
        let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) };
        if fd == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor, and nobody else has got its number.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Sets the timer to a time in nanoseconds, in place of any earlier one, whether that has
    /// expired or not. A time in the past expires at once.
    pub(super) fn set(&self, at_ns: u64) -> io::Result<()> {
        let at_ns = at_ns.max(1); // zero would unset it
        let timer = libc::itimerspec {
            it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: libc::timespec {
                tv_sec: (at_ns / NS_PER_S) as libc::time_t,
                tv_nsec: (at_ns % NS_PER_S) as libc::c_long,
            },
        };
        // SAFETY: `timer` lives through the call, which only reads it; null asks for no former
        // value.
        let result = unsafe {
            libc::timerfd_settime(
                self.0.as_raw_fd(),
                libc::TFD_TIMER_ABSTIME,
                &raw const timer,
                ptr::null_mut(),
            )
        };
        if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl AsRawFd for TimerFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// The present time in nanoseconds of the clock that timers go by.
#[cfg(test)]
pub(super) fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a place for the answer and lives through the call.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    assert_eq!(result, 0, "every Linux has this clock");
    now.tv_sec as u64 * NS_PER_S + now.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_of_64_bits_can_be_set() {
        let timer = TimerFd::new().unwrap();
        for at_ns in [0, 1, NS_PER_S - 1, NS_PER_S, u64::MAX] {
            timer.set(at_ns).unwrap();
        }
    }
}
