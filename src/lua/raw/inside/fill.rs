//! Tables filled as they lie in memory: a value is put where Lua would put it, without a call of
//! Lua.
//!
//! # Concepts
//! * **Main cell**: the cell of the hash part that the hash of a key stands for.
//! * **Chain**: the cells of all keys that have one main cell. It begins with that one, and each
//!   cell says how far away the next is. A key that lies in the main cell of others leaves it as
//!   soon as one of these comes.
//!
//! # Invariants
//! * **L1** Only white tables are written to: ones that the collector has not come to. So they may
//!   refer to any object, and no barrier has to tell it of that.
//! * **L2** What is written is what Lua would write. Cases that are rare are left to it: a new
//!   size, keys that are there already or are no short strings.

#![expect(unsafe_code, reason = "writes to objects of Lua; invariants V1, V2, L1 and L2")]

use std::ffi::c_int;
use std::iter::successors;

use super::layout::{
    ARRAY_HINT, HAS_NO_HASH, LACKS, LOG_N_NODES_WITH_HEAD, Node, RawString, RawTable, WHITE, Word,
    tag,
};
use super::{Scalar, StringView, TableView, View};

impl TableView<'_> {
    /// Sets the element of number `index` (from 1). Sets nothing and gives false when that is for
    /// Lua to do.
    #[inline(always)]
    pub(crate) fn set_element(self, index: i64, value: View<'_>) -> bool {
        let table = self.raw.as_ptr();
        // SAFETY: V1, V2; value and tag lie within the array part.
        unsafe {
            let n = (index as u64).wrapping_sub(1);
            if (*table).mark & WHITE == 0 || n >= u64::from((*table).n_array) {
                return false;
            }
            let Some((tag, word)) = parts(value) else { return false };
            let (array, n) = ((*table).array, n as usize);
            *array.sub(n + 1) = word;
            *array.cast::<u8>().add(ARRAY_HINT + n) = tag;
        }
        true
    }

    /// Sets the field `key`. Sets nothing and gives false when that is for Lua to do.
    #[inline(always)]
    pub(crate) fn set_field(self, key: StringView<'_>, value: View<'_>) -> bool {
        let table = self.raw.as_ptr();
        // SAFETY: V1, V2, L1, L2.
        unsafe {
            if (*table).mark & WHITE == 0 || (*table).flags & HAS_NO_HASH != 0 || !key.is_short() {
                return false;
            }
            let Some((value_tag, value)) = parts(value) else { return false };
            let mut cell = main_cell(table, key.raw.as_ptr());
            if !tag::is_nil((*cell).key_tag) {
                let Some(other) = other_cell(table, cell, key.raw.as_ptr()) else { return false };
                cell = other;
            }
            (*cell).value = value;
            (*cell).value_tag = value_tag;
            (*cell).key_tag = tag::SHORT_STRING;
            (*cell).key = Word { object: key.raw.as_ptr().cast() };
            (*table).flags &= !LACKS;
        }
        true
    }
}

/// Tag and word of a value; `None` for nil and what has no view.
#[inline(always)]
fn parts(value: View<'_>) -> Option<(u8, Word)> {
    Some(match value {
        View::Scalar(Scalar::Integer(integer)) => (tag::INTEGER, Word { integer }),
        View::Scalar(Scalar::Float(float)) => (tag::FLOAT, Word { float }),
        View::Scalar(Scalar::Boolean(false)) => (tag::FALSE, Word { integer: 0 }),
        View::Scalar(Scalar::Boolean(true)) => (tag::TRUE, Word { integer: 0 }),
        View::String(text) => {
            let tag = if text.is_short() { tag::SHORT_STRING } else { tag::LONG_STRING };
            (tag, Word { object: text.raw.as_ptr().cast() })
        }
        View::Table(table) => (tag::TABLE, Word { object: table.raw.as_ptr().cast() }),
        View::Scalar(Scalar::Nil | Scalar::String(_)) | View::Other => return None,
    })
}

/// The main cell of a key.
///
/// # Safety
/// The table has a hash part, the string is a short one, and V1, V2.
#[inline(always)]
pub(super) unsafe fn main_cell(table: *const RawTable, key: *const RawString) -> *mut Node {
    // SAFETY: the number of cells is a power of two.
    unsafe {
        let last = (1_usize << (*table).log_n_nodes) - 1;
        (*table).nodes.add((*key).hash as usize & last)
    }
}

/// The cell for `key` when `main`, its main cell, is taken: a free one that is added to the chain,
/// or `main` itself, which a key of another chain leaves. `None`: that is for Lua to do.
///
/// # Safety
/// As [`main_cell`].
unsafe fn other_cell(
    table: *mut RawTable,
    main: *mut Node,
    key: *const RawString,
) -> Option<*mut Node> {
    // SAFETY: as in `main_cell`; a chain stays within the hash part.
    unsafe {
        if (*main).key_tag != tag::SHORT_STRING {
            return None;
        }
        let first = main_cell(table, (*main).key.object.cast());
        let mut chain = successors(Some(first), |cell| next(*cell));
        if first == main {
            let is_key = |cell: *mut Node| (*cell).key.object == key.cast();
            if chain.any(is_key) {
                return None;
            }
            let free = free_cell(table)?;
            link(free, next(main));
            link(main, Some(free));
            return Some(free);
        }
        let before = chain.find(|cell| next(*cell) == Some(main))?;
        let free = free_cell(table)?;
        *free = *main;
        link(free, next(main));
        link(before, Some(free));
        link(main, None);
        Some(main)
    }
}

/// The cell behind `cell` in its chain.
///
/// # Safety
/// It is a cell of a hash part, and V1.
pub(super) unsafe fn next(cell: *mut Node) -> Option<*mut Node> {
    // SAFETY: chains stay within the hash part.
    unsafe {
        let distance = (*cell).next;
        (distance != 0).then(|| cell.offset(distance as isize))
    }
}

/// Puts `next` behind `cell` in its chain.
///
/// # Safety
/// Both are cells of one hash part, and V1.
unsafe fn link(cell: *mut Node, next: Option<*mut Node>) {
    // SAFETY: the caller's duty.
    unsafe { (*cell).next = next.map_or(0, |next| next.offset_from(cell) as c_int) }
}

/// The last cell that has no key.
///
/// # Safety
/// As [`main_cell`].
unsafe fn free_cell(table: *mut RawTable) -> Option<*mut Node> {
    // SAFETY: a head lies in front of the first of so many cells, and points to one of them, or
    // behind them.
    unsafe {
        let first = (*table).nodes;
        let mut end = first.add(1 << (*table).log_n_nodes);
        let has_head = (*table).log_n_nodes >= LOG_N_NODES_WITH_HEAD;
        let end = if has_head { &mut *head(first) } else { &mut end };
        while *end > first {
            *end = end.sub(1);
            if tag::is_nil((**end).key_tag) {
                return Some(*end);
            }
        }
        None
    }
}

/// The word in front of the first of many cells: the address of that from which on none is free.
pub(super) fn head(first: *mut Node) -> *mut *mut Node {
    first.cast::<*mut Node>().wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lua::api::testing::TestVm;
    use crate::lua::raw::Stack;

    fn texts() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let text = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..3),
            prop::collection::vec(any::<u8>(), 38..43),
        ];
        prop::collection::vec(text, 0..80)
    }

    /// Sets an entry of table 2 in memory where that can be, and the same of table 1 by Lua; both
    /// are on top of the stack.
    fn set_both(stack: &Stack, is_set: impl Fn(TableView<'_>) -> bool) -> bool {
        let is_set = is_set(stack.table_view(2).unwrap());
        if !is_set {
            stack.push_value(-2);
            stack.push_value(-2);
            stack.raw_set(2);
        }
        stack.raw_set(1);
        is_set
    }

    /// Both tables have the same entries in the same order, and each key is found.
    fn are_same(stack: &Stack) -> bool {
        stack.push_nil();
        loop {
            stack.push_value(3);
            let has_next = stack.next(1);
            stack.push_value(3);
            if !has_next {
                return !stack.next(2);
            }
            if !stack.next(2) || !stack.raw_equal(4, 6) || !stack.raw_equal(5, 7) {
                return false;
            }
            stack.push_value(4);
            stack.raw_get(2);
            if !stack.raw_equal(5, 8) {
                return false;
            }
            stack.copy(4, 3);
            stack.set_top(3);
        }
    }

    proptest! {
        #[test]
        fn fields_come_to_lie_where_lua_puts_them(texts in texts(), room in 0usize..70) {
            TestVm::new().with(|stack| {
                stack.new_table(0, room);
                stack.new_table(0, room);
                for (n, text) in (1..).zip(&texts) {
                    let key = stack.push_viewed(text).unwrap();
                    stack.push_int(n);
                    set_both(stack, |table| table.set_field(key, View::Scalar(Scalar::Integer(n))));
                }
                assert!(are_same(stack));
            });
        }

        #[test]
        fn elements_come_to_lie_where_lua_puts_them(
            indices in prop::collection::vec(-2i64..20, 0..30),
            room in 0usize..20,
        ) {
            TestVm::new().with(|stack| {
                stack.new_table(room, 0);
                stack.new_table(room, 0);
                for index in &indices {
                    stack.push_int(*index);
                    stack.push_bool(true);
                    let value = View::Scalar(Scalar::Boolean(true));
                    set_both(stack, |table| table.set_element(*index, value));
                }
                assert!(are_same(stack));
            });
        }
    }

    #[test]
    fn a_white_table_with_room_needs_no_lua() {
        TestVm::new().with(|stack| {
            stack.stop_collector();
            stack.new_table(0, 64);
            stack.new_table(0, 64);
            for n in 0..64 {
                let key = stack.push_viewed(format!("key {n}").as_bytes()).unwrap();
                stack.push_bool(true);
                let value = View::Scalar(Scalar::Boolean(true));
                assert!(set_both(stack, |table| table.set_field(key, value)));
            }
            assert!(are_same(stack));
        });
    }
}
