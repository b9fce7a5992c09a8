//! File descriptors: every connection and every worker needs some, and the usual soft limit is low.

#![expect(unsafe_code, reason = "two system calls on a plain struct of our own")]

/// Raises the soft limit of open files to the hard one. Where that fails the old limit stays:
/// programs then get their errors earlier.
pub(super) fn raise_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live, writable struct of the type that the call fills.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0;
    if known && limit.rlim_cur < limit.rlim_max {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: `limit` is a live struct that the call only reads.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
}
