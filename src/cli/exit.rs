//! Exit codes of the `moonlet` command.

use std::process::ExitCode;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: all went well.
    Success,
    /// 1: the program failed, a required service could not start, or `check` found problems.
    Failure,
    /// 2: the command line or the application cannot be used as it is.
    Usage,
    /// The number that the `-x` process returned.
    Returned(u8),
    /// 129: ended by SIGHUP.
    HungUp,
    /// 130: ended by SIGINT.
    Interrupted,
    /// 143: ended by SIGTERM.
    Terminated,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Failure => Self::FAILURE,
            Exit::Usage => Self::from(2),
            Exit::Returned(code) => Self::from(code),
            Exit::HungUp => Self::from(129),
            Exit::Interrupted => Self::from(130),
            Exit::Terminated => Self::from(143),
        }
    }
}
