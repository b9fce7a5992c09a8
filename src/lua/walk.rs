//! A walk through everything that is reachable in a VM, in search of tables whose order depends on
//! addresses.
//!
//! Lua hashes tables, functions, userdata and coroutines by their address. A table with such a key
//! would not find it any more in a copy of the VM.

#![expect(unsafe_code, reason = "reads upvalues and user values; the VM runs no code meanwhile")]

use std::ffi::{c_int, c_void};

use rustc_hash::FxHashSet;

use super::raw::ffi;
use super::raw::{LuaType, REGISTRY, Stack};
use super::vm::Vm;

/// How deep the walk goes before it gives up and says yes.
const DEPTH_MAX: usize = 100;

/// Whether a table of the VM has a key that is hashed by its address, or there are coroutines whose
/// stacks cannot be looked into. Leaves the stack as it was.
pub(crate) fn has_keys_by_address(vm: &Vm) -> bool {
    let stack = vm.stack(vm.main());
    let top = stack.top();
    let mut walk = Walk { main: vm.main().cast(), seen: FxHashSet::default() };
    let mut found = false;
    stack.push_value(REGISTRY);
    for index in 1..=stack.top() {
        stack.push_value(index);
        found |= !walk.value(&stack, 0);
        stack.pop(1);
    }
    stack.set_top(top);
    found
}

struct Walk {
    main: *const c_void,
    seen: FxHashSet<*const c_void>,
}

impl Walk {
    /// Walks through what the value on top reaches; false when something was found.
    fn value(&mut self, stack: &Stack, depth: usize) -> bool {
        let kind = stack.kind(-1);
        if !matches!(kind, LuaType::Table | LuaType::Function | LuaType::Userdata | LuaType::Thread)
        {
            return true;
        }
        if !self.seen.insert(stack.pointer(-1)) {
            return true;
        }
        if depth > DEPTH_MAX || !stack.reserve(4) {
            return false;
        }
        match kind {
            LuaType::Thread => stack.pointer(-1) == self.main,
            LuaType::Table => self.metatable(stack, depth) && self.table(stack, depth),
            LuaType::Function => self.parts(stack, depth, ffi_upvalue),
            _ => self.metatable(stack, depth) && self.parts(stack, depth, ffi_user_value),
        }
    }

    fn metatable(&mut self, stack: &Stack, depth: usize) -> bool {
        if !stack.push_metatable(-1) {
            return true;
        }
        let fine = self.value(stack, depth + 1);
        stack.pop(1);
        fine
    }

    fn table(&mut self, stack: &Stack, depth: usize) -> bool {
        let table = stack.top();
        stack.push_nil();
        while stack.next(table) {
            let is_fixed = match stack.kind(-2) {
                LuaType::Table | LuaType::Userdata | LuaType::Thread => false,
                LuaType::Function => is_plain_address(stack, -2),
                _ => true,
            };
            if !is_fixed || !self.value(stack, depth + 1) {
                stack.set_top(table);
                return false;
            }
            stack.pop(1);
        }
        true
    }

    /// Walks through the numbered parts of the value on top.
    fn parts(&mut self, stack: &Stack, depth: usize, push: fn(&Stack, c_int) -> bool) -> bool {
        (1..).take_while(|n| push(stack, *n)).all(|_| {
            let fine = self.value(stack, depth + 1);
            stack.pop(1);
            fine
        })
    }
}

/// Whether the function at `index` is a C function without upvalues: no object of the heap.
fn is_plain_address(stack: &Stack, index: c_int) -> bool {
    stack.push_value(index);
    let has_upvalue = ffi_upvalue(stack, 1);
    let is_plain = stack.host_function(if has_upvalue { -2 } else { -1 }).is_some() && !has_upvalue;
    stack.pop(1 + c_int::from(has_upvalue));
    is_plain
}

/// Pushes upvalue `n` of the function on top; false, and nothing pushed, when it has fewer.
fn ffi_upvalue(stack: &Stack, n: c_int) -> bool {
    // SAFETY: room was reserved; a function is on top.
    unsafe { !ffi::lua_getupvalue(stack.raw(), -1, n).is_null() }
}

/// Pushes user value `n` of the userdata on top; false, and nothing pushed, when it has fewer.
fn ffi_user_value(stack: &Stack, n: c_int) -> bool {
    // SAFETY: room was reserved; a userdata is on top. Without a value, nil is pushed.
    unsafe {
        let has = ffi::lua_getiuservalue(stack.raw(), -1, n) != ffi::LUA_TNONE;
        if !has {
            ffi::lua_pop(stack.raw(), 1);
        }
        has
    }
}
