//! `string.upper`, `lower` and `reverse` of long strings; short ones are stock Lua's.

use std::ffi::c_int;

use super::catalog::stock;
use super::long::{RESULT, begin, end_stretch, is_long, stretch};
use super::slots::{int, set_int};
use super::strings::{has_object, use_messages};
use crate::lua::cx::Cx;
use crate::lua::raw::{Came, HostFn, Outcome, Raise, Stack, continuation, guarded};

const SUBJECT: c_int = 1;
/// Number of the function.
const WHICH: c_int = 2;

/// Bytes that are made at a time.
const BUFFER: usize = 1 << 12;

/// One of the three functions.
#[derive(Clone, Copy)]
struct Bytewise {
    stock: fn() -> HostFn,
    /// Whether the end of the subject comes first.
    is_backward: bool,
    /// Changes bytes of the subject, which are in the right order, to those of the result.
    change: fn(&mut [u8]),
}

const UPPER_CASE: usize = 0;
const LOWER_CASE: usize = 1;
const REVERSED: usize = 2;

static FUNCTIONS: [Bytewise; 3] = [
    Bytewise { stock: || stock().upper, is_backward: false, change: <[u8]>::make_ascii_uppercase },
    Bytewise { stock: || stock().lower, is_backward: false, change: <[u8]>::make_ascii_lowercase },
    Bytewise { stock: || stock().reverse, is_backward: true, change: |_| {} },
];

/// `string.upper(s)`, where `s` may be an error object.
pub(super) const UPPER: HostFn = guarded!(pure is_special, convert::<UPPER_CASE>, (stock().upper));
/// `string.lower(s)`, where `s` may be an error object.
pub(super) const LOWER: HostFn = guarded!(pure is_special, convert::<LOWER_CASE>, (stock().lower));
/// `string.reverse(s)`.
pub(super) const REVERSE: HostFn = guarded!(pure is_long, convert::<REVERSED>, (stock().reverse));

fn is_special(stack: &Stack) -> bool {
    has_object::<1>(stack) || is_long(stack)
}

fn convert<const N: usize>(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    use_messages(stack, 1);
    if !is_long(stack) {
        return Ok(Outcome::Nested((FUNCTIONS[N].stock)()));
    }
    let n_bytes = stack.raw_len(SUBJECT);
    stack.set_top(WHICH);
    set_int(stack, WHICH, N as i64);
    begin(stack, n_bytes)?;
    fill(stack)
}

fn go_on(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    fill(stack)
}

fn fill(stack: &Stack) -> Result<Outcome, Raise> {
    let function = FUNCTIONS[int(stack, WHICH) as usize];
    let (mut written, end) = stretch(stack);
    let subject = stack.bytes(SUBJECT).unwrap_or_default();
    let mut buffer = [0; BUFFER];
    while written < end {
        let n = BUFFER.min(end - written);
        let made = &mut buffer[..n];
        if function.is_backward {
            let behind = subject.len() - written;
            made.copy_from_slice(&subject[behind - n..behind]);
            made.reverse();
        } else {
            made.copy_from_slice(&subject[written..written + n]);
        }
        (function.change)(made);
        stack.write_blank(RESULT, written, made);
        written += n;
    }
    Ok(end_stretch(stack, end, continuation!(go_on)))
}
