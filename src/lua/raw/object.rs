//! Userdata with a Rust part: plain data behind a header that tells its type.

#![expect(unsafe_code, reason = "a userdata is what its header says; invariant R4")]

use std::ffi::c_int;

use super::ffi::{self, lua_State};
use super::universe::{Garbage, Universe};

/// First word of every full userdata (R4).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectHeader {
    pub(crate) tag: u32,
    /// Its place among the watched objects ([`super::watch`]).
    pub(super) watched_at: u32,
}

/// A type of userdata. Its Rust part is plain data, so that dropping a VM needs no walk over
/// objects; what must be released is held by the layer above and named by [`Object::garbage`].
pub(crate) trait Object: Copy + 'static {
    /// Different for every type; see `lua/objects.rs` for the list.
    const TAG: u32;
    /// Name in messages: `channel expected, got …`.
    const NAME: &'static str;
    /// How many Lua values an object carries besides its Rust part.
    const N_VALUES: c_int;
    /// The part that the layer above holds for this object, released when Lua collects the object.
    fn garbage(&self) -> Option<u64> {
        None
    }
    /// Whether objects of this type need a finalizer at all.
    const FINALIZED: bool = false;
}

#[repr(C)]
pub(super) struct Boxed<T> {
    pub(super) header: ObjectHeader,
    pub(super) value: T,
}

/// `__gc` of a type whose objects have a part outside of Lua: only notes the id.
///
/// # Safety
/// Installed by [`super::Stack::new_object`] on metatables of `T` only; called by Lua.
pub(super) unsafe extern "C-unwind" fn finalize<T: Object>(l: *mut lua_State) -> c_int {
    // SAFETY: R4 and R5; no allocation, nothing can raise.
    unsafe {
        let object = ffi::lua_touserdata(l, 1) as *const Boxed<T>;
        if !object.is_null()
            && ffi::lua_type(l, 1) == ffi::LUA_TUSERDATA
            && (*object).header.tag == T::TAG
            && let Some(id) = (*object).value.garbage()
        {
            Universe::of(l).discard(Garbage { tag: T::TAG, id });
        }
    }
    0
}
