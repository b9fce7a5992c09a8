//! Libraries that cost nothing until they are used: each table starts empty and fetches a member
//! from the catalog when Lua code first reads it.
//!
//! # Concepts
//! * **Lazy table**: a library table, or the table of globals, that has the lazy metatable. Reading
//!   a name that is not in it yet asks the catalog.
//! * **Taken**: a member that was stored in its table once, or whose name Lua code has assigned. It
//!   is never fetched again, so `string.rep = nil` stays.
//! * **Filled**: a table that has all its members and no lazy metatable any more: an ordinary
//!   table.
//!
//! # Invariants
//! * **L1** Lua code sees no difference between a lazy and a filled table. Whatever would show one
//!   (`pairs`, `next`, `rawget`, `rawset`, `getmetatable`, `setmetatable`) fills it first.
//! * **L2** One table per VM, in the registry, is the lazy metatable of all libraries. Its array
//!   part holds the library tables, the sets of taken members, the state of `math.random` and the
//!   Lua code of `table.sort`.

use std::ffi::c_int;

use super::catalog::{Library, Member, Value, catalog, stock};
use super::random;
use crate::lua::cx::Cx;
use crate::lua::raw::{LuaType, Outcome, REGISTRY, Raise, Stack, host};

/// Where in the registry the lazy metatable is.
const LAZY: i64 = 31;

const N_LIBRARIES: i64 = Library::ALL.len() as i64;
/// Slots of the lazy metatable's array part.
const TABLES: i64 = 1;
const TAKEN: i64 = TABLES + N_LIBRARIES;
const MISSES: i64 = TAKEN + N_LIBRARIES;
const GENERATOR: i64 = MISSES + 1;
const SORT: i64 = GENERATOR + 1;
const N_SLOTS: usize = SORT as usize;

/// After so many reads and writes of names that the catalog does not know, the table is filled, so
/// that a program with many globals of its own does not come here for each.
const MISSES_MAX: i64 = 16;

/// Makes the libraries and the globals of a fresh VM lazy.
pub(super) fn open(stack: &Stack) {
    stack.new_table(N_SLOTS, 4);
    let lazy = stack.top();
    stack.set_fn(lazy, "__index", host!(pure index));
    stack.set_fn(lazy, "__newindex", host!(pure new_index));
    stack.set_fn(lazy, "__pairs", host!(pure pairs));
    stack.push_bool(false);
    stack.raw_set_field(lazy, "__metatable");
    for library in Library::ALL {
        match library {
            Library::Globals => stack.push_globals(),
            _ => stack.new_table(0, 0),
        }
        stack.push_value(lazy);
        stack.set_metatable(-2);
        stack.raw_set_int(lazy, TABLES + library as i64);
        set_slot(stack, lazy, TAKEN + library as i64, 0);
    }
    for slot in MISSES..=SORT {
        set_slot(stack, lazy, slot, 0);
    }
    stack.raw_set_int(REGISTRY, LAZY);
}

/// Pushes the table of a library, whatever Lua code did to the global of its name.
pub(crate) fn push_library(stack: &Stack, library: Library) {
    stack.raw_get_int(REGISTRY, LAZY);
    stack.raw_get_int(-1, TABLES + library as i64);
    stack.remove(-2);
}

/// Fills the table at `index` if it is a lazy one. To be called before raw accesses to a table of
/// Lua code.
pub(crate) fn fill_if_lazy(stack: &Stack, index: c_int) {
    if stack.kind(index) == LuaType::Table && stack.push_metatable(index) {
        let lazy = Lazy::find(stack, index);
        stack.pop(1);
        if let Some(lazy) = lazy
            && stack.reserve(8)
        {
            lazy.fill(stack);
        }
    }
}

/// Fetches the members that `is_named` of all libraries of a fresh VM.
pub(crate) fn fetch(stack: &Stack, is_named: &dyn Fn(&str) -> bool) {
    for library in Library::ALL {
        push_library(stack, library);
        let lazy = Lazy { library, table: stack.top() };
        for (at, member) in lazy.members().iter().enumerate() {
            // Who draws random numbers shows only when a process does.
            if is_named(&member.name) && !matches!(member.value, Value::Random(_)) {
                lazy.fetch(stack, at);
            }
        }
        stack.pop(1);
    }
}

/// Pushes the code of `table.sort` that was kept before, or something else.
pub(super) fn push_sort(stack: &Stack) -> LuaType {
    stack.raw_get_int(REGISTRY, LAZY);
    stack.raw_get_int(-1, SORT);
    stack.remove(-2);
    stack.kind(-1)
}

/// Keeps the function on top for [`push_sort`].
pub(super) fn keep_sort(stack: &Stack) {
    stack.raw_get_int(REGISTRY, LAZY);
    stack.push_value(-2);
    stack.raw_set_int(-2, SORT);
    stack.pop(1);
}

/// A lazy table on the stack.
struct Lazy {
    library: Library,
    table: c_int,
}

impl Lazy {
    /// The table at `index`, when the metatable on top is the lazy one.
    fn find(stack: &Stack, index: c_int) -> Option<Lazy> {
        let table = stack.abs(index);
        stack.raw_get_int(REGISTRY, LAZY);
        let is_lazy = stack.raw_equal(-1, -2);
        let library = Library::ALL.into_iter().filter(|_| is_lazy).find(|library| {
            stack.raw_get_int(-1, TABLES + *library as i64);
            let found = stack.raw_equal(-1, table);
            stack.pop(1);
            found
        });
        stack.pop(1);
        library.map(|library| Lazy { library, table })
    }

    /// The lazy table that is the first argument of a metamethod.
    fn argument(stack: &Stack) -> Option<Lazy> {
        if !stack.push_metatable(1) {
            return None;
        }
        let lazy = Lazy::find(stack, 1);
        stack.pop(1);
        lazy
    }

    fn members(&self) -> &'static [Member] {
        catalog().members(self.library)
    }

    /// Stores all members that are not taken, and makes the table an ordinary one.
    fn fill(&self, stack: &Stack) {
        for at in 0..self.members().len() {
            self.fetch(stack, at);
        }
        stack.push_nil();
        stack.set_metatable(self.table);
    }

    /// Stores member `at` in the table, if it is not taken and the runtime has set nothing else
    /// there.
    fn fetch(&self, stack: &Stack, at: usize) {
        if !self.take(stack, at) {
            return;
        }
        let member = &self.members()[at];
        if stack.raw_get_field(self.table, &member.name) == LuaType::Nil {
            self.push(stack, &member.value);
            stack.raw_set_field(self.table, &member.name);
        }
        stack.pop(1);
    }

    /// Marks member `at` as taken; false when it was.
    fn take(&self, stack: &Stack, at: usize) -> bool {
        stack.raw_get_int(REGISTRY, LAZY);
        let slot = TAKEN + self.library as i64;
        let taken = slot_value(stack, -1, slot);
        set_slot(stack, -1, slot, taken | 1 << at);
        stack.pop(1);
        taken & 1 << at == 0
    }

    /// The place in the catalog of the member that the key at `key` names.
    fn position(&self, stack: &Stack, key: c_int) -> Option<usize> {
        let key = stack.bytes(key)?;
        self.members().iter().position(|member| member.name.as_bytes() == key)
    }

    fn push(&self, stack: &Stack, value: &Value) {
        match value {
            Value::Function(function) => stack.push_fn(*function),
            Value::Number(number) => stack.push_num(*number),
            Value::Integer(integer) => stack.push_int(*integer),
            Value::Text(text) => stack.push_bytes(text),
            Value::Library(library) => push_library(stack, *library),
            Value::Random(_) => self.push_random(stack, value),
            Value::Build(build) => build(stack),
        }
    }

    /// Makes the generator, stores every function that shares it and is not taken, and pushes
    /// `wanted`.
    fn push_random(&self, stack: &Stack, wanted: &Value) {
        let universe = stack.universe();
        universe.set_generator(stack.push_block(random::seeded(universe.seed())));
        let generator = stack.top();
        // A template's has to be there when it is copied, whatever becomes of the functions.
        stack.raw_get_int(REGISTRY, LAZY);
        stack.push_value(generator);
        stack.raw_set_int(-2, GENERATOR);
        stack.pop(1);
        for (at, member) in self.members().iter().enumerate() {
            let Value::Random(function) = member.value else { continue };
            if self.take(stack, at) {
                stack.push_value(generator);
                stack.push_closure(function, 1);
                stack.raw_set_field(self.table, &member.name);
            }
        }
        if let Value::Random(function) = wanted {
            stack.push_value(generator);
            stack.push_closure(*function, 1);
        }
        stack.remove(generator);
    }

    /// Counts a name that the catalog does not know.
    fn miss(&self, stack: &Stack) {
        stack.raw_get_int(REGISTRY, LAZY);
        let misses = slot_value(stack, -1, MISSES) + 1;
        set_slot(stack, -1, MISSES, misses);
        stack.pop(1);
        if misses >= MISSES_MAX {
            self.fill(stack);
        }
    }
}

/// `__index` of lazy tables: arguments table and key.
fn index(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let Some(lazy) = Lazy::argument(stack) else { return Ok(Outcome::Return(0)) };
    match lazy.position(stack, 2) {
        Some(at) => lazy.fetch(stack, at),
        None => lazy.miss(stack),
    }
    stack.set_top(2);
    stack.raw_get(1);
    Ok(Outcome::Return(1))
}

/// `__newindex` of lazy tables: arguments table, key and value.
fn new_index(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    match stack.kind(2) {
        LuaType::Nil => return Err(Raise::Message("table index is nil".to_owned())),
        LuaType::Number if stack.number(2).is_some_and(f64::is_nan) => {
            return Err(Raise::Message("table index is NaN".to_owned()));
        }
        _ => {}
    }
    if let Some(lazy) = Lazy::argument(stack) {
        match lazy.position(stack, 2) {
            Some(at) => {
                lazy.take(stack, at);
            }
            None => lazy.miss(stack),
        }
    }
    stack.set_top(3);
    stack.raw_set(1);
    Ok(Outcome::Return(0))
}

/// `__pairs` of lazy tables.
fn pairs(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    fill_if_lazy(stack, 1);
    stack.set_top(1);
    Ok(Outcome::Nested(stock().pairs))
}

fn slot_value(stack: &Stack, table: c_int, slot: i64) -> i64 {
    stack.raw_get_int(table, slot);
    let value = stack.integer(-1).unwrap_or(0);
    stack.pop(1);
    value
}

fn set_slot(stack: &Stack, table: c_int, slot: i64, value: i64) {
    let table = stack.abs(table);
    stack.push_int(value);
    stack.raw_set_int(table, slot);
}
