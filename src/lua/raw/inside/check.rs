//! Whether the mirrors are right: compared, in a VM of its own, with what the C interface tells.
//!
//! # Protocol
//! The allocator of that VM knows its blocks. A pointer is followed when it is the one that the
//! interface gave, or when the block that it must lie in exists and has exactly the expected size.
//! Nothing is written before all that is read was found to be right; what was written is compared
//! with what Lua does in the same case.

#![expect(unsafe_code, reason = "compares objects of Lua with what its interface tells")]

mod fill;

use std::collections::BTreeMap;
use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use super::fill::{head, main_cell, next};
use super::layout::{
    ARRAY_HINT, LACKS, LOG_N_NODES_WITH_HEAD, Node, RawSlot, RawState, RawString, RawTable,
    RawUserdata, SHORT_LEN_MAX, WHITE, Word, lacks, tag,
};
use super::{HAS_NO_HASH, SHORT_TEXT};
use crate::lua::raw::ffi::{self, lua_State};

/// Live blocks: address and size.
type Blocks = BTreeMap<usize, usize>;

/// What is compared: lengths of lists, numbers of fields. All kinds of keys and values, tables
/// without one part or both, hash parts with and without a head.
const SIZES: &[(c_int, c_int)] =
    &[(0, 0), (1, 0), (0, 1), (3, 2), (4, 7), (9, 33), (0, 4), (18, 5)];

/// Compares; called once.
pub(super) fn passes() -> bool {
    // SAFETY: a VM of `in_vm`, with its blocks.
    in_vm(|l, blocks| unsafe {
        ffi::lua_gc(l, ffi::LUA_GCSTOP);
        let can_read = SIZES.iter().all(|(n_list, n_fields)| {
            push_sample(l, *n_list, *n_fields);
            let passes = Check { l, blocks }.table();
            ffi::lua_settop(l, 0);
            passes
        });
        can_read
            && flags_tell_what_is_lacking(l)
            && SIZES.iter().all(|(_, n)| fill::sets_as_lua(l, *n))
            && fill::spares_the_collector(l)
    })
}

/// Looks in vain for each of the metamethods whose absence is read from flags, in a metatable of
/// which nothing is known yet. Called after the mirrors of tables were found to be right.
unsafe fn flags_tell_what_is_lacking(l: *mut lua_State) -> bool {
    let known: [(u8, &CStr); 3] =
        [(lacks::INDEX, c"__index"), (lacks::NEWINDEX, c"__newindex"), (lacks::LEN, c"__len")];
    known.into_iter().all(|(flag, name)| {
        // SAFETY: as in `push_sample`; the tables are on the stack while their mirrors are read.
        unsafe {
            ffi::lua_createtable(l, 0, 0);
            ffi::lua_createtable(l, 0, 4);
            let metatable = ffi::lua_topointer(l, 2).cast::<RawTable>();
            ffi::lua_pushboolean(l, 1);
            ffi::lua_setfield(l, 2, c"other".as_ptr());
            ffi::lua_pushvalue(l, 2);
            ffi::lua_setmetatable(l, 1);
            let before = (*metatable).flags & LACKS;
            match flag {
                lacks::INDEX => _ = ffi::lua_geti(l, 1, 1),
                lacks::NEWINDEX => {
                    ffi::lua_pushboolean(l, 1);
                    ffi::lua_seti(l, 1, 1);
                }
                _ => ffi::lua_len(l, 1),
            }
            let after = (*metatable).flags & LACKS;
            ffi::lua_pushboolean(l, 1);
            ffi::lua_setfield(l, 2, name.as_ptr());
            let last = (*metatable).flags & LACKS;
            ffi::lua_settop(l, 0);
            // To set a metatable is to look for another metamethod, in vain.
            before & flag == 0 && (after, last) == (before | flag, 0)
        }
    })
}

/// As [`passes`], for the slots of frames and the blocks of userdata.
pub(super) fn frames_pass() -> bool {
    // SAFETY: a VM of `in_vm`, with its blocks; the function that is called raises nothing.
    in_vm(|l, blocks| unsafe {
        let passes = frame_is_right(l, &*blocks);
        // In a frame that does not begin where the stack does.
        ffi::lua_pushcclosure(l, check_frame, 0);
        push_values(l);
        ffi::lua_pushlightuserdata(l, blocks.cast());
        let n_args = ffi::lua_gettop(l) - 1;
        ffi::lua_callk(l, n_args, 1, 0, None);
        passes && ffi::lua_toboolean(l, -1) != 0
    })
}

/// What `check` says of a new VM and its blocks.
fn in_vm(check: impl FnOnce(*mut lua_State, *mut Blocks) -> bool) -> bool {
    let mut blocks = Blocks::new();
    let owner: *mut Blocks = &mut blocks;
    // SAFETY: the VM is gone before its blocks; no library is open and no code runs, so that
    // nothing but a lack of memory can raise, which ends the program as it does elsewhere in Rust.
    unsafe {
        let l = ffi::lua_newstate(allocate, owner.cast(), 1);
        if l.is_null() {
            return false;
        }
        let passes = check(l, owner);
        ffi::lua_close(l);
        passes
    }
}

/// Called with any values and, at last, the blocks.
unsafe extern "C-unwind" fn check_frame(l: *mut lua_State) -> c_int {
    // SAFETY: as in `frames_pass`.
    unsafe {
        let blocks = ffi::lua_touserdata(l, -1).cast::<Blocks>();
        let passes = frame_is_right(l, &*blocks);
        ffi::lua_pushboolean(l, passes.into());
        1
    }
}

/// Pushes some values of each kind.
unsafe fn push_values(l: *mut lua_State) {
    // SAFETY: as in `push_sample`.
    unsafe {
        for n in 0..9 {
            push_value(l, n);
        }
        ffi::lua_pushnil(l);
        for n_values in 0..3 {
            ffi::lua_newuserdatauv(l, 24, n_values);
        }
    }
}

/// Compares all slots of the frame that runs, and some above.
unsafe fn frame_is_right(l: *mut lua_State, blocks: &Blocks) -> bool {
    // SAFETY: `lua_State` is longer than its mirror; of the stack no more is read than its block
    // holds.
    unsafe {
        let state = &*l.cast::<RawState>();
        let n_slots = (state.stack_end as usize).wrapping_sub(state.stack as usize) / 16;
        let stack = blocks.get(&(state.stack as usize)).copied().unwrap_or_default();
        let spare = stack.wrapping_sub(n_slots.wrapping_mul(size_of::<RawSlot>()));
        let within = |slot: *const RawSlot| (state.stack..state.stack_end).contains(&slot);
        if size_of::<RawSlot>() != 16 || spare > 16 * size_of::<RawSlot>() || !within(state.top) {
            return false;
        }
        // The frame of a function that was not called lies in the state, behind what is mirrored.
        let frame = state.frame as usize;
        let is_base = (l as usize..l as usize + 256).contains(&frame);
        if !is_base && !blocks.contains_key(&frame) || !within((*state.frame).function) {
            return false;
        }
        let height = ffi::lua_gettop(l);
        let check = Check { l, blocks };
        RawState::height(l) == height
            && (1..=height).all(|index| check.slot(index, index))
            && (1..=height).all(|index| check.slot(index, index - height - 1))
            && RawState::slot(l, height + 1).is_none()
            && RawState::slot(l, height + 2).is_none()
    }
}

unsafe extern "C" fn allocate(
    ud: *mut c_void,
    block: *mut c_void,
    _old: usize,
    new: usize,
) -> *mut c_void {
    // SAFETY: called by Lua with the map of `in_vm` and a block of this function, or none.
    unsafe {
        let blocks = &mut *ud.cast::<Blocks>();
        blocks.remove(&(block as usize));
        if new == 0 {
            libc::free(block);
            return ptr::null_mut();
        }
        let block = libc::realloc(block, new);
        blocks.insert(block as usize, new);
        block
    }
}

/// Pushes a table with values of all kinds, some of which were taken out again.
unsafe fn push_sample(l: *mut lua_State, n_list: c_int, n_fields: c_int) {
    // SAFETY: as in `passes`; few slots are used.
    unsafe {
        ffi::lua_createtable(l, n_list, n_fields);
        for n in 1..=n_list {
            push_value(l, n);
            ffi::lua_rawseti(l, 1, n.into());
        }
        for n in 1..=n_fields {
            push_key(l, n);
            push_value(l, n + n_list);
            ffi::lua_rawset(l, 1);
        }
        for n in (4..=n_fields).step_by(5) {
            push_key(l, n);
            ffi::lua_pushnil(l);
            ffi::lua_rawset(l, 1);
        }
        if n_list % 2 == 1 {
            ffi::lua_pushnil(l);
            ffi::lua_rawseti(l, 1, (n_list / 2 + 1).into());
            ffi::lua_createtable(l, 0, 0);
            ffi::lua_setmetatable(l, 1);
        }
    }
}

unsafe fn push_key(l: *mut lua_State, n: c_int) {
    // SAFETY: as in `push_sample`. All keys are different.
    unsafe {
        match n % 8 {
            0 => ffi::lua_pushinteger(l, i64::from(n) << 40),
            1 => ffi::lua_pushnumber(l, f64::from(n) + 0.5),
            2 => _ = push_text(l, &[n as u8; 50]),
            3 if n == 3 => ffi::lua_pushboolean(l, 1),
            4 => ffi::lua_createtable(l, 0, 0),
            _ => _ = push_text(l, &[b'k', n as u8]),
        }
    }
}

unsafe fn push_value(l: *mut lua_State, n: c_int) {
    const EXTERNAL: &CStr = c"a text that Lua does not own, longer than a short string can be";
    // SAFETY: as in `push_sample`; the external text is static.
    unsafe {
        match n % 9 {
            0 => ffi::lua_pushinteger(l, -i64::from(n)),
            1 => ffi::lua_pushnumber(l, 1.0 / f64::from(n)),
            2 => ffi::lua_pushboolean(l, 0),
            3 => ffi::lua_pushboolean(l, 1),
            4 => ffi::lua_createtable(l, 0, 0),
            5 => _ = push_text(l, &vec![b'v'; n as usize]),
            6 => _ = push_text(l, &vec![b'v'; SHORT_LEN_MAX + n as usize - 5]),
            7 => {
                let text = EXTERNAL.to_bytes();
                ffi::lua_pushexternalstring(
                    l,
                    text.as_ptr().cast(),
                    text.len(),
                    None,
                    ptr::null_mut(),
                );
            }
            _ => ffi::lua_pushlightuserdata(l, l.cast()),
        }
    }
}

/// Gives the address of the copy.
unsafe fn push_text(l: *mut lua_State, text: &[u8]) -> *const u8 {
    // SAFETY: as in `push_sample`.
    unsafe { ffi::lua_pushlstring(l, text.as_ptr().cast(), text.len()).cast() }
}

/// Compares the table in slot 1.
struct Check {
    l: *mut lua_State,
    blocks: *const Blocks,
}

impl Check {
    unsafe fn table(&self) -> bool {
        // SAFETY: what is followed was found to exist, as the head of this file says.
        unsafe {
            let address = ffi::lua_topointer(self.l, 1);
            if !self.is_block(address, size_of::<RawTable>()) {
                return false;
            }
            let table = &*address.cast::<RawTable>();
            table.mark & WHITE != 0
                && self.metatable(table)
                && self.parts_exist(table)
                && self.entries(table)
                && self.chains(table)
        }
    }

    unsafe fn metatable(&self, table: &RawTable) -> bool {
        // SAFETY: as in `table`; the pointer is only compared.
        unsafe {
            let mut metatable = ptr::null();
            if ffi::lua_getmetatable(self.l, 1) != 0 {
                metatable = ffi::lua_topointer(self.l, -1);
                ffi::lua_settop(self.l, 1);
            }
            table.metatable.cast() == metatable
        }
    }

    /// The blocks of both parts have the sizes that the header says.
    unsafe fn parts_exist(&self, table: &RawTable) -> bool {
        let n_array = table.n_array as usize;
        let array = table.array.wrapping_sub(n_array);
        let array_size = n_array * (size_of::<Word>() + 1) + ARRAY_HINT;
        let has_array = n_array == 0 || self.is_block(array.cast(), array_size);
        if table.flags & HAS_NO_HASH != 0 {
            return has_array;
        }
        if table.log_n_nodes > 16 {
            return false;
        }
        let has_head = table.log_n_nodes >= LOG_N_NODES_WITH_HEAD;
        let head = if has_head { size_of::<*const Node>() } else { 0 };
        let nodes = table.nodes.cast::<u8>().wrapping_sub(head);
        let nodes_size = head + (size_of::<Node>() << table.log_n_nodes);
        has_array && self.is_block(nodes.cast(), nodes_size)
    }

    /// The entries are those that `lua_next` gives, in the same order.
    unsafe fn entries(&self, table: &RawTable) -> bool {
        // SAFETY: both parts exist and have the sizes of the header.
        unsafe {
            ffi::lua_pushnil(self.l);
            for n in 0..table.n_array as usize {
                let tag = *table.array.cast::<u8>().add(ARRAY_HINT + n);
                if tag::is_nil(tag) {
                    continue;
                }
                if ffi::lua_next(self.l, 1) == 0
                    || ffi::lua_isinteger(self.l, 2) == 0
                    || ffi::lua_tointegerx(self.l, 2, ptr::null_mut()) != n as i64 + 1
                    || !self.is_value(3, tag, *table.array.sub(n + 1))
                {
                    return false;
                }
                ffi::lua_settop(self.l, 2);
            }
            let has_hash = table.flags & HAS_NO_HASH == 0;
            let n_cells = if has_hash { 1 << table.log_n_nodes } else { 0 };
            for n in 0..n_cells {
                let node = *table.nodes.add(n);
                if tag::is_nil(node.value_tag) {
                    continue;
                }
                if ffi::lua_next(self.l, 1) == 0
                    || !self.is_value(2, node.key_tag, node.key)
                    || !self.is_value(3, node.value_tag, node.value)
                {
                    return false;
                }
                ffi::lua_settop(self.l, 2);
            }
            ffi::lua_next(self.l, 1) == 0
        }
    }

    /// Each short string is in the chain of its main cell, and no cell is free from the head on.
    unsafe fn chains(&self, table: &RawTable) -> bool {
        if table.flags & HAS_NO_HASH != 0 {
            return true;
        }
        // SAFETY: the hash part exists and has the size of the header, and the strings exist.
        unsafe {
            let n_cells = 1 << table.log_n_nodes;
            let cells = table.nodes..table.nodes.add(n_cells);
            let is_found = |n| {
                let cell = table.nodes.add(n);
                if (*cell).key_tag != tag::SHORT_STRING || tag::is_nil((*cell).value_tag) {
                    return true;
                }
                let mut at = main_cell(table, (*cell).key.object.cast());
                for _ in 0..n_cells {
                    if at == cell || !cells.contains(&at) {
                        break;
                    }
                    at = next(at).unwrap_or(cells.end);
                }
                at == cell
            };
            let mut is_right = (0..n_cells).all(is_found);
            if table.log_n_nodes >= LOG_N_NODES_WITH_HEAD {
                let head = *head(table.nodes);
                is_right &= cells.contains(&head) || head == cells.end;
                is_right &= (0..n_cells)
                    .map(|n| table.nodes.add(n))
                    .all(|cell| cell < head || !tag::is_nil((*cell).key_tag));
            }
            is_right
        }
    }

    /// Tag and word are those of the value in slot `index`.
    unsafe fn is_value(&self, index: c_int, tag: u8, word: Word) -> bool {
        let l = self.l;
        // SAFETY: the slot is in use; the word is read as what the interface says it is.
        unsafe {
            match ffi::lua_type(l, index) {
                ffi::LUA_TNUMBER if ffi::lua_isinteger(l, index) != 0 => {
                    let value = ffi::lua_tointegerx(l, index, ptr::null_mut());
                    tag == tag::INTEGER && word.integer == value
                }
                ffi::LUA_TNUMBER => {
                    let value = ffi::lua_tonumberx(l, index, ptr::null_mut());
                    tag == tag::FLOAT && word.float.to_bits() == value.to_bits()
                }
                ffi::LUA_TBOOLEAN => {
                    let expected =
                        if ffi::lua_toboolean(l, index) == 0 { tag::FALSE } else { tag::TRUE };
                    tag == expected
                }
                ffi::LUA_TSTRING => self.is_string(index, tag, word.object),
                ffi::LUA_TTABLE => tag == tag::TABLE && word.object == ffi::lua_topointer(l, index),
                _ => ![
                    tag::INTEGER,
                    tag::FLOAT,
                    tag::FALSE,
                    tag::TRUE,
                    tag::SHORT_STRING,
                    tag::LONG_STRING,
                    tag::TABLE,
                    tag::USERDATA,
                ]
                .contains(&tag),
            }
        }
    }

    /// The slot found by `also` is that of the value at `index`.
    unsafe fn slot(&self, index: c_int, also: c_int) -> bool {
        // SAFETY: the slot lies in the stack; as in `is_value`.
        unsafe {
            let Some(slot) = RawState::slot(self.l, also) else { return false };
            let kind = ffi::lua_type(self.l, index);
            let is_right = match kind {
                ffi::LUA_TUSERDATA => slot.tag == tag::USERDATA && self.userdata(index, slot.word),
                _ => self.is_value(index, slot.tag, slot.word),
            };
            is_right && c_int::from(slot.tag & 0x0f) == kind
        }
    }

    unsafe fn userdata(&self, index: c_int, word: Word) -> bool {
        // SAFETY: the block exists, and is longer than what is read of it.
        unsafe {
            let size = (*self.blocks).get(&(word.object as usize)).copied().unwrap_or_default();
            size >= size_of::<RawUserdata>()
                && RawUserdata::block(word.object.cast_mut().cast())
                    == ffi::lua_touserdata(self.l, index).cast()
        }
    }

    unsafe fn is_string(&self, index: c_int, tag: u8, object: *const c_void) -> bool {
        // SAFETY: the object is the one that the interface gives, and as large as is read of it.
        unsafe {
            let mut len = 0;
            let text = ffi::lua_tolstring(self.l, index, &mut len).cast::<u8>();
            let size = (*self.blocks).get(&(object as usize)).copied().unwrap_or_default();
            if object != ffi::lua_topointer(self.l, index)
                || size < SHORT_TEXT
                || (tag == tag::SHORT_STRING) != (len <= SHORT_LEN_MAX)
            {
                return false;
            }
            let string = object.cast::<RawString>();
            let short_len = (*string).short_len;
            if tag == tag::SHORT_STRING {
                return usize::try_from(short_len) == Ok(len)
                    && object.cast::<u8>().add(SHORT_TEXT) == text;
            }
            tag == tag::LONG_STRING
                && size >= size_of::<RawString>()
                && short_len < 0
                && (*string).long_len == len
                && (*string).text == text
        }
    }

    fn is_block(&self, address: *const c_void, size: usize) -> bool {
        // SAFETY: the map lives in `passes`, and nothing is allocated meanwhile.
        unsafe { (*self.blocks).get(&(address as usize)) == Some(&size) }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_mirrors_are_right_for_the_lua_that_is_linked() {
        assert!(super::passes());
        assert!(super::frames_pass());
    }
}
