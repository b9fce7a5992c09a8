//! Reading values of the stack.

#![expect(unsafe_code, reason = "calls that read values; invariant S1")]

use std::ffi::{c_int, c_void};

use super::Stack;
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::host::HostFn;
use crate::lua::raw::inside::StringView;
use crate::lua::raw::inside::frame::Place;

/// What kind of value a stack slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LuaType {
    None,
    Nil,
    Boolean,
    LightUserdata,
    Number,
    String,
    Table,
    Function,
    Userdata,
    Thread,
}

impl LuaType {
    /// Of the number by which Lua's interface knows the type.
    #[inline]
    fn from_number(number: c_int) -> LuaType {
        match number {
            ffi::LUA_TNIL => LuaType::Nil,
            ffi::LUA_TBOOLEAN => LuaType::Boolean,
            ffi::LUA_TLIGHTUSERDATA => LuaType::LightUserdata,
            ffi::LUA_TNUMBER => LuaType::Number,
            ffi::LUA_TSTRING => LuaType::String,
            ffi::LUA_TTABLE => LuaType::Table,
            ffi::LUA_TFUNCTION => LuaType::Function,
            ffi::LUA_TUSERDATA => LuaType::Userdata,
            ffi::LUA_TTHREAD => LuaType::Thread,
            _ => LuaType::None,
        }
    }

    /// The name that Lua's `type` gives, `no value` for a missing argument.
    pub(crate) fn name(self) -> &'static str {
        match self {
            LuaType::None => "no value",
            LuaType::Nil => "nil",
            LuaType::Boolean => "boolean",
            LuaType::LightUserdata | LuaType::Userdata => "userdata",
            LuaType::Number => "number",
            LuaType::String => "string",
            LuaType::Table => "table",
            LuaType::Function => "function",
            LuaType::Thread => "thread",
        }
    }
}

impl Stack {
    #[inline]
    pub(crate) fn kind(&self, index: c_int) -> LuaType {
        LuaType::from_number(match self.slot(index) {
            Place::Here(slot) => slot.type_number(),
            Place::Absent => ffi::LUA_TNONE,
            // SAFETY: S1.
            Place::Elsewhere => unsafe { ffi::lua_type(self.l, index) },
        })
    }

    /// Absent or nil.
    pub(crate) fn is_nil(&self, index: c_int) -> bool {
        matches!(self.kind(index), LuaType::None | LuaType::Nil)
    }

    /// Absent, nil, or what stock Lua takes for a string: a string or a number.
    pub(crate) fn is_optional_text(&self, index: c_int) -> bool {
        matches!(self.kind(index), LuaType::None | LuaType::Nil | LuaType::String | LuaType::Number)
    }

    /// Lua's truth: everything but nil and false.
    pub(crate) fn truthy(&self, index: c_int) -> bool {
        // SAFETY: S1.
        unsafe { ffi::lua_toboolean(self.l, index) != 0 }
    }

    /// The value of a boolean; `None` for any other type.
    pub(crate) fn boolean(&self, index: c_int) -> Option<bool> {
        (self.kind(index) == LuaType::Boolean).then(|| self.truthy(index))
    }

    /// The value of an integer (a number of integer subtype).
    pub(crate) fn integer(&self, index: c_int) -> Option<i64> {
        // SAFETY: S1; no conversion of strings because the subtype is checked first.
        unsafe {
            (ffi::lua_isinteger(self.l, index) != 0)
                .then(|| ffi::lua_tointegerx(self.l, index, std::ptr::null_mut()))
        }
    }

    /// An integer, or a float with an integral value in range; not strings.
    pub(crate) fn integral(&self, index: c_int) -> Option<i64> {
        if self.kind(index) != LuaType::Number {
            return None;
        }
        let mut ok = 0;
        // SAFETY: S1.
        let value = unsafe { ffi::lua_tointegerx(self.l, index, &mut ok) };
        (ok != 0).then_some(value)
    }

    /// As an integer argument of Lua's own functions: also strings that read as one.
    pub(crate) fn to_integer(&self, index: c_int) -> Option<i64> {
        let mut ok = 0;
        // SAFETY: S1; the conversion does not change the value in place.
        let value = unsafe { ffi::lua_tointegerx(self.l, index, &mut ok) };
        (ok != 0).then_some(value)
    }

    /// Whether it is a number, or a string that reads as one.
    pub(crate) fn is_numeric(&self, index: c_int) -> bool {
        // SAFETY: S1.
        unsafe { ffi::lua_isnumber(self.l, index) != 0 }
    }

    /// The value of a number of either subtype; not strings.
    pub(crate) fn number(&self, index: c_int) -> Option<f64> {
        (self.kind(index) == LuaType::Number).then(|| {
            // SAFETY: S1.
            unsafe { ffi::lua_tonumberx(self.l, index, std::ptr::null_mut()) }
        })
    }

    /// The bytes of a string; `None` for any other type, also numbers.
    ///
    /// The slice lives as long as the value stays on the stack (or reachable): copy it before it is
    /// popped. Lua does not move strings.
    #[inline]
    pub(crate) fn bytes(&self, index: c_int) -> Option<&[u8]> {
        match self.slot(index) {
            Place::Here(slot) => slot.string().map(StringView::bytes),
            Place::Absent => None,
            Place::Elsewhere => self.bytes_elsewhere(index),
        }
    }

    fn bytes_elsewhere(&self, index: c_int) -> Option<&[u8]> {
        if self.kind(index) != LuaType::String {
            return None;
        }
        let mut len = 0;
        // SAFETY: S1; a string is not converted, so nothing is allocated.
        unsafe {
            let data = ffi::lua_tolstring(self.l, index, &mut len);
            Some(std::slice::from_raw_parts(data.cast(), len))
        }
    }

    /// The text of a number, as `tostring` gives it.
    pub(crate) fn number_text(&self, index: c_int) -> Option<String> {
        if self.kind(index) != LuaType::Number {
            return None;
        }
        let mut buffer = [0u8; 64];
        // SAFETY: S1; LUA_N2SBUFFSZ is 64, and the length counts the final NUL.
        let len = unsafe { ffi::lua_numbertocstring(self.l, index, buffer.as_mut_ptr().cast()) };
        let text = &buffer[..(len as usize).saturating_sub(1)];
        Some(String::from_utf8_lossy(text).into_owned())
    }

    pub(crate) fn raw_len(&self, index: c_int) -> usize {
        // SAFETY: S1.
        unsafe { ffi::lua_rawlen(self.l, index) }
    }

    /// The identity of a table, function, thread or userdata.
    pub(crate) fn pointer(&self, index: c_int) -> *const c_void {
        // SAFETY: S1.
        unsafe { ffi::lua_topointer(self.l, index) }
    }

    pub(crate) fn raw_equal(&self, a: c_int, b: c_int) -> bool {
        // SAFETY: S1.
        unsafe { ffi::lua_rawequal(self.l, a, b) != 0 }
    }

    /// The coroutine at `index`.
    pub(crate) fn thread(&self, index: c_int) -> Option<*mut lua_State> {
        // SAFETY: S1.
        let thread = unsafe { ffi::lua_tothread(self.l, index) };
        (!thread.is_null()).then_some(thread)
    }

    /// Whether the value at `index` is the C function `function`.
    pub(crate) fn is_function(&self, index: c_int, function: HostFn) -> bool {
        self.host_function(index).is_some_and(|found| found as usize == function as usize)
    }

    /// The C function at `index`.
    pub(crate) fn host_function(&self, index: c_int) -> Option<HostFn> {
        // SAFETY: S1.
        unsafe { ffi::lua_tocfunction(self.l, index) }
    }
}
