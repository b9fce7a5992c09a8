//! The parts of the libraries that are written in Lua: compiled once, shared by all VMs, loaded
//! into one when it first needs them.

#![expect(unsafe_code, reason = "loads code that was compiled here")]

use std::sync::OnceLock;

use super::lazy;
use crate::lua::code::Code;
use crate::lua::raw::{LuaType, Raise, Stack};

/// A function written in Lua.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `(t, n, less)`: sorts, false for an invalid order.
    Sort,
    /// `(t)`: `#t`.
    Length,
    /// `(t, key)`: `t[key]`.
    Index,
    /// `(a, b)`: `a < b`.
    Less,
}

impl Part {
    pub(super) const ALL: [Part; 4] = [Part::Sort, Part::Length, Part::Index, Part::Less];

    fn code(self) -> &'static Code {
        static CODE: [OnceLock<Code>; Part::ALL.len()] =
            [const { OnceLock::new() }; Part::ALL.len()];
        let (name, source) = match self {
            Part::Sort => ("table.sort", include_str!("sort.lua")),
            Part::Length => ("length", include_str!("length.lua")),
            Part::Index => ("index", include_str!("index.lua")),
            Part::Less => ("less", include_str!("less.lua")),
        };
        CODE[self as usize]
            .get_or_init(|| Code::compile(name, source.as_bytes()).expect("our own code compiles"))
    }
}

/// Pushes the function.
pub(super) fn push(stack: &Stack, part: Part) -> Result<(), Raise> {
    if lazy::push_part(stack, part) == LuaType::Function {
        return Ok(());
    }
    stack.pop(1);
    let code = part.code();
    // SAFETY: compiled by this Lua, and static.
    if !unsafe { stack.load_shared_code(code.bytes(), code.name()) } {
        return Err(Raise::Top);
    }
    lazy::keep_part(stack, part);
    Ok(())
}
