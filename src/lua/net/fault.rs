//! What goes wrong with sockets, as errors that programs can act on.

use std::io;

use crate::process::{Failure, kind};

/// An error on its way to a program.
pub(crate) type Fault = Box<Failure>;

/// An error of a kind, retryable where the kind says so.
pub(crate) fn fault(kind: &'static str, text: impl Into<Vec<u8>>) -> Fault {
    Box::new(Failure::new(kind, text).with_retryable(kind == kind::UNAVAILABLE))
}

/// The error for what the system reported in `what`: `connect 127.0.0.1:1`.
pub(super) fn system_fault(what: &str, error: &io::Error) -> Fault {
    let (kind, cause) = classify(error);
    fault(kind, format!("{what}: {cause}"))
}

/// What every call on a closed socket gets, and every call that waits while it is closed.
pub(super) fn closed() -> Fault {
    fault(kind::CANCELED, "closed")
}

fn classify(error: &io::Error) -> (&'static str, String) {
    let cause = |text: &str| text.to_owned();
    match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => (kind::UNAVAILABLE, cause("connection refused")),
        Some(libc::ECONNRESET) => (kind::UNAVAILABLE, cause("connection reset by peer")),
        Some(libc::ECONNABORTED) => (kind::UNAVAILABLE, cause("connection aborted")),
        Some(libc::EPIPE | libc::ENOTCONN) => (kind::UNAVAILABLE, cause("connection closed")),
        Some(libc::ETIMEDOUT) => (kind::UNAVAILABLE, cause("peer does not answer")),
        Some(libc::ENETUNREACH | libc::ENETDOWN) => {
            (kind::UNAVAILABLE, cause("network unreachable"))
        }
        Some(libc::EHOSTUNREACH | libc::EHOSTDOWN) => {
            (kind::UNAVAILABLE, cause("host unreachable"))
        }
        Some(libc::EMFILE | libc::ENFILE) => (kind::UNAVAILABLE, cause("out of file descriptors")),
        Some(libc::ENOBUFS | libc::ENOMEM | libc::ENOSPC) => {
            (kind::UNAVAILABLE, cause("the system is out of memory for sockets"))
        }
        Some(libc::EADDRINUSE) => (kind::ALREADY_EXISTS, cause("address in use")),
        Some(libc::EADDRNOTAVAIL) => (kind::UNAVAILABLE, cause("address not available")),
        Some(libc::EACCES | libc::EPERM) => (kind::PERMISSION_DENIED, cause("not permitted")),
        Some(libc::EAFNOSUPPORT | libc::EINVAL) => {
            (kind::INVALID, cause("address not supported by the system"))
        }
        _ => (kind::INTERNAL, error.to_string().to_lowercase()),
    }
}

/// Whether an accept failed only for the connection that it was about: the next may do.
pub(super) fn concerns_one_connection(error: &io::Error) -> bool {
    let codes = [
        libc::EINTR,
        libc::ECONNABORTED,
        libc::EPROTO,
        libc::ENOPROTOOPT,
        libc::ENETDOWN,
        libc::ENETUNREACH,
        libc::EHOSTDOWN,
        libc::EHOSTUNREACH,
        libc::ENONET,
        libc::EOPNOTSUPP,
    ];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: i32) -> Fault {
        system_fault("read from 10.0.0.1:80", &io::Error::from_raw_os_error(code))
    }

    #[test]
    fn what_may_pass_is_worth_another_try() {
        for code in [libc::ECONNREFUSED, libc::ECONNRESET, libc::ENETUNREACH, libc::EMFILE] {
            let fault = fault(code);
            assert_eq!((&*fault.kind, fault.retryable), (kind::UNAVAILABLE, Some(true)));
        }
        for code in [libc::EADDRINUSE, libc::EACCES, libc::EIO] {
            assert_eq!(fault(code).retryable, Some(false));
        }
    }

    #[test]
    fn the_message_tells_what_was_tried() {
        let text = "read from 10.0.0.1:80: connection reset by peer";
        assert_eq!(fault(libc::ECONNRESET).text(), text);
    }
}
