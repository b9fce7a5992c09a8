//! The only place that speaks the raw C interface of Lua: a typed stack handle, the trampoline that
//! lets safe Rust functions be called by Lua, and the few C-shaped functions that must call back.
//!
//! # Concepts
//! * **Universe**: what one `lua_State` family needs of us besides Lua: its allocator, flags of the
//!   running host function, and a pointer to the layer above. Every coroutine reaches it through
//!   the extra space in front of its `lua_State`.
//! * **Host function**: a safe Rust function `fn(&Stack, &mut Cx) -> Result<Outcome, Raise>` that
//!   Lua code can call. It reads arguments and pushes results; it never raises and never yields
//!   itself.
//! * **Trampoline**: the C function generated around a host function. Everything the host function
//!   owns is dropped before the trampoline raises, yields or returns.
//!
//! # Invariants
//! * **R1** A `longjmp` never crosses a Rust frame that owns something. [`Stack`] offers only calls
//!   that cannot raise: raw accesses, and pushes while the allocator grants (R2).
//! * **R2** While a host function runs, the allocator never refuses: it grants beyond the memory
//!   limit and marks the universe; the trampoline raises `not enough memory` after the function
//!   returned.
//! * **R3** A Rust panic does not unwind into Lua: the trampoline catches it, marks the universe as
//!   poisoned and ends the process; such a VM is not resumed again.
//! * **R4** Every full userdata in a VM was made by [`Stack::new_object`] or
//!   [`Stack::push_scratch`]: it begins with an [`object::ObjectHeader`] whose tag tells its type.
//!   Lua code can neither make userdata nor change the metatable of one. Only blocks of
//!   [`Stack::push_block`] have none; Lua code never gets hold of them.
//! * **R5** The universe outlives every `lua_State` of its VM, and a VM runs on one thread at a
//!   time.

mod host;
mod inside;
mod object;
mod stack;
mod universe;
mod watch;

pub(crate) use host::{
    Came, Continuation, HostFn, Outcome, Raise, call_continuation, call_host, call_pure,
    continuation, die, guarded, host, spoil,
};
pub(crate) use inside::frame::learn;
pub(crate) use inside::{Cell, Elements, StringView, TableView, View, lacks};
pub(crate) use mlua::ffi;
pub(crate) use object::Object;
pub(crate) use stack::{LuaType, REGISTRY, Scalar, Scratch, Stack};
pub(crate) use universe::{Garbage, Rehearsal, ThreadTag, Universe, allocate, allocate_zeroed};
