//! What a program's results or error mean for the end of its process (specification of processes,
//! section 12.1, and of errors, section 5).

use super::errors::{self, Thrown};
use crate::lua::cx::Cx;
use crate::lua::raw::{LuaType, Stack};
use crate::lua::transfer::{self, Carried};
use crate::process::{Exit, Process};

/// The end of a program whose results are on the stack from `first` on.
pub(crate) fn from_results(stack: &Stack, cx: &mut Cx, first: i32) -> Exit {
    let process = &cx.process().clone();
    if stack.top() > first
        && let Some(thrown) = errors::to_returned_failure(stack, cx, first + 1)
    {
        return failed(thrown, process);
    }
    if stack.top() < first || stack.kind(first) == LuaType::Nil {
        return Exit::normal(None);
    }
    let Carried { value, dropped } = transfer::encode_rest(stack, cx, first, "result");
    if let Some(dropped) = dropped {
        warn(process, &format!("in its result: {dropped}"));
    }
    if value.is_none() && !stack.universe().is_dying() {
        warn(process, "its result is too large to be carried");
        return Exit { truncated: true, ..Exit::default() };
    }
    Exit::normal(value)
}

/// The end of a program that raised the error object at `error`.
pub(crate) fn from_error(stack: &Stack, cx: &mut Cx, error: i32) -> Exit {
    failed(errors::to_failure(stack, cx, error), cx.process())
}

fn failed(thrown: Thrown, process: &Process) -> Exit {
    if let Some(dropped) = thrown.dropped {
        warn(process, &format!("in the details of its error: {dropped}"));
    }
    if thrown.truncated {
        warn(process, "the details of its error are too large to be carried");
    }
    Exit { truncated: thrown.truncated, ..Exit::failed(thrown.failure) }
}

fn warn(process: &Process, what: &str) {
    tracing::warn!(pid = %process.pid(), entry = %process.entry(), "{what}");
}
