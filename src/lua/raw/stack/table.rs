//! Tables, without metamethods.

#![expect(unsafe_code, reason = "raw access to tables; invariant S1")]

use std::ffi::c_int;

use super::{LuaType, REGISTRY, Stack};
use crate::lua::raw::ffi;
use crate::lua::raw::host::HostFn;

impl Stack {
    /// Pushes the table of globals.
    pub(crate) fn push_globals(&self) {
        self.raw_get_int(REGISTRY, ffi::LUA_RIDX_GLOBALS);
    }

    pub(crate) fn new_table(&self, n_array: usize, n_fields: usize) {
        let clamp = |n: usize| c_int::try_from(n).unwrap_or(c_int::MAX);
        // SAFETY: S1; granted (R2).
        unsafe { ffi::lua_createtable(self.l, clamp(n_array), clamp(n_fields)) }
    }

    /// Replaces the key on top by the value of `table` for it, without metamethods.
    pub(crate) fn raw_get(&self, table: c_int) -> LuaType {
        // SAFETY: S1.
        unsafe { ffi::lua_rawget(self.l, table) };
        self.kind(-1)
    }

    /// Pops a value and the key below it and stores them in `table`, without metamethods.
    /// The key must be neither nil nor NaN.
    pub(crate) fn raw_set(&self, table: c_int) {
        // SAFETY: S1; granted (R2), the key is the caller's to check.
        unsafe { ffi::lua_rawset(self.l, table) }
    }

    pub(crate) fn raw_get_int(&self, table: c_int, key: i64) -> LuaType {
        // SAFETY: S1.
        unsafe { ffi::lua_rawgeti(self.l, table, key) };
        self.kind(-1)
    }

    pub(crate) fn raw_set_int(&self, table: c_int, key: i64) {
        // SAFETY: S1; granted (R2).
        unsafe { ffi::lua_rawseti(self.l, table, key) }
    }

    /// Pushes `table[name]`, without metamethods.
    pub(crate) fn raw_get_field(&self, table: c_int, name: &str) -> LuaType {
        let table = self.abs(table);
        self.push_bytes(name);
        self.raw_get(table)
    }

    /// Pops a value and stores it as `table[name]`, without metamethods.
    pub(crate) fn raw_set_field(&self, table: c_int, name: &str) {
        let table = self.abs(table);
        self.push_bytes(name);
        self.insert(-2);
        self.raw_set(table);
    }

    /// `table[name] = function`, for filling module tables.
    pub(crate) fn set_fn(&self, table: c_int, name: &str, function: HostFn) {
        let table = self.abs(table);
        self.push_bytes(name);
        self.push_fn(function);
        self.raw_set(table);
    }

    /// Pops a key and pushes the next key and value of `table`; false (nothing pushed) at the end.
    /// The key must come from this table: nil, or from the call before.
    pub(crate) fn next(&self, table: c_int) -> bool {
        // SAFETY: S1; `lua_next` raises only for a key that is not in the table.
        unsafe { ffi::lua_next(self.l, table) != 0 }
    }

    /// Pushes the metatable of the value at `index`; false (nothing pushed) without one.
    pub(crate) fn push_metatable(&self, index: c_int) -> bool {
        // SAFETY: S1.
        unsafe { ffi::lua_getmetatable(self.l, index) != 0 }
    }

    /// Pops a table (or nil) and makes it the metatable of the value at `index`.
    pub(crate) fn set_metatable(&self, index: c_int) {
        // SAFETY: S1; granted (R2).
        unsafe { ffi::lua_setmetatable(self.l, index) };
    }
}
