//! Pushing values.

#![expect(unsafe_code, reason = "calls that push values; invariants S1 and R4")]

use std::ffi::{CStr, c_int};

use super::Stack;
use crate::lua::raw::ffi;
use crate::lua::raw::host::HostFn;

impl Stack {
    pub(crate) fn push_nil(&self) {
        // SAFETY: S1.
        unsafe { ffi::lua_pushnil(self.l) }
    }

    pub(crate) fn push_bool(&self, value: bool) {
        // SAFETY: S1.
        unsafe { ffi::lua_pushboolean(self.l, value.into()) }
    }

    pub(crate) fn push_int(&self, value: i64) {
        // SAFETY: S1.
        unsafe { ffi::lua_pushinteger(self.l, value) }
    }

    pub(crate) fn push_num(&self, value: f64) {
        // SAFETY: S1.
        unsafe { ffi::lua_pushnumber(self.l, value) }
    }

    /// Pushes a string of any bytes.
    pub(crate) fn push_bytes(&self, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        // SAFETY: S1; granted (R2).
        unsafe { ffi::lua_pushlstring(self.l, value.as_ptr().cast(), value.len()) };
    }

    /// Pushes a copy of the value at `index`.
    pub(crate) fn push_value(&self, index: c_int) {
        // SAFETY: S1.
        unsafe { ffi::lua_pushvalue(self.l, index) }
    }

    /// Pushes a host function (see [`crate::lua::raw::host!`]) without upvalues: a light C
    /// function.
    pub(crate) fn push_fn(&self, function: HostFn) {
        // SAFETY: S1; `function` is a trampoline.
        unsafe { ffi::lua_pushcclosure(self.l, function, 0) }
    }

    /// Pops `n` values and pushes a host function that has them as upvalues 1 to n.
    pub(crate) fn push_closure(&self, function: HostFn, n: c_int) {
        // SAFETY: S1; granted (R2).
        unsafe { ffi::lua_pushcclosure(self.l, function, n) }
    }

    /// Pushes upvalue `n` (from 1) of the running host function.
    pub(crate) fn push_upvalue(&self, n: c_int) {
        self.push_value(ffi::lua_upvalueindex(n));
    }

    /// Pops a value and makes it upvalue `n` (from 1) of the running host function.
    pub(crate) fn set_upvalue(&self, n: c_int) {
        self.replace(ffi::lua_upvalueindex(n));
    }

    /// Pushes the running coroutine itself; true when it is the main one.
    pub(crate) fn push_this_thread(&self) -> bool {
        // SAFETY: S1.
        unsafe { ffi::lua_pushthread(self.l) != 0 }
    }

    /// Pushes a block of plain words without a header, for a stock C function that keeps its state
    /// in an upvalue. It must never become a value that Lua code can hold (R4).
    pub(crate) fn push_block<const N: usize>(&self, words: [u64; N]) -> *mut [u64; N] {
        // SAFETY: S1; granted (R2). The block is fresh and large enough.
        unsafe {
            let block = ffi::lua_newuserdatauv(self.l, size_of_val(&words), 0) as *mut [u64; N];
            block.write_unaligned(words);
            block
        }
    }

    /// Pushes the function of a precompiled chunk whose bytes stay where they are.
    ///
    /// # Safety
    /// `code` was made by `lua_dump` of the same Lua and outlives the VM, which keeps pointers into
    /// it.
    pub(crate) unsafe fn load_shared_code(&self, code: &[u8], name: &CStr) -> bool {
        // SAFETY: the caller's duty.
        unsafe { self.load_binary(code, name, c"B") }
    }

    /// Pushes the function of a precompiled chunk, of which the VM makes a copy: Lua takes lines
    /// from behind shared code that has none.
    ///
    /// # Safety
    /// `code` was made by `lua_dump` of the same Lua.
    pub(crate) unsafe fn load_own_code(&self, code: &[u8], name: &CStr) -> bool {
        // SAFETY: the caller's duty.
        unsafe { self.load_binary(code, name, c"b") }
    }

    unsafe fn load_binary(&self, code: &[u8], name: &CStr, mode: &CStr) -> bool {
        let data = code.as_ptr().cast();
        // SAFETY: S1 and the caller's duty; loading runs protected.
        let status = unsafe {
            ffi::luaL_loadbufferx(self.l, data, code.len(), name.as_ptr(), mode.as_ptr())
        };
        status == ffi::LUA_OK
    }
}
