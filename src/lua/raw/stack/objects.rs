//! Objects: userdata with a Rust part, and the table of each type.

#![expect(unsafe_code, reason = "userdata are what their headers say; invariants S1 and R4")]

use std::ffi::c_int;

use super::{LuaType, REGISTRY, Stack};
use crate::lua::raw::ffi;
use crate::lua::raw::inside::frame::Place;
use crate::lua::raw::object::{Boxed, Object, ObjectHeader, finalize};
use crate::lua::raw::universe::Garbage;
use crate::lua::raw::watch::{LEN_MAX, UNWATCHED};

impl Stack {
    /// Pushes a new object of type `T`, with its Lua values (`T::N_VALUES`) nil. `build` fills the
    /// type's metatable (on top of the stack when it is called) the first time in this VM.
    pub(crate) fn new_object<T: Object>(&self, value: T, build: fn(&Stack)) {
        self.new_boxed(value);
        self.push_type_table::<T>(build);
        self.set_metatable(-2);
    }

    /// As [`Stack::new_object`]; when the object is collected, [`Garbage`] with this `id` is noted,
    /// unless [`Stack::unwatch`] comes first.
    pub(crate) fn new_watched_object<T: Object>(&self, value: T, id: u64, build: fn(&Stack)) {
        const { assert!(size_of::<Boxed<T>>() <= LEN_MAX && T::N_VALUES == 1) };
        let object = self.new_boxed(value);
        let watched_at = self.universe().watch(object.cast(), Garbage { tag: T::TAG, id });
        // SAFETY: R4.
        unsafe { (*object).header.watched_at = watched_at };
        self.push_type_table::<T>(build);
        self.set_metatable(-2);
    }

    /// Pushes a userdata that has no metatable yet.
    fn new_boxed<T: Object>(&self, value: T) -> *mut Boxed<T> {
        const { assert!(align_of::<T>() <= 16) };
        // SAFETY: S1; granted (R2). The block is fresh and large enough; R4: the header is
        // written before Lua code can see the object.
        unsafe {
            let block = ffi::lua_newuserdatauv(self.l, size_of::<Boxed<T>>(), T::N_VALUES);
            let header = ObjectHeader { tag: T::TAG, watched_at: UNWATCHED };
            (block as *mut Boxed<T>).write_unaligned(Boxed { header, value });
            block.cast()
        }
    }

    /// No garbage is noted for the object at `index`, a `T`, when it is collected.
    pub(crate) fn unwatch<T: Object>(&self, index: c_int) {
        let Some(object) = self.object_ptr::<T>(index) else { return };
        // SAFETY: R4.
        let place = unsafe { std::mem::replace(&mut (*object).header.watched_at, UNWATCHED) };
        self.universe().unwatch(place);
    }

    /// Makes the metatable of type `T`, if it was not.
    pub(crate) fn make_type<T: Object>(&self, build: fn(&Stack)) {
        self.push_type_table::<T>(build);
        self.pop(1);
    }

    /// Pushes the table that this VM keeps under `tag` (of `lua/objects.rs`), or nil.
    pub(crate) fn kept_table(&self, tag: u32) -> LuaType {
        self.raw_get_int(REGISTRY, type_slot(tag))
    }

    /// Pops a table and keeps it under `tag`.
    pub(crate) fn keep_table(&self, tag: u32) {
        self.raw_set_int(REGISTRY, type_slot(tag));
    }

    /// Pushes the metatable of type `T`, made on first use in each VM.
    fn push_type_table<T: Object>(&self, build: fn(&Stack)) {
        if self.kept_table(T::TAG) == LuaType::Table {
            return;
        }
        self.pop(1);
        self.new_table(0, 8);
        build(self);
        self.push_bool(false);
        self.raw_set_field(-2, "__metatable");
        self.push_bytes(T::NAME);
        self.raw_set_field(-2, "__name");
        if T::FINALIZED {
            self.set_fn(-1, "__gc", finalize::<T>);
        }
        self.push_value(-1);
        self.keep_table(T::TAG);
    }

    /// What messages call the type of the value at `index`: the `__name` of its metatable, which
    /// all objects have, else that which Lua's `type` gives.
    pub(crate) fn type_name(&self, index: c_int) -> String {
        let may_have_name = matches!(self.kind(index), LuaType::Userdata | LuaType::Table);
        let name = (may_have_name && self.push_metatable(index)).then(|| {
            self.raw_get_field(-1, "__name");
            let name = self.bytes(-1).map(|name| String::from_utf8_lossy(name).into_owned());
            self.pop(2);
            name
        });
        name.flatten().unwrap_or_else(|| self.kind(index).name().to_owned())
    }

    /// The Rust part of the object at `index`, if it is a `T`. A copy: objects are small.
    pub(crate) fn object<T: Object>(&self, index: c_int) -> Option<T> {
        // SAFETY: R4: a full userdata starts with a header; the tag tells the type behind it.
        self.object_ptr::<T>(index).map(|object| unsafe { (*object).value })
    }

    /// Replaces the Rust part of the object at `index`; false when it is not a `T`.
    pub(crate) fn set_object<T: Object>(&self, index: c_int, value: T) -> bool {
        // SAFETY: as in `object`.
        self.object_ptr::<T>(index).map(|object| unsafe { (*object).value = value }).is_some()
    }

    fn object_ptr<T: Object>(&self, index: c_int) -> Option<*mut Boxed<T>> {
        let object = self.header(index)?;
        // SAFETY: R4.
        (unsafe { (*object).tag } == T::TAG).then(|| object.cast())
    }

    /// The type tag of the object at `index`; `None` when it is no full userdata.
    pub(crate) fn object_tag(&self, index: c_int) -> Option<u32> {
        // SAFETY: R4.
        self.header(index).map(|object| unsafe { (*object).tag })
    }

    #[inline]
    pub(super) fn header(&self, index: c_int) -> Option<*mut ObjectHeader> {
        match self.slot(index) {
            Place::Here(slot) => slot.object(),
            Place::Absent => None,
            Place::Elsewhere => self.header_elsewhere(index),
        }
    }

    fn header_elsewhere(&self, index: c_int) -> Option<*mut ObjectHeader> {
        // SAFETY: S1.
        (self.kind(index) == LuaType::Userdata)
            .then(|| unsafe { ffi::lua_touserdata(self.l, index).cast() })
    }

    /// Pushes Lua value `n` (from 1) of the object at `index`.
    pub(crate) fn object_value(&self, index: c_int, n: c_int) -> LuaType {
        // SAFETY: S1.
        unsafe { ffi::lua_getiuservalue(self.l, index, n) };
        self.kind(-1)
    }

    /// Pops a value and stores it as Lua value `n` (from 1) of the object at `index`.
    pub(crate) fn set_object_value(&self, index: c_int, n: c_int) {
        // SAFETY: S1.
        unsafe { ffi::lua_setiuservalue(self.l, index, n) };
    }
}

/// Where in the registry the metatable of a type is kept: behind Lua's own slots, in the array
/// part.
fn type_slot(tag: u32) -> i64 {
    ffi::LUA_RIDX_LAST + 1 + i64::from(tag)
}
