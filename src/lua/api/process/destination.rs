//! Whom a call is for: the text of a PID, or a registered name.

use crate::lua::api::args::text_arg;
use crate::lua::api::refused::Refused;
use crate::lua::cx::Cx;
use crate::lua::raw::{Raise, Stack};
use crate::process::{Pid, Pinned, Process, Runtime, has_pid_form, kind};

/// The live process that a destination text names (specification of processes, section 2.1).
pub(crate) fn resolve(cx: &Cx, dest: &[u8]) -> Result<Pid, Refused> {
    find(cx.process().runtime(), dest).map(|process| process.pid())
}

/// As [`resolve`], with a claim on the process, which is not to be held for long: each claim is a
/// write to memory that all senders share.
pub(super) fn find<'a>(runtime: &'a Runtime, dest: &[u8]) -> Result<Pinned<'a, Process>, Refused> {
    if let Some(found) = runtime.find_text(dest) {
        return Ok(found);
    }
    if has_pid_form(dest) {
        return Err(not_found(dest));
    }
    let name = std::str::from_utf8(dest).ok();
    let found = name.and_then(|name| runtime.live(runtime.lookup(name)?));
    found.ok_or_else(|| {
        let dest = String::from_utf8_lossy(dest);
        Refused::new(
            kind::NOT_FOUND,
            format!("could not resolve '{dest}' as PID or registered name"),
        )
    })
}

pub(super) fn not_found(pid: &[u8]) -> Refused {
    Refused::new(kind::NOT_FOUND, format!("process not found: {}", String::from_utf8_lossy(pid)))
}

/// Argument 1 of the calls that act on another process.
pub(super) fn destination_arg(
    stack: &Stack,
    cx: &Cx,
    function: &str,
) -> Result<Result<Pid, Refused>, Raise> {
    if stack.is_nil(1) {
        let text = format!("{function} requires a destination argument");
        return Ok(Err(Refused::new(kind::INVALID, text)));
    }
    let dest = text_arg(stack, 1)?;
    Ok(resolve(cx, &dest))
}

/// A destination that may be dead: only a name must still resolve.
pub(super) fn past_destination(
    stack: &Stack,
    cx: &Cx,
    function: &str,
) -> Result<Result<Option<Pid>, Refused>, Raise> {
    if !stack.is_nil(1) && has_pid_form(&text_arg(stack, 1)?) {
        return Ok(Ok(destination_arg(stack, cx, function)?.ok()));
    }
    Ok(destination_arg(stack, cx, function)?.map(Some))
}
