//! The compiler behind `load`, which gets the text in pieces: between two of them it learns that
//! the process is to die.
//!
//! It cannot be suspended, so a turn may last as long as the longest source takes to compile.

#![expect(unsafe_code, reason = "C-shaped: the compiler calls back; nothing owned in its frames")]

use std::ffi::{c_char, c_int, c_void};

use crate::lua::cx::{Cx, TakenIn};
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::{Universe, die};

/// Bytes of a piece; at most a fifth of a millisecond of work.
const PIECE: usize = 4096;

/// What has not been compiled yet. The text belongs to a value on the stack.
struct Rest {
    text: *const c_char,
    len: usize,
}

/// `load` for a text at 1, with its name or nil at 2, and if there is a fourth argument, this as
/// the upvalue of what comes out.
///
/// # Safety
/// Called by Lua, in a VM of a process.
pub(super) unsafe extern "C-unwind" fn load_text(l: *mut lua_State) -> c_int {
    const ENV: c_int = 4;
    // SAFETY: Lua's interface as it is documented. `rest` outlives the call that it is passed to,
    // and the text is on the stack meanwhile.
    unsafe {
        let mut rest = Rest { text: std::ptr::null(), len: 0 };
        rest.text = ffi::lua_tolstring(l, 1, &raw mut rest.len);
        let name = ffi::luaL_optstring(l, 2, rest.text);
        let has_env = ffi::lua_gettop(l) >= ENV;
        let status = ffi::lua_load(l, next_piece, (&raw mut rest).cast(), name, c"t".as_ptr());
        if status != ffi::LUA_OK {
            ffi::lua_pushnil(l);
            ffi::lua_insert(l, -2);
            return 2;
        }
        if has_env {
            ffi::lua_pushvalue(l, ENV);
            if ffi::lua_setupvalue(l, -2, 1).is_null() {
                ffi::lua_pop(l, 1);
            }
        }
        1
    }
}

unsafe extern "C-unwind" fn next_piece(
    l: *mut lua_State,
    rest: *mut c_void,
    size: *mut usize,
) -> *const c_char {
    // SAFETY: called by `lua_load` with what `load_text` gave it, in a protected call. The
    // reference to the owner ends before the error is raised.
    unsafe {
        let cx = &mut *Universe::of(l).owner().cast::<Cx>();
        if ffi::lua_checkstack(l, ffi::LUA_MINSTACK) != 0 && cx.look_up() == TakenIn::Die {
            // The compiler cannot be suspended, so this raises.
            die(l);
        }
        let rest = &mut *rest.cast::<Rest>();
        let piece = rest.text;
        *size = rest.len.min(PIECE);
        rest.text = piece.add(*size);
        rest.len -= *size;
        piece
    }
}
