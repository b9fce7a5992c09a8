//! The texts of values, as `tostring`, `print` and `string.format` give them: without addresses.
//!
//! # How it works
//! What has no text of its own is shown as its type and a number: in stock Lua its address, which
//! tells whoever prints it where the memory and the code of the OS process lie. Here the address is
//! **scrambled**: mixed with two keys in a way that can be undone only with both of them. So the
//! number is still that of the one object as long as it lives, and no other one's.
//!
//! The keys come from a secret of the OS process and the seed of the process, so that processes
//! cannot compare what they see.

#![expect(unsafe_code, reason = "C-shaped: what it calls may raise; nothing owned in its frames")]

use std::ffi::{c_int, c_void};
use std::ptr;

use super::raw::ffi::{self, lua_State};
use super::raw::{LuaType, Stack, Universe};
use super::secret::{mixed, secret};

/// Whether the value is shown by its type and its number, unless a metamethod says otherwise.
pub(crate) fn is_shown_by_number(stack: &Stack, index: c_int) -> bool {
    use LuaType::{Function, LightUserdata, Table, Thread, Userdata};
    matches!(stack.kind(index), Table | Function | Userdata | Thread | LightUserdata)
}

/// Pushes the text of the value at `index`, as `luaL_tolstring`.
///
/// # Safety
/// Called with the state of a VM of a process or a template, with nothing owned in any Rust frame
/// above: a metamethod may raise.
pub(crate) unsafe fn push_text(l: *mut lua_State, index: c_int) {
    // SAFETY: the caller's duty.
    unsafe {
        let index = ffi::lua_absindex(l, index);
        if !is_shown_by_number(&Stack::new(l), index) {
            ffi::luaL_tolstring(l, index, ptr::null_mut());
            return;
        }
        if ffi::luaL_getmetafield(l, index, c"__tostring".as_ptr()) != ffi::LUA_TNIL {
            ffi::lua_pop(l, 1);
            ffi::luaL_tolstring(l, index, ptr::null_mut());
            return;
        }
        let named = ffi::luaL_getmetafield(l, index, c"__name".as_ptr());
        if named != ffi::LUA_TSTRING {
            ffi::lua_settop(l, if named == ffi::LUA_TNIL { -1 } else { -2 });
            ffi::lua_pushstring(l, ffi::luaL_typename(l, index));
        }
        ffi::lua_pushstring(l, c": ".as_ptr());
        push_number(l, ffi::lua_topointer(l, index));
        ffi::lua_concat(l, 3);
    }
}

/// Pushes the number of an object: 0x and sixteen digits.
///
/// # Safety
/// As [`push_text`].
pub(crate) unsafe fn push_number(l: *mut lua_State, object: *const c_void) {
    // SAFETY: the caller's duty.
    unsafe {
        let digits = number(Universe::of(l), object);
        ffi::lua_pushlstring(l, digits.as_ptr().cast(), digits.len());
    }
}

/// The number of an object of the process, as text.
pub(crate) fn number(universe: &Universe, object: *const c_void) -> [u8; 18] {
    digits(scrambled(object as u64, keys(secret(), universe.seed())))
}

fn keys(secret: [u64; 2], seed: [u64; 2]) -> [u64; 2] {
    [mixed(secret[0] ^ seed[0]), mixed(secret[1] ^ seed[1])]
}

fn scrambled(address: u64, keys: [u64; 2]) -> u64 {
    mixed(mixed(address ^ keys[0]) ^ keys[1])
}

/// Without an allocation, since a frame that may raise owns nothing.
fn digits(number: u64) -> [u8; 18] {
    let mut digits = *b"0x0000000000000000";
    for (at, digit) in digits[2..].iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(number >> (60 - 4 * at) & 15) as usize];
    }
    digits
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::lua::testing::ours;

    #[test]
    fn objects_are_told_apart_and_stay_the_same() {
        let source = "
            local t, f, co = {}, function() end, coroutine.create(print)
            local seen = {}
            for _, object in ipairs({ t, f, co, print, {}, channel }) do
                local text = tostring(object)
                assert(text == tostring(object) and not seen[text], text)
                assert(text == ('%s'):format(object), text)
                assert(text:match('^%a+: (0x%x+)$') == ('%p'):format(object), text)
                seen[text] = true
            end
            local named = setmetatable({}, { __name = 'Named' })
            return tostring(named):match('^Named: 0x%x+$') ~= nil, tostring(t):match('^%a+'),
                ('%-20p|'):format(t):match('^0x%x+  |$') ~= nil, ('%p'):format(1),
                (pcall(string.format, '%.3p', t))";
        let expected = "true, table, true, (null), false";
        assert_eq!(ours(source), expected);
    }

    #[test]
    fn no_number_is_an_address_or_of_two_objects() {
        let keys = keys([1, 2], [3, 4]);
        let mut seen: Vec<u64> = (0..10_000).map(|n| scrambled(0x5000 + 16 * n, keys)).collect();
        assert!(seen.iter().all(|number| *number > 0x5000 + 160_000));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 10_000);
        assert_ne!(keys, super::keys([1, 2], [3, 5]), "another process, other keys");
    }

    #[test]
    fn numbers_are_written_in_hexadecimal() {
        for number in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(str::from_utf8(&digits(number)), Ok(&*format!("0x{number:016x}")));
        }
    }
}
