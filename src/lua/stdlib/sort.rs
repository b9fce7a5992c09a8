//! `table.sort` whose comparator may wait and be interrupted.
//!
//! Numbers or short strings that are not many go to stock Lua, which is fastest and soon done. All
//! else is sorted by Lua code (`sort.lua`), which calls the comparator like any Lua function. It is
//! compiled once, loaded into a VM that first needs it, and shows in no message or traceback.

#![expect(unsafe_code, reason = "comparisons that raise; loads code that was compiled here")]

use std::ffi::c_int;
use std::sync::OnceLock;

use super::catalog::stock;
use super::{access, lazy};
use crate::lua::code::Code;
use crate::lua::cx::Cx;
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::{
    Came, HostFn, LuaType, Outcome, Raise, Scalar, Stack, TableView, View, continuation, guarded,
};

/// Stock Lua sorts so many numbers in much less than a slice.
const STOCK_MAX: i64 = 2048;
/// A comparison of strings up to so many bytes takes no longer than the steps around it.
const SHORT: usize = 256;

/// `table.sort(t [, less])`.
pub(super) fn sort(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    if stack.kind(1) != LuaType::Table {
        return Ok(Outcome::Nested(stock().sort)); // raises, or a userdata that acts as a table
    }
    stack.set_top(2);
    match access::length(stack, 1, continuation!(measured)) {
        Ok(n) => sort_first(stack, n),
        Err(call) => Ok(call),
    }
}

/// The length, as `__len` gives it, is on top.
fn measured(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    let n = access::to_length(stack)?;
    sort_first(stack, n)
}

/// Sorts elements 1 to `n`.
fn sort_first(stack: &Stack, n: i64) -> Result<Outcome, Raise> {
    stack.set_top(2);
    if n < 2 {
        return Ok(Outcome::Return(0));
    }
    if n >= i64::from(c_int::MAX) {
        return Ok(Outcome::Nested(stock().sort)); // raises
    }
    let less = match stack.kind(2) {
        LuaType::Function => Less::Own,
        LuaType::Nil => match common_kind(stack, n) {
            None => Less::General,
            Some(Kind::Number | Kind::Short) if n <= STOCK_MAX => {
                return Ok(Outcome::Nested(stock().sort));
            }
            Some(_) => Less::Plain,
        },
        _ => return Ok(Outcome::Nested(stock().sort)), // raises
    };
    push_code(stack)?;
    stack.push_value(1);
    stack.push_int(n);
    match less {
        Less::Own => stack.push_value(2),
        Less::General => stack.push_fn(LESS_THAN),
        Less::Plain => stack.push_nil(),
    }
    Ok(Outcome::Call { n_args: 3, n_results: 1, then: continuation!(sorted) })
}

/// Pushes the function of `sort.lua`: `(t, n, less)` sorts, and gives false for an invalid order.
fn push_code(stack: &Stack) -> Result<(), Raise> {
    static CODE: OnceLock<Code> = OnceLock::new();
    if lazy::push_sort(stack) == LuaType::Function {
        return Ok(());
    }
    stack.pop(1);
    let code = CODE.get_or_init(|| {
        Code::compile_hidden(include_bytes!("sort.lua")).expect("our own code compiles")
    });
    // SAFETY: compiled by this Lua.
    if !unsafe { stack.load_own_code(code.bytes(), code.name()) } {
        return Err(Raise::Top);
    }
    lazy::keep_sort(stack);
    Ok(())
}

/// How elements are compared.
enum Less {
    /// By the caller's function.
    Own,
    /// By `<`, which may call metamethods or fail.
    General,
    /// By `<` in Lua code, which does neither.
    Plain,
}

/// What can be compared without a metamethod.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    /// A string of few bytes.
    Short,
    String,
}

/// What all of the elements 1 to `n` are.
fn common_kind(stack: &Stack, n: i64) -> Option<Kind> {
    if !access::is_plain(stack, 1) {
        return None;
    }
    let elements = stack.table_view(1).map(TableView::elements);
    let kind = |at: i64| match elements {
        Some(elements) if at as usize <= elements.n() => Kind::of(elements.value(at as usize - 1)),
        _ => {
            stack.raw_get_int(1, at);
            let kind = match stack.bytes(-1) {
                Some(text) => Some(Kind::of_text(text)),
                None => (stack.kind(-1) == LuaType::Number).then_some(Kind::Number),
            };
            stack.pop(1);
            kind
        }
    };
    (2..=n).try_fold(kind(1)?, |common, at| match (common, kind(at)?) {
        (one, other) if one == other => Some(one),
        (Kind::Number, _) | (_, Kind::Number) => None,
        _ => Some(Kind::String),
    })
}

impl Kind {
    fn of(value: View<'_>) -> Option<Kind> {
        match value {
            View::Scalar(Scalar::Integer(_) | Scalar::Float(_)) => Some(Kind::Number),
            View::String(text) => Some(Kind::of_text(text.bytes())),
            _ => None,
        }
    }

    fn of_text(text: &[u8]) -> Kind {
        if text.len() <= SHORT { Kind::Short } else { Kind::String }
    }
}

fn sorted(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    if stack.truthy(-1) {
        return Ok(Outcome::Return(0));
    }
    Err(Raise::Message("invalid order function for sorting".to_owned()))
}

/// `a < b` where no metamethod is called; the error names no position, as in stock Lua.
///
/// # Safety
/// Called by Lua with two arguments.
unsafe extern "C-unwind" fn compare(l: *mut lua_State) -> c_int {
    // SAFETY: the caller's duty; nothing owned, so the comparison may raise.
    unsafe { ffi::lua_pushboolean(l, ffi::lua_compare(l, 1, 2, ffi::LUA_OPLT)) };
    1
}

/// `a < b`; a metamethod is called through a continuation, so that it may wait.
const LESS_THAN: HostFn = guarded!(has_less, call_less, compare);

fn has_less(stack: &Stack) -> bool {
    [1, 2].into_iter().any(|index| {
        matches!(stack.kind(index), LuaType::Table | LuaType::Userdata)
            && access::has_metafield(stack, index, "__lt")
    })
}

fn call_less(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let found = [1, 2].into_iter().any(|index| access::push_metafield(stack, index, "__lt"));
    debug_assert!(found, "`has_less` has seen it");
    stack.insert(1);
    Ok(Outcome::Call { n_args: 2, n_results: 1, then: continuation!(compared) })
}

fn compared(_: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    Ok(Outcome::Return(1))
}
