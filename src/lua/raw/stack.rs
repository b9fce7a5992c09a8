//! The typed stack handle: everything a host function may do with Lua values, nothing that can
//! raise.

use std::ffi::{CStr, c_int, c_void};
use std::ops::Range;

use super::ffi::{self, lua_State};
use super::host::HostFn;
use super::object::{Boxed, Object, ObjectHeader, finalize};
use super::universe::{ThreadTag, Universe};

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

/// The registry index for [`Stack::raw_get_int`] and its kin.
pub(crate) const REGISTRY: c_int = ffi::LUA_REGISTRYINDEX;

/// What is known of a call of a C function.
#[derive(Debug, Default)]
pub(crate) struct CFrame {
    /// The function; `None` in a frame of Lua code.
    pub(crate) function: Option<HostFn>,
    /// How the calling code names it.
    pub(crate) name: Option<String>,
}

/// A coroutine's stack, as the host function that it called sees it: index 1 is the first argument.
///
/// Indices are Lua's: positive from the bottom of the current frame, negative from the top. Every
/// method keeps the stack as it says; none raises, yields or runs Lua code (R1). Finalizers of host
/// objects may run inside of any method that allocates; they only take notes.
#[derive(Debug)]
pub(crate) struct Stack {
    l: *mut lua_State,
}

// Each method's SAFETY is the same: R5 gives a live state that only this thread uses; the call is
// one of those that cannot raise (raw access, or an allocation under R2); the indices are the
// caller's to get right, and Lua's own checks (`apicheck`, on in debug builds) find a wrong one.
impl Stack {
    /// Wraps a live state.
    ///
    /// # Safety
    /// * `l` belongs to a VM tied to a [`Universe`], and stays alive while the handle is used.
    /// * The universe is inside a host function ([`Universe::enter_host`]), so that pushes are
    ///   granted.
    pub(crate) unsafe fn new(l: *mut lua_State) -> Stack {
        Stack { l }
    }

    pub(crate) fn raw(&self) -> *mut lua_State {
        self.l
    }

    pub(crate) fn universe(&self) -> &Universe {
        // SAFETY: see above.
        unsafe { Universe::of(self.l) }
    }

    // ---- shape of the stack

    pub(crate) fn top(&self) -> c_int {
        // SAFETY: see above.
        unsafe { ffi::lua_gettop(self.l) }
    }

    pub(crate) fn set_top(&self, index: c_int) {
        // SAFETY: see above; host frames have no to-be-closed slots.
        unsafe { ffi::lua_settop(self.l, index) }
    }

    pub(crate) fn pop(&self, n: c_int) {
        self.set_top(-n - 1);
    }

    pub(crate) fn abs(&self, index: c_int) -> c_int {
        // SAFETY: see above.
        unsafe { ffi::lua_absindex(self.l, index) }
    }

    /// Makes room for `n` more values; false when the stack cannot grow so far.
    #[must_use]
    pub(crate) fn reserve(&self, n: c_int) -> bool {
        // SAFETY: see above; reports failure instead of raising.
        unsafe { ffi::lua_checkstack(self.l, n) != 0 }
    }

    /// Moves the top value to `index`, shifting those above up.
    pub(crate) fn insert(&self, index: c_int) {
        // SAFETY: see above.
        unsafe { ffi::lua_rotate(self.l, index, 1) }
    }

    /// Rotates the values from `index` to the top by `n` places towards the top.
    pub(crate) fn rotate(&self, index: c_int, n: c_int) {
        // SAFETY: see above.
        unsafe { ffi::lua_rotate(self.l, index, n) }
    }

    /// Removes the value at `index`, shifting those above down.
    pub(crate) fn remove(&self, index: c_int) {
        // SAFETY: see above.
        unsafe { ffi::lua_rotate(self.l, index, -1) };
        self.pop(1);
    }

    /// Replaces the value at `index` by the top value, which is popped.
    pub(crate) fn replace(&self, index: c_int) {
        // SAFETY: see above.
        unsafe { ffi::lua_copy(self.l, -1, index) };
        self.pop(1);
    }

    /// Moves the `n` top values to another coroutine of the same VM.
    pub(crate) fn move_to(&self, other: &Stack, n: c_int) {
        // SAFETY: see above; both states belong to one VM, room is the caller's to reserve.
        unsafe { ffi::lua_xmove(self.l, other.l, n) }
    }

    // ---- reading

    pub(crate) fn kind(&self, index: c_int) -> LuaType {
        // SAFETY: see above.
        match unsafe { ffi::lua_type(self.l, index) } {
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

    /// Absent or nil.
    pub(crate) fn is_nil(&self, index: c_int) -> bool {
        matches!(self.kind(index), LuaType::None | LuaType::Nil)
    }

    /// Lua's truth: everything but nil and false.
    pub(crate) fn truthy(&self, index: c_int) -> bool {
        // SAFETY: see above.
        unsafe { ffi::lua_toboolean(self.l, index) != 0 }
    }

    /// The value of a boolean; `None` for any other type.
    pub(crate) fn boolean(&self, index: c_int) -> Option<bool> {
        (self.kind(index) == LuaType::Boolean).then(|| self.truthy(index))
    }

    /// The value of an integer (a number of integer subtype).
    pub(crate) fn integer(&self, index: c_int) -> Option<i64> {
        // SAFETY: see above; no conversion of strings because the subtype is checked first.
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
        // SAFETY: see above.
        let value = unsafe { ffi::lua_tointegerx(self.l, index, &mut ok) };
        (ok != 0).then_some(value)
    }

    /// As an integer argument of Lua's own functions: also strings that read as one.
    pub(crate) fn to_integer(&self, index: c_int) -> Option<i64> {
        let mut ok = 0;
        // SAFETY: see above; the conversion does not change the value in place.
        let value = unsafe { ffi::lua_tointegerx(self.l, index, &mut ok) };
        (ok != 0).then_some(value)
    }

    /// The value of a number of either subtype; not strings.
    pub(crate) fn number(&self, index: c_int) -> Option<f64> {
        (self.kind(index) == LuaType::Number).then(|| {
            // SAFETY: see above.
            unsafe { ffi::lua_tonumberx(self.l, index, std::ptr::null_mut()) }
        })
    }

    /// The bytes of a string; `None` for any other type, also numbers.
    ///
    /// The slice lives as long as the value stays on the stack (or reachable): copy it before it is
    /// popped. Lua does not move strings.
    pub(crate) fn bytes(&self, index: c_int) -> Option<&[u8]> {
        if self.kind(index) != LuaType::String {
            return None;
        }
        let mut len = 0;
        // SAFETY: see above; a string is not converted, so nothing is allocated.
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
        // SAFETY: see above; LUA_N2SBUFFSZ is 64, and the length counts the final NUL.
        let len = unsafe { ffi::lua_numbertocstring(self.l, index, buffer.as_mut_ptr().cast()) };
        let text = &buffer[..(len as usize).saturating_sub(1)];
        Some(String::from_utf8_lossy(text).into_owned())
    }

    pub(crate) fn raw_len(&self, index: c_int) -> usize {
        // SAFETY: see above.
        unsafe { ffi::lua_rawlen(self.l, index) }
    }

    /// The identity of a table, function, thread or userdata.
    pub(crate) fn pointer(&self, index: c_int) -> *const c_void {
        // SAFETY: see above.
        unsafe { ffi::lua_topointer(self.l, index) }
    }

    pub(crate) fn raw_equal(&self, a: c_int, b: c_int) -> bool {
        // SAFETY: see above.
        unsafe { ffi::lua_rawequal(self.l, a, b) != 0 }
    }

    /// The coroutine at `index`.
    pub(crate) fn thread(&self, index: c_int) -> Option<*mut lua_State> {
        // SAFETY: see above.
        let thread = unsafe { ffi::lua_tothread(self.l, index) };
        (!thread.is_null()).then_some(thread)
    }

    /// Whether the value at `index` is the C function `function`.
    pub(crate) fn is_function(&self, index: c_int, function: HostFn) -> bool {
        // SAFETY: see above.
        let found = unsafe { ffi::lua_tocfunction(self.l, index) };
        found.is_some_and(|found| found as usize == function as usize)
    }

    // ---- pushing

    pub(crate) fn push_nil(&self) {
        // SAFETY: see above.
        unsafe { ffi::lua_pushnil(self.l) }
    }

    pub(crate) fn push_bool(&self, value: bool) {
        // SAFETY: see above.
        unsafe { ffi::lua_pushboolean(self.l, value.into()) }
    }

    pub(crate) fn push_int(&self, value: i64) {
        // SAFETY: see above.
        unsafe { ffi::lua_pushinteger(self.l, value) }
    }

    pub(crate) fn push_num(&self, value: f64) {
        // SAFETY: see above.
        unsafe { ffi::lua_pushnumber(self.l, value) }
    }

    /// Pushes a string of any bytes.
    pub(crate) fn push_bytes(&self, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        // SAFETY: see above; granted (R2).
        unsafe { ffi::lua_pushlstring(self.l, value.as_ptr().cast(), value.len()) };
    }

    /// Pushes a copy of the value at `index`.
    pub(crate) fn push_value(&self, index: c_int) {
        // SAFETY: see above.
        unsafe { ffi::lua_pushvalue(self.l, index) }
    }

    /// Pushes a host function (see [`super::host!`]) without upvalues: a light C function.
    pub(crate) fn push_fn(&self, function: HostFn) {
        // SAFETY: see above; `function` is a trampoline.
        unsafe { ffi::lua_pushcclosure(self.l, function, 0) }
    }

    /// Pops `n` values and pushes a host function that has them as upvalues 1 to n.
    pub(crate) fn push_closure(&self, function: HostFn, n: c_int) {
        // SAFETY: see above; granted (R2).
        unsafe { ffi::lua_pushcclosure(self.l, function, n) }
    }

    /// Pushes upvalue `n` (from 1) of the running host function.
    pub(crate) fn push_upvalue(&self, n: c_int) {
        self.push_value(ffi::lua_upvalueindex(n));
    }

    /// Pushes the running coroutine itself; true when it is the main one.
    pub(crate) fn push_this_thread(&self) -> bool {
        // SAFETY: see above.
        unsafe { ffi::lua_pushthread(self.l) != 0 }
    }

    /// Pushes a block of plain words without a header, for a stock C function that keeps its state
    /// in an upvalue. It must never become a value that Lua code can hold (R4).
    pub(crate) fn push_block<const N: usize>(&self, words: [u64; N]) {
        // SAFETY: see above; granted (R2). The block is fresh and large enough.
        unsafe {
            let block = ffi::lua_newuserdatauv(self.l, size_of_val(&words), 0);
            (block as *mut [u64; N]).write_unaligned(words);
        }
    }

    // ---- tables

    /// Pushes the table of globals.
    pub(crate) fn push_globals(&self) {
        self.raw_get_int(REGISTRY, ffi::LUA_RIDX_GLOBALS);
    }

    pub(crate) fn new_table(&self, n_array: usize, n_fields: usize) {
        let clamp = |n: usize| c_int::try_from(n).unwrap_or(c_int::MAX);
        // SAFETY: see above; granted (R2).
        unsafe { ffi::lua_createtable(self.l, clamp(n_array), clamp(n_fields)) }
    }

    /// Replaces the key on top by the value of `table` for it, without metamethods.
    pub(crate) fn raw_get(&self, table: c_int) -> LuaType {
        // SAFETY: see above.
        unsafe { ffi::lua_rawget(self.l, table) };
        self.kind(-1)
    }

    /// Pops a value and the key below it and stores them in `table`, without metamethods.
    /// The key must be neither nil nor NaN.
    pub(crate) fn raw_set(&self, table: c_int) {
        // SAFETY: see above; granted (R2), the key is the caller's to check.
        unsafe { ffi::lua_rawset(self.l, table) }
    }

    pub(crate) fn raw_get_int(&self, table: c_int, key: i64) -> LuaType {
        // SAFETY: see above.
        unsafe { ffi::lua_rawgeti(self.l, table, key) };
        self.kind(-1)
    }

    pub(crate) fn raw_set_int(&self, table: c_int, key: i64) {
        // SAFETY: see above; granted (R2).
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
        // SAFETY: see above; `lua_next` raises only for a key that is not in the table.
        unsafe { ffi::lua_next(self.l, table) != 0 }
    }

    /// Pushes the metatable of the value at `index`; false (nothing pushed) without one.
    pub(crate) fn push_metatable(&self, index: c_int) -> bool {
        // SAFETY: see above.
        unsafe { ffi::lua_getmetatable(self.l, index) != 0 }
    }

    /// Pops a table (or nil) and makes it the metatable of the value at `index`.
    pub(crate) fn set_metatable(&self, index: c_int) {
        // SAFETY: see above; granted (R2).
        unsafe { ffi::lua_setmetatable(self.l, index) };
    }

    // ---- objects

    /// Pushes a new object of type `T`, with its Lua values (`T::N_VALUES`) nil. `build` fills the
    /// type's metatable (on top of the stack when it is called) the first time in this VM.
    pub(crate) fn new_object<T: Object>(&self, value: T, build: fn(&Stack)) {
        const { assert!(align_of::<T>() <= 16) };
        // SAFETY: see above; granted (R2). The block is fresh and large enough; R4: the header is
        // written before Lua code can see the object.
        unsafe {
            let block = ffi::lua_newuserdatauv(self.l, size_of::<Boxed<T>>(), T::N_VALUES);
            let header = ObjectHeader { tag: T::TAG };
            (block as *mut Boxed<T>).write_unaligned(Boxed { header, value });
        }
        self.push_type_table::<T>(build);
        self.set_metatable(-2);
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

    /// What messages call the type of the value at `index`: the name of an object's type, else that
    /// which Lua's `type` gives.
    pub(crate) fn type_name(&self, index: c_int) -> String {
        let name =
            (self.kind(index) == LuaType::Userdata && self.push_metatable(index)).then(|| {
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
        (self.object_tag(index)? == T::TAG).then(|| {
            // SAFETY: see above.
            unsafe { ffi::lua_touserdata(self.l, index).cast() }
        })
    }

    /// The type tag of the object at `index`; `None` when it is no full userdata.
    pub(crate) fn object_tag(&self, index: c_int) -> Option<u32> {
        if self.kind(index) != LuaType::Userdata {
            return None;
        }
        // SAFETY: R4.
        unsafe { Some((*(ffi::lua_touserdata(self.l, index) as *const ObjectHeader)).tag) }
    }

    /// Pushes Lua value `n` (from 1) of the object at `index`.
    pub(crate) fn object_value(&self, index: c_int, n: c_int) -> LuaType {
        // SAFETY: see above.
        unsafe { ffi::lua_getiuservalue(self.l, index, n) };
        self.kind(-1)
    }

    /// Pops a value and stores it as Lua value `n` (from 1) of the object at `index`.
    pub(crate) fn set_object_value(&self, index: c_int, n: c_int) {
        // SAFETY: see above.
        unsafe { ffi::lua_setiuservalue(self.l, index, n) };
    }

    // ---- coroutines and places

    /// Pushes a new coroutine and gives a handle to its stack.
    pub(crate) fn new_thread(&self) -> Stack {
        // SAFETY: see above; granted (R2). The new thread copies the main thread's extra space.
        unsafe { Stack { l: ffi::lua_newthread(self.l) } }
    }

    pub(crate) fn has_tag(&self, tag: ThreadTag) -> bool {
        // SAFETY: see above.
        unsafe { Universe::has_tag(self.l, tag) }
    }

    pub(crate) fn set_tag(&self, tag: ThreadTag, on: bool) {
        // SAFETY: see above.
        unsafe { Universe::set_tag(self.l, tag, on) }
    }

    /// Whether a wait is possible here: every C function between here and the process's own loop
    /// can be suspended.
    pub(crate) fn can_wait(&self) -> bool {
        // SAFETY: see above.
        let yieldable = unsafe { ffi::lua_isyieldable(self.l) != 0 };
        yieldable && !self.universe().is_nested()
    }

    /// Whether this coroutine can yield here, to its resumer at least.
    pub(crate) fn is_yieldable(&self) -> bool {
        // SAFETY: see above.
        unsafe { ffi::lua_isyieldable(self.l) != 0 }
    }

    /// Whether some function of this coroutine is being called.
    pub(crate) fn place_exists(&self) -> bool {
        self.debug(0, c"").is_some()
    }

    /// A full collection. Finalizers of host objects run; they only take notes.
    pub(crate) fn collect_garbage(&self) {
        // SAFETY: see above; user finalizers do not exist.
        unsafe { ffi::lua_gc(self.l, ffi::LUA_GCCOLLECT) };
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

    /// The C function at `index`.
    pub(crate) fn host_function(&self, index: c_int) -> Option<HostFn> {
        // SAFETY: see above.
        unsafe { ffi::lua_tocfunction(self.l, index) }
    }

    /// The C function at call level `level` (0: the running host function).
    pub(crate) fn function_at(&self, level: c_int) -> Option<HostFn> {
        // SAFETY: see above; `f` pushes the function of a level that exists.
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
        // SAFETY: see above; a zeroed lua_Debug is a valid out-parameter, `getinfo` without the
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
        // SAFETY: see above; the call is protected.
        unsafe {
            ffi::lua_pushcfunction(self.l, traceback);
            ffi::lua_pushlightuserdata(self.l, of.l.cast());
            ffi::lua_pushinteger(self.l, level.into());
            ffi::lua_pcall(self.l, 2, 1, 0);
        }
    }

    /// Pushes the function of a precompiled chunk whose bytes stay where they are.
    ///
    /// # Safety
    /// `code` was made by `lua_dump` of the same Lua and outlives the VM, which keeps pointers into
    /// it.
    pub(crate) unsafe fn load_shared_code(&self, code: &[u8], name: &CStr) -> bool {
        // SAFETY: see above and the caller's duty.
        unsafe {
            let status = ffi::luaL_loadbufferx(
                self.l,
                code.as_ptr().cast(),
                code.len(),
                name.as_ptr(),
                c"B".as_ptr(),
            );
            status == ffi::LUA_OK
        }
    }

    /// The indices from `from` to the top.
    pub(crate) fn rest(&self, from: c_int) -> Range<c_int> {
        from..self.top() + 1
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

/// Where in the registry the metatable of a type is kept: behind Lua's own slots, in the array
/// part.
fn type_slot(tag: u32) -> i64 {
    ffi::LUA_RIDX_LAST + 1 + i64::from(tag)
}
