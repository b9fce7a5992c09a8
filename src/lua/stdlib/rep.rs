//! `string.rep` with a result of any length; a short one is stock Lua's.
//!
//! What is there is copied behind itself, so that the pieces grow up to some length.

use std::ffi::c_int;

use super::catalog::stock;
use super::long::{RESULT, SHORT_MAX, begin, end_stretch, stretch};
use crate::lua::cx::Cx;
use crate::lua::raw::{Came, HostFn, LuaType, Outcome, Raise, Stack, continuation, guarded};

const SUBJECT: c_int = 1;
const SEPARATOR: c_int = 3;

/// `string.rep(s, n [, sep])`.
pub(super) const REP: HostFn = guarded!(pure is_large, rep, (stock().rep));

/// Longer than the text of any number.
const NUMBER_MAX: usize = 64;

/// So many bytes there are nowhere.
const IMPOSSIBLE: u128 = 1 << 62;

fn is_large(stack: &Stack) -> bool {
    let Some(n) = stack.to_integer(2) else { return false };
    let len = |index| stack.bytes(index).map_or(NUMBER_MAX, <[u8]>::len);
    let unit = len(SUBJECT) + if stack.is_nil(SEPARATOR) { 0 } else { len(SEPARATOR) };
    // Of nothing there can be any number.
    n > SHORT_MAX as i64 || n > 0 && unit.saturating_mul(n as usize) > SHORT_MAX
}

fn rep(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    stack.set_top(SEPARATOR);
    if stack.is_nil(SEPARATOR) {
        stack.push_bytes("");
        stack.replace(SEPARATOR);
    }
    for index in [SUBJECT, SEPARATOR] {
        if let Some(text) = stack.number_text(index) {
            stack.push_bytes(text);
            stack.replace(index);
        }
        if stack.kind(index) != LuaType::String {
            return Ok(Outcome::Nested(stock().rep)); // raises
        }
    }
    let (subject, separator) = parts(stack);
    let (unit, n) = (subject.len() + separator.len(), stack.to_integer(2).unwrap_or(0));
    if unit == 0 {
        stack.push_bytes("");
        return Ok(Outcome::Return(1));
    }
    let total = unit as u128 * n as u128;
    if total <= SHORT_MAX as u128 || total > IMPOSSIBLE {
        return Ok(Outcome::Nested(stock().rep)); // the latter raises
    }
    begin(stack, total as usize - separator.len())?;
    fill(stack)
}

fn parts(stack: &Stack) -> (&[u8], &[u8]) {
    (stack.bytes(SUBJECT).unwrap_or_default(), stack.bytes(SEPARATOR).unwrap_or_default())
}

fn go_on(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    fill(stack)
}

fn fill(stack: &Stack) -> Result<Outcome, Raise> {
    let (mut written, end) = stretch(stack);
    let (subject, separator) = parts(stack);
    let unit = subject.len() + separator.len();
    while written < end {
        let left = end - written;
        written += if written < subject.len() {
            let n = left.min(subject.len() - written);
            stack.write_blank(RESULT, written, &subject[written..written + n]);
            n
        } else if written < unit {
            let from = written - subject.len();
            let n = left.min(unit - written);
            stack.write_blank(RESULT, written, &separator[from..from + n]);
            n
        } else {
            // As far back as whole units go, but near, where the caches have it.
            let back = (written.min(SHORT_MAX) / unit).max(1) * unit;
            let n = left.min(back);
            stack.repeat_in_blank(RESULT, written - back, written, n);
            n
        };
    }
    Ok(end_stretch(stack, end, continuation!(go_on)))
}
