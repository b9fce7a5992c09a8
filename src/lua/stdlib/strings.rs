//! String functions that take an error object where a string is expected: its message is used.
//!
//! Everything else about them is stock Lua's. The metatable of strings is made here as well.

use std::ffi::c_int;

use super::catalog::{Library, Value, catalog, stock};
use super::lazy::push_library;
use crate::lua::cx::Cx;
use crate::lua::objects;
use crate::lua::raw::{HostFn, LuaType, Outcome, Raise, Stack, guarded};

/// Gives strings their metatable: methods, and arithmetic on strings that read as numbers.
pub(super) fn open(stack: &Stack) {
    let members = &catalog().string_metamethods;
    stack.push_bytes("");
    stack.new_table(0, members.len() + 1);
    for member in members {
        if let Value::Function(function) = member.value {
            stack.set_fn(-1, &member.name, function);
        }
    }
    push_library(stack, Library::String);
    stack.raw_set_field(-2, "__index");
    stack.set_metatable(-2);
    stack.pop(1);
}

/// Declares wrappers: name, number of leading string arguments, stock function.
macro_rules! wrappers {
    ($($name:ident $n:literal $stock:ident;)*) => {
        $(pub(super) const $name: HostFn = {
            fn convert(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
                use_messages(stack, $n);
                Ok(Outcome::Nested(stock().$stock))
            }
            guarded!(has_object::<$n>, convert, (stock().$stock))
        };)*
    };
}

wrappers! {
    LEN 1 len;
    SUB 1 sub;
}

/// Whether one of the first `N` arguments is an object.
pub(super) fn has_object<const N: c_int>(stack: &Stack) -> bool {
    (1..=N).any(|index| stack.kind(index) == LuaType::Userdata)
}

/// Replaces error objects among the first `n` arguments by their messages.
pub(super) fn use_messages(stack: &Stack, n: c_int) {
    for index in 1..=n {
        if stack.object_tag(index) == Some(objects::ERROR) {
            stack.object_value(index, 1);
            stack.replace(index);
        }
    }
}
