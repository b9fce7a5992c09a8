//! How a process ended: its value, or the failure that watchers, links and the log get to see.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::message::Encoded;

/// Kinds that the runtime itself gives to errors (specification of errors, section 2).
pub mod kind {
    /// A dead PID, an unknown name, entry, host or method.
    pub const NOT_FOUND: &str = "NotFound";
    /// A second monitor, a taken name.
    pub const ALREADY_EXISTS: &str = "AlreadyExists";
    /// A wrong argument value.
    pub const INVALID: &str = "Invalid";
    /// An operation that the system does not permit.
    pub const PERMISSION_DENIED: &str = "PermissionDenied";
    /// A host that is not started or stopping, a connection that is gone.
    pub const UNAVAILABLE: &str = "Unavailable";
    /// A failure of Lua code, a script that does not compile.
    pub const INTERNAL: &str = "Internal";
    /// Killed at a cancel deadline; closed while waiting.
    pub const CANCELED: &str = "Canceled";
    /// Two operations that exclude each other.
    pub const CONFLICT: &str = "Conflict";
    /// A time-out passed.
    pub const TIMEOUT: &str = "Timeout";
    /// A full mailbox.
    pub const RATE_LIMITED: &str = "RateLimited";
    /// A limit of processes, memory or sizes.
    pub const LIMIT_EXCEEDED: &str = "LimitExceeded";
}

/// What an error carries across processes.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The message, as Lua bytes.
    pub message: Vec<u8>,
    /// The kind; empty without one.
    pub kind: Cow<'static, str>,
    /// Whether trying again may help; `None` is unspecified.
    pub retryable: Option<bool>,
    /// The details, one encoded value.
    pub details: Option<Encoded>,
    /// The text that `err:stack()` gives; empty for errors made by the runtime.
    pub stack: Vec<u8>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// A failure with a message and kind, retryable unspecified.
    pub fn new(kind: &'static str, message: impl Into<Vec<u8>>) -> Failure {
        Failure {
            message: message.into(),
            kind: Cow::Borrowed(kind),
            retryable: None,
            details: None,
            stack: Vec::new(),
        }
    }

    /// The same with `retryable` set.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Failure {
        self.retryable = Some(retryable);
        self
    }

    /// Killed by `process.terminate`.
    pub fn terminated() -> Failure {
        Failure::new(kind::INTERNAL, "process terminated")
    }

    /// Killed by the untrapped failure of a linked process.
    pub fn linked() -> Failure {
        Failure::new(kind::INTERNAL, "linked process failed")
    }

    /// Killed because the runtime stops.
    pub fn shutdown() -> Failure {
        Failure::new(kind::CANCELED, "process terminated: shutdown")
    }

    /// Whether it is Lua's own report of a refused allocation, with or without a position.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        self.message.ends_with(b"not enough memory") && self.kind == kind::INTERNAL
    }

    /// The message as text.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.message)
    }
}

/// The end of a process, shared by everybody who is told of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exit {
    /// The first result of a normal end, one encoded value; `None` stands for nil.
    pub value: Option<Encoded>,
    /// The failure, if it was one.
    pub error: Option<Failure>,
    /// The value or the details were too large to carry.
    pub truncated: bool,
}

/// The end of a process, as those who are told share it. The plain end, without a value, takes no
/// memory.
#[derive(Clone, Debug)]
pub struct SharedExit(Option<Arc<Exit>>);

/// What most processes end with.
static PLAIN: Exit = Exit { value: None, error: None, truncated: false };

impl SharedExit {
    /// Makes an end that can be shared.
    pub fn new(exit: Exit) -> SharedExit {
        SharedExit((exit != PLAIN).then(|| Arc::new(exit)))
    }
}

impl Deref for SharedExit {
    type Target = Exit;

    fn deref(&self) -> &Exit {
        self.0.as_deref().unwrap_or(&PLAIN)
    }
}

impl Exit {
    /// A normal end.
    pub fn normal(value: Option<Encoded>) -> Exit {
        Exit { value, ..Exit::default() }
    }

    /// A failure.
    pub fn failed(error: Failure) -> Exit {
        Exit { error: Some(error), ..Exit::default() }
    }

    /// Whether it was a failure.
    pub fn is_failure(&self) -> bool {
        self.error.is_some()
    }
}
