//! `tostring` of values that stock Lua would show by their addresses. All others are left to it.

#![expect(unsafe_code, reason = "texts are pushed by functions that may raise elsewhere")]

use std::ffi::c_int;

use super::access::has_metafield;
use super::catalog::stock;
use crate::lua::cx::Cx;
use crate::lua::raw::{HostFn, Outcome, Raise, Stack, guarded};
use crate::lua::text::{is_shown_by_number, push_text};

/// `tostring(v)`.
pub(super) const TOSTRING: HostFn = guarded!(pure is_number_shown, show, (stock().tostring));

fn is_number_shown(stack: &Stack) -> bool {
    is_shown_by_number(stack, 1) && !has_metafield(stack, 1, "__tostring")
}

fn show(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    push_shown(stack, 1);
    Ok(Outcome::Return(1))
}

/// Pushes the text of a value that is shown by its number.
pub(super) fn push_shown(stack: &Stack, index: c_int) {
    // SAFETY: in a host function, which is granted memory, and no metamethod is called: so nothing
    // raises.
    unsafe { push_text(stack.raw(), index) }
}
