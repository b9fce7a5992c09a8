//! What the libraries of a fresh VM consist of: the functions of stock Lua, taken once per OS
//! process from a scratch VM, with ours in their place where we have our own.
//!
//! Stock functions are light C functions: plain addresses, the same in every VM.

#![expect(unsafe_code, reason = "a scratch VM that runs no Lua code")]

use std::ffi::CStr;
use std::sync::OnceLock;

use super::OURS;
use crate::lua::raw::ffi::{self, lua_State};
use crate::lua::raw::{HostFn, Stack};

/// A table that Lua code finds in a fresh VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    Globals,
    String,
    Table,
    Math,
    Utf8,
    Coroutine,
    Os,
    Debug,
}

impl Library {
    pub(crate) const ALL: [Library; 8] = [
        Library::Globals,
        Library::String,
        Library::Table,
        Library::Math,
        Library::Utf8,
        Library::Coroutine,
        Library::Os,
        Library::Debug,
    ];

    /// The name of the global that holds it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Library::Globals => "_G",
            Library::String => "string",
            Library::Table => "table",
            Library::Math => "math",
            Library::Utf8 => "utf8",
            Library::Coroutine => "coroutine",
            Library::Os => "os",
            Library::Debug => "debug",
        }
    }

    /// The library of that name.
    pub(crate) fn by_name(name: &str) -> Option<Library> {
        Library::ALL.into_iter().find(|library| library.name() == name)
    }

    /// The function of stock Lua that opens it.
    fn opener(self) -> HostFn {
        match self {
            Library::Globals => ffi::luaopen_base,
            Library::String => ffi::luaopen_string,
            Library::Table => ffi::luaopen_table,
            Library::Math => ffi::luaopen_math,
            Library::Utf8 => ffi::luaopen_utf8,
            Library::Coroutine => ffi::luaopen_coroutine,
            Library::Os => ffi::luaopen_os,
            Library::Debug => ffi::luaopen_debug,
        }
    }

    /// Whether a stock member is one of ours too, when [`OURS`] does not say otherwise.
    fn keeps(self, name: &str) -> bool {
        match self {
            Library::Globals => !matches!(name, "dofile" | "loadfile" | "print" | "warn"),
            Library::String => name != "dump",
            Library::Os => false,
            Library::Debug => name == "traceback",
            _ => true,
        }
    }
}

/// How the value of a member is made in a VM.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Function(HostFn),
    Number(f64),
    Integer(i64),
    Text(Box<[u8]>),
    /// The table of a library.
    Library(Library),
    /// `math.random` or `math.randomseed`, which share a generator.
    Random(HostFn),
    /// Whatever this function pushes.
    Build(fn(&Stack)),
}

/// A name in a library with its value.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: Box<str>,
    pub(crate) value: Value,
}

/// The contents of all libraries.
#[derive(Debug)]
pub(crate) struct Catalog {
    libraries: [Vec<Member>; Library::ALL.len()],
    /// The metamethods of strings (arithmetic on strings that read as numbers), without `__index`.
    pub(crate) string_metamethods: Vec<Member>,
    pub(crate) stock: Stock,
}

impl Catalog {
    /// The members of a library, at most 63.
    pub(crate) fn members(&self, library: Library) -> &[Member] {
        &self.libraries[library as usize]
    }

    fn capture() -> Catalog {
        let scratch = Scratch::new();
        let all = Library::ALL.map(|library| scratch.members(library));
        let stock = Stock::find_in(&all);
        let libraries = Library::ALL.map(|library| {
            let mut members = all[library as usize].clone();
            members.retain(|member| library.keeps(&member.name));
            for (_, name, value) in OURS.iter().filter(|(of, ..)| *of == library) {
                members.retain(|member| *member.name != **name);
                members.push(Member { name: (*name).into(), value: value.clone() });
            }
            assert!(members.len() < 64, "the set of taken members is one integer");
            members
        });
        Catalog { libraries, string_metamethods: scratch.string_metamethods(), stock }
    }
}

/// The catalog of this OS process.
pub(crate) fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(Catalog::capture)
}

/// The library and the name of a function that is a member of one.
pub(crate) fn function_name(function: HostFn) -> Option<(Library, &'static str)> {
    let find = |member: &'static Member| match member.value {
        Value::Function(own) | Value::Random(own) if std::ptr::fn_addr_eq(own, function) => {
            Some(&*member.name)
        }
        _ => None,
    };
    Library::ALL.into_iter().find_map(|library| {
        catalog().members(library).iter().find_map(find).map(|name| (library, name))
    })
}

/// The stock functions that ours go on as.
pub(crate) fn stock() -> &'static Stock {
    &catalog().stock
}

/// Declares [`Stock`]: for each field the library and the name of a function of stock Lua.
macro_rules! stock {
    ($($field:ident: $library:ident $name:literal,)*) => {
        /// Stock functions that ours wrap.
        #[derive(Debug)]
        pub(crate) struct Stock {
            $(pub(crate) $field: HostFn,)*
        }

        impl Stock {
            fn find_in(libraries: &[Vec<Member>]) -> Stock {
                Stock { $($field: function(&libraries[Library::$library as usize], $name),)* }
            }
        }
    };
}

stock! {
    collectgarbage: Globals "collectgarbage",
    getmetatable: Globals "getmetatable",
    load: Globals "load",
    next: Globals "next",
    pairs: Globals "pairs",
    rawget: Globals "rawget",
    rawset: Globals "rawset",
    setmetatable: Globals "setmetatable",
    tostring: Globals "tostring",
    warn: Globals "warn",
    xpcall: Globals "xpcall",
    format: String "format",
    len: String "len",
    lower: String "lower",
    rep: String "rep",
    reverse: String "reverse",
    sub: String "sub",
    upper: String "upper",
    concat: Table "concat",
    insert: Table "insert",
    move_range: Table "move",
    remove: Table "remove",
    sort: Table "sort",
    unpack: Table "unpack",
    utf8_len: Utf8 "len",
    utf8_offset: Utf8 "offset",
    date: Os "date",
    difftime: Os "difftime",
    time: Os "time",
    traceback: Debug "traceback",
}

fn function(members: &[Member], name: &str) -> HostFn {
    members
        .iter()
        .find_map(|member| match member.value {
            Value::Function(function) if *member.name == *name => Some(function),
            _ => None,
        })
        .expect("stock Lua has all its functions")
}

/// A VM with the stock libraries.
struct Scratch(*mut lua_State);

// Each method's SAFETY is the same: the state is live and used by this thread alone, no Lua code
// runs in it, and its few allocations abort when they fail.
impl Scratch {
    fn new() -> Scratch {
        // SAFETY: no preconditions.
        let l = unsafe { ffi::luaL_newstate() };
        assert!(!l.is_null(), "no memory for a scratch VM");
        Scratch(l)
    }

    fn members(&self, library: Library) -> Vec<Member> {
        let name = std::ffi::CString::new(library.name()).expect("library names have no NUL");
        // SAFETY: see above.
        unsafe {
            ffi::luaL_requiref(self.0, name.as_ptr(), library.opener(), 0);
            let members = self.fields();
            ffi::lua_pop(self.0, 1);
            members
        }
    }

    fn string_metamethods(&self) -> Vec<Member> {
        // SAFETY: see above; the string library was opened, so strings have a metatable.
        unsafe {
            ffi::lua_pushstring(self.0, c"".as_ptr());
            ffi::lua_getmetatable(self.0, -1);
            let members = self.fields();
            ffi::lua_pop(self.0, 2);
            members
        }
    }

    /// The fields of the table on top, without those that are tables themselves.
    fn fields(&self) -> Vec<Member> {
        let mut members = Vec::new();
        // SAFETY: see above; all keys are strings, and the walk does not change the table.
        unsafe {
            ffi::lua_pushnil(self.0);
            while ffi::lua_next(self.0, -2) != 0 {
                let name = CStr::from_ptr(ffi::lua_tostring(self.0, -2)).to_string_lossy();
                if let Some(value) = self.value() {
                    members.push(Member { name: name.into(), value });
                }
                ffi::lua_pop(self.0, 1);
            }
        }
        members
    }

    /// The value on top.
    fn value(&self) -> Option<Value> {
        // SAFETY: see above.
        unsafe {
            match ffi::lua_type(self.0, -1) {
                ffi::LUA_TFUNCTION => {
                    let function = ffi::lua_tocfunction(self.0, -1)?;
                    if self.has_generator() {
                        return Some(Value::Random(function));
                    }
                    Some(Value::Function(function))
                }
                ffi::LUA_TNUMBER if ffi::lua_isinteger(self.0, -1) != 0 => {
                    Some(Value::Integer(ffi::lua_tointeger(self.0, -1)))
                }
                ffi::LUA_TNUMBER => Some(Value::Number(ffi::lua_tonumber(self.0, -1))),
                ffi::LUA_TSTRING => {
                    let mut len = 0;
                    let text = ffi::lua_tolstring(self.0, -1, &mut len);
                    Some(Value::Text(std::slice::from_raw_parts(text.cast(), len).into()))
                }
                _ => None,
            }
        }
    }

    /// Whether the C function on top has an upvalue: only the functions of the generator have one,
    /// the block of its state.
    fn has_generator(&self) -> bool {
        // SAFETY: see above.
        unsafe {
            let has = !ffi::lua_getupvalue(self.0, -1, 1).is_null();
            if has {
                let bytes = ffi::lua_rawlen(self.0, -1);
                assert_eq!(bytes, super::random::STATE_BYTES, "the generator is xoshiro256**");
                ffi::lua_pop(self.0, 1);
            }
            has
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and no Lua code ran in it.
        unsafe { ffi::lua_close(self.0) };
    }
}
