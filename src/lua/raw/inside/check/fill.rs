//! Whether entries that are set in memory come to lie where Lua puts them.

#![expect(unsafe_code, reason = "compares tables that Lua filled with ones that it did not")]

use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::push_text;
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::inside::layout::{LACKS, WHITE};
use crate::lua::raw::inside::{Scalar, StringView, TableView, View};

/// Fills a table of `n` elements and `n` fields, and another one by Lua, and compares the two.
///
/// # Safety
/// The VM is that of the check, in which the collector stands still, and the mirrors are right.
pub(super) unsafe fn sets_as_lua(l: *mut lua_State, n: c_int) -> bool {
    // SAFETY: nothing but a lack of memory can raise: `same_order` has its own reason.
    unsafe {
        ffi::lua_createtable(l, n, n);
        ffi::lua_createtable(l, n, n);
        let (by_lua, table) = (table(l, 1), table(l, 2));
        let is_fresh = table.header().flags & LACKS == LACKS;
        let is_same = is_fresh
            && (1..=n).all(|n| sets_entry(l, table, n))
            && (1..=n).all(|n| has_entry(l, n))
            && same_order(l)
            && table.header().flags == by_lua.header().flags;
        ffi::lua_settop(l, 0);
        is_same
    }
}

/// Whether tables are recognized that the collector must be told of.
///
/// # Safety
/// As [`sets_as_lua`].
pub(super) unsafe fn spares_the_collector(l: *mut lua_State) -> bool {
    // SAFETY: as in `sets_as_lua`.
    unsafe {
        ffi::lua_createtable(l, 1, 0);
        // All that lives is old, and so black, after that.
        ffi::lua_gc(l, ffi::LUA_GCGEN);
        let table = table(l, 1);
        table.header().mark & WHITE == 0
            && !table.set_element(1, View::Scalar(Scalar::Boolean(true)))
    }
}

/// Sets element and field number `n` of both tables.
unsafe fn sets_entry(l: *mut lua_State, table: TableView<'_>, n: c_int) -> bool {
    // SAFETY: as in `sets_as_lua`; the key stays in the first table.
    unsafe {
        let text = push_key(l, n);
        let key = StringView { raw: object(l, 3), life: PhantomData };
        let value = match n % 6 {
            0 => View::Scalar(Scalar::Integer(n.into())),
            1 => View::Scalar(Scalar::Float(n.into())),
            2 => View::Scalar(Scalar::Boolean(false)),
            3 => View::Scalar(Scalar::Boolean(true)),
            4 => View::String(key),
            _ => View::Table(table),
        };
        match value {
            View::Scalar(Scalar::Integer(value)) => ffi::lua_pushinteger(l, value),
            View::Scalar(Scalar::Float(value)) => ffi::lua_pushnumber(l, value),
            View::Scalar(Scalar::Boolean(value)) => ffi::lua_pushboolean(l, value.into()),
            View::String(_) => ffi::lua_pushvalue(l, 3),
            _ => ffi::lua_pushvalue(l, 2),
        }
        ffi::lua_pushvalue(l, 4);
        ffi::lua_rawseti(l, 1, n.into());
        ffi::lua_rawset(l, 1);
        text == key.bytes().as_ptr()
            && table.set_element(n.into(), value)
            && table.set_field(key, value)
    }
}

/// Lua finds field number `n` in the second table as in the first.
unsafe fn has_entry(l: *mut lua_State, n: c_int) -> bool {
    // SAFETY: as in `sets_as_lua`.
    unsafe {
        push_key(l, n);
        ffi::lua_rawget(l, 1);
        push_key(l, n);
        ffi::lua_rawget(l, 2);
        let is_same = ffi::lua_rawequal(l, 3, 4) != 0;
        ffi::lua_settop(l, 2);
        is_same
    }
}

/// Both tables have the same entries in the same cells, as far as their order tells.
unsafe fn same_order(l: *mut lua_State) -> bool {
    // SAFETY: `lua_next` raises only for a key that is not in the table. Both have all keys.
    unsafe {
        ffi::lua_pushnil(l);
        loop {
            ffi::lua_pushvalue(l, 3);
            let has_next = ffi::lua_next(l, 1) != 0;
            ffi::lua_pushvalue(l, 3);
            if has_next != (ffi::lua_next(l, 2) != 0) {
                return false;
            }
            if !has_next {
                return true;
            }
            if ffi::lua_rawequal(l, 4, 6) == 0 || ffi::lua_rawequal(l, 5, 7) == 0 {
                return false;
            }
            ffi::lua_copy(l, 4, 3);
            ffi::lua_settop(l, 3);
        }
    }
}

unsafe fn push_key(l: *mut lua_State, n: c_int) -> *const u8 {
    // SAFETY: as in `sets_as_lua`.
    unsafe { push_text(l, &[b'k', n as u8]) }
}

unsafe fn table<'a>(l: *mut lua_State, index: c_int) -> TableView<'a> {
    // SAFETY: as in `sets_as_lua`; there is a table.
    unsafe { TableView { raw: object(l, index), life: PhantomData } }
}

/// The object in slot `index`.
unsafe fn object<T>(l: *mut lua_State, index: c_int) -> NonNull<T> {
    // SAFETY: as in `sets_as_lua`; a string or table is there.
    unsafe { NonNull::new_unchecked(ffi::lua_topointer(l, index).cast_mut().cast()) }
}
