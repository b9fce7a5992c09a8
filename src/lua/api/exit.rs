//! What a program's results or error mean for the end of its process (specification of processes,
//! section 12.1, and of errors, section 5).

use super::errors;
use crate::lua::raw::{LuaType, Stack};
use crate::lua::transfer;
use crate::process::{Exit, Failure, Process, kind};

/// Encoded results and details above this are not carried.
const CARRIED_BYTES_MAX: usize = 1 << 20;
/// Messages are cut at this.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// The end of a program whose results are on the stack from `first` on.
pub(crate) fn from_results(stack: &Stack, first: i32, process: &Process) -> Exit {
    let second = first + 1;
    if stack.top() >= second {
        if errors::is_error(stack, second) {
            return limited(errors::to_failure(stack, second, &[]), process);
        }
        if let Some(message) = stack.bytes(second) {
            let failure = Failure::new(kind::INTERNAL, message).with_retryable(false);
            return limited(failure, process);
        }
    }
    if stack.top() < first || stack.kind(first) == LuaType::Nil {
        return Exit::normal(None);
    }
    match transfer::encode_result(stack, first) {
        Ok(value) if value.size_bytes() > CARRIED_BYTES_MAX => {
            warn(process, "its result is too large to be carried");
            Exit { truncated: true, ..Exit::default() }
        }
        Ok(value) => Exit::normal(Some(value)),
        Err(error) => {
            warn(process, &format!("its result: {error}"));
            Exit::normal(None)
        }
    }
}

/// The end of a program that raised the error at `error`, whose text is right above it.
pub(crate) fn from_error(stack: &Stack, error: i32, traceback: Vec<u8>) -> Exit {
    let text = stack.bytes(error + 1).unwrap_or_default().to_vec();
    let mut failure = errors::to_failure(stack, error, &text);
    if failure.stack.is_empty() {
        failure.stack = traceback;
    }
    cut(failure)
}

fn limited(failure: Failure, process: &Process) -> Exit {
    let exit = cut(failure);
    if exit.truncated {
        warn(process, "the details of its error are too large to be carried");
    }
    exit
}

fn cut(mut failure: Failure) -> Exit {
    failure.message.truncate(MESSAGE_BYTES_MAX);
    let too_large =
        failure.details.as_ref().is_some_and(|details| details.size_bytes() > CARRIED_BYTES_MAX);
    if too_large {
        failure.details = None;
    }
    Exit { truncated: too_large, ..Exit::failed(failure) }
}

fn warn(process: &Process, what: &str) {
    tracing::warn!(pid = %process.pid(), entry = %process.entry(), "{what}");
}
