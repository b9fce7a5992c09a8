//! Where code is: the calls of a coroutine, for messages and tracebacks.

#![expect(unsafe_code, reason = "looks at the frames of calls; invariant S1")]

use std::ffi::{CStr, c_int};

use super::Stack;
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::host::HostFn;

/// What is known of a call of a C function.
#[derive(Debug, Default)]
pub(crate) struct CFrame {
    /// The function; `None` in a frame of Lua code.
    pub(crate) function: Option<HostFn>,
    /// How the calling code names it.
    pub(crate) name: Option<String>,
}

impl Stack {
    /// Whether some function of this coroutine is being called.
    pub(crate) fn place_exists(&self) -> bool {
        self.debug(0, c"").is_some()
    }

    /// `<chunk>:<line>: ` of the Lua code at call level `level` (1: the caller of the running host
    /// function), or nothing where it is no Lua code.
    pub(crate) fn place(&self, level: c_int) -> String {
        self.debug(level, c"Sl")
            .filter(|info| info.currentline > 0)
            .map(|info| {
                // SAFETY: Lua fills `short_src` with a NUL-terminated text.
                let source = unsafe { CStr::from_ptr(info.short_src.as_ptr()) };
                format!("{}:{}: ", source.to_string_lossy(), info.currentline)
            })
            .unwrap_or_default()
    }

    /// The chunk name at call level `level`, without its mark; empty inside where there is none.
    /// `None` for a level that does not exist.
    pub(crate) fn source(&self, level: c_int) -> Option<Option<String>> {
        let info = self.debug(level, c"S")?;
        // SAFETY: Lua points `source` to a text of `srclen` bytes that lives with the function.
        let source = unsafe { std::slice::from_raw_parts(info.source.cast::<u8>(), info.srclen) };
        let name = source.strip_prefix(b"=");
        Some(name.map(|name| String::from_utf8_lossy(name).into_owned()))
    }

    /// The C function at call level `level` (0: the running host function), with the name that the
    /// code that called it has for it. Lua code gives an empty frame, a level that does not exist
    /// `None`.
    pub(crate) fn c_frame(&self, level: c_int) -> Option<CFrame> {
        let info = self.debug(level, c"Sn")?;
        // SAFETY: `what` is a static text; `name` is null or NUL-terminated and lives with the
        // frame.
        let name = unsafe {
            if CStr::from_ptr(info.what) != c"C" {
                return Some(CFrame::default());
            }
            (!info.name.is_null()).then(|| CStr::from_ptr(info.name).to_string_lossy().into_owned())
        };
        Some(CFrame { function: self.function_at(level), name })
    }

    /// Name by which the running host function was called, and whether as a method.
    pub(crate) fn call_name(&self) -> (String, bool) {
        let Some(info) = self.debug(0, c"n") else { return ("?".to_owned(), false) };
        if info.name.is_null() {
            return ("?".to_owned(), false);
        }
        // SAFETY: both are NUL-terminated and live with the frame.
        unsafe {
            let name = CStr::from_ptr(info.name).to_string_lossy().into_owned();
            (name, CStr::from_ptr(info.namewhat) == c"method")
        }
    }

    /// The C function at call level `level` (0: the running host function).
    pub(crate) fn function_at(&self, level: c_int) -> Option<HostFn> {
        // SAFETY: S1; `f` pushes the function of a level that exists.
        let pushed = unsafe {
            let mut info: ffi::lua_Debug = std::mem::zeroed();
            ffi::lua_getstack(self.l, level, &mut info) != 0
                && ffi::lua_getinfo(self.l, c"f".as_ptr(), &mut info) != 0
        };
        let function = pushed.then(|| self.host_function(-1));
        self.pop(c_int::from(pushed));
        function.flatten()
    }

    fn debug(&self, level: c_int, what: &CStr) -> Option<ffi::lua_Debug> {
        // SAFETY: S1; a zeroed lua_Debug is a valid out-parameter, `getinfo` without the
        // `f`, `L` options pushes nothing and does not allocate.
        unsafe {
            let mut info: ffi::lua_Debug = std::mem::zeroed();
            if ffi::lua_getstack(self.l, level, &mut info) == 0 {
                return None;
            }
            ffi::lua_getinfo(self.l, what.as_ptr(), &mut info);
            Some(info)
        }
    }

    /// Pushes the traceback text of coroutine `of` (its own handle, or this one), starting at
    /// `level`; where it cannot be made, because a stack is full, Lua's message about that.
    pub(crate) fn push_traceback(&self, of: &Stack, level: c_int) {
        // One more level in the own stack: the function that is called for it.
        let level = if self.l == of.l { level + 1 } else { level };
        // SAFETY: S1; the call is protected.
        unsafe {
            ffi::lua_pushcfunction(self.l, traceback);
            ffi::lua_pushlightuserdata(self.l, of.l.cast());
            ffi::lua_pushinteger(self.l, level.into());
            ffi::lua_pcall(self.l, 2, 1, 0);
        }
    }
}

/// Arguments: a `lua_State` and a level. Result: the text.
unsafe extern "C-unwind" fn traceback(l: *mut lua_State) -> c_int {
    // SAFETY: called by `push_traceback`; nothing owned, so it may raise.
    unsafe {
        let of = ffi::lua_touserdata(l, 1).cast();
        let level = ffi::lua_tointeger(l, 2) as c_int;
        ffi::luaL_traceback(l, of, std::ptr::null(), level);
    }
    1
}
