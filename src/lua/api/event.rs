//! Lifecycle events as the tables that `process.events()` yields.

#[cfg(test)]
mod tests;

use super::result;
use crate::lua::raw::Stack;
use crate::process::{Event, Exit, Pid};

/// `event.kind` of the end of a monitored process.
pub(crate) const EXIT: &str = "pid.exit";
/// `event.kind` of the failure of a linked process.
pub(crate) const LINK_DOWN: &str = "pid.link.down";
/// `event.kind` of a request to end.
pub(crate) const CANCEL: &str = "pid.cancel";

/// Pushes the table of an event.
pub(crate) fn push(stack: &Stack, event: &Event) {
    match event {
        Event::Exit { from, at_ns, exit } => {
            push_head(stack, EXIT, Some(*from), *at_ns);
            set_result(stack, exit);
        }
        Event::LinkDown { from, at_ns, exit } => {
            push_head(stack, LINK_DOWN, Some(*from), *at_ns);
            set_result(stack, exit);
        }
        Event::Cancel { cancel } => {
            push_head(stack, CANCEL, cancel.from, cancel.at_ns);
            stack.push_bytes(&cancel.reason);
            stack.raw_set_field(-2, "reason");
            if let Some(grace) = &cancel.grace {
                stack.push_num(unix_seconds(grace.wall_ns));
                stack.raw_set_field(-2, "deadline");
            }
        }
    }
}

fn push_head(stack: &Stack, kind: &str, from: Option<Pid>, at_ns: i128) {
    stack.new_table(0, 5);
    stack.push_bytes(kind);
    stack.raw_set_field(-2, "kind");
    stack.push_bytes(from.map(Pid::text).unwrap_or_default());
    stack.raw_set_field(-2, "from");
    stack.push_num(unix_seconds(at_ns));
    stack.raw_set_field(-2, "at");
}

/// Sets `result` to the record of an end, and `error` to its error.
fn set_result(stack: &Stack, exit: &Exit) {
    result::push(stack, exit);
    if exit.is_failure() {
        stack.raw_get_field(-1, "error");
        stack.raw_set_field(-3, "error");
    }
    stack.raw_set_field(-2, "result");
}

/// Lua's floats tell a present time to about 200 nanoseconds.
fn unix_seconds(unix_ns: i128) -> f64 {
    unix_ns as f64 / 1e9
}
