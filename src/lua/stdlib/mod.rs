//! The standard libraries as Lua code of a process finds them.
//!
//! Most functions are those of stock Lua (`catalog`). Ours stand where stock Lua would read files,
//! hold a worker for ever, run code that a kill cannot end, or could not wait inside of a callback.
//!
//! | file | what |
//! |---|---|
//! | `catalog` | the members of every library, stock and ours |
//! | `lazy` | tables that fetch a member when it is first read |
//! | `base` | `getmetatable`, `setmetatable`, `next`, `collectgarbage`, `warn` … |
//! | `load`, `xpcall`, `traceback` | as named |
//! | `tostring`, `format` | `tostring` and `string.format`, which show no addresses |
//! | `strings` | functions that take error objects |
//! | `patterns` | `find`, `match`, `gmatch`, `gsub`, which give way; callbacks of `gsub` may wait |
//! | `rep`, `bytewise`, `utf8`, `long` | loops over long strings, in stretches |
//! | `moves`, `concat`, `unpack` | loops over tables, in stretches, whose metamethods may wait |
//! | `access`, `slots` | how host functions read and write tables; what their frames remember |
//! | `sort` | `table.sort` whose comparators may wait |
//! | `names` | where messages and tracebacks find the names of functions |
//! | `random`, `os` | the state of `math.random`; clocks and dates |

mod access;
mod base;
mod bytewise;
mod catalog;
mod concat;
mod format;
mod lazy;
mod load;
mod long;
mod moves;
mod names;
mod os;
mod patterns;
mod random;
mod rep;
mod slots;
mod sort;
mod source;
mod strings;
#[cfg(test)]
mod tests;
mod tostring;
mod traceback;
mod unpack;
mod utf8;
mod xpcall;

pub(crate) use catalog::{Library, function_name};
pub(crate) use lazy::{fetch, fill_if_lazy, push_library};
#[cfg(any(test, fuzzing))]
pub use patterns::check_patterns;
pub(crate) use random::{State as GeneratorState, seeded};
pub(crate) use traceback::push_traceback;
pub(crate) use xpcall::MESSAGE_HANDLER;

use self::catalog::Value;
use super::api::{self, coroutine};
use super::raw::{Stack, host};

/// Fills the globals of a fresh VM.
pub(crate) fn open(stack: &Stack) {
    lazy::open(stack);
    strings::open(stack);
    names::open(stack);
}

/// Members that stock Lua lacks, or that replace its own.
static OURS: &[(Library, &str, Value)] = &[
    (Library::Globals, "_G", Value::Library(Library::Globals)),
    (Library::Globals, "string", Value::Library(Library::String)),
    (Library::Globals, "table", Value::Library(Library::Table)),
    (Library::Globals, "math", Value::Library(Library::Math)),
    (Library::Globals, "utf8", Value::Library(Library::Utf8)),
    (Library::Globals, "coroutine", Value::Library(Library::Coroutine)),
    (Library::Globals, "os", Value::Library(Library::Os)),
    (Library::Globals, "debug", Value::Library(Library::Debug)),
    (Library::Globals, "errors", Value::Build(|stack| api::base::push_builtin(stack, "errors"))),
    (Library::Globals, "channel", Value::Build(|stack| api::base::push_builtin(stack, "channel"))),
    (Library::Globals, "process", Value::Build(|stack| api::base::push_builtin(stack, "process"))),
    (Library::Globals, "payload", Value::Build(|stack| api::base::push_builtin(stack, "payload"))),
    (Library::Globals, "time", Value::Build(|stack| api::base::push_builtin(stack, "time"))),
    (Library::Globals, "collectgarbage", Value::Function(host!(base::collectgarbage))),
    (Library::Globals, "getmetatable", Value::Function(host!(pure base::getmetatable))),
    (Library::Globals, "load", Value::Function(host!(load::load))),
    (Library::Globals, "next", Value::Function(base::NEXT)),
    (Library::Globals, "print", Value::Function(api::base::PRINT)),
    (Library::Globals, "rawget", Value::Function(host!(pure base::rawget))),
    (Library::Globals, "rawset", Value::Function(host!(pure base::rawset))),
    (Library::Globals, "require", Value::Function(api::base::REQUIRE)),
    (Library::Globals, "setmetatable", Value::Function(host!(pure base::setmetatable))),
    (Library::Globals, "tostring", Value::Function(tostring::TOSTRING)),
    (Library::Globals, "unpack", Value::Build(|stack| stack.push_fn(unpack::UNPACK))),
    (Library::Globals, "warn", Value::Function(host!(base::warn))),
    (Library::Globals, "xpcall", Value::Function(host!(xpcall::xpcall))),
    (Library::String, "find", Value::Function(host!(pure patterns::find))),
    (Library::String, "format", Value::Function(format::FORMAT)),
    (Library::String, "gmatch", Value::Function(host!(pure patterns::gmatch))),
    (Library::String, "gsub", Value::Function(host!(pure patterns::gsub))),
    (Library::String, "len", Value::Function(strings::LEN)),
    (Library::String, "lower", Value::Function(bytewise::LOWER)),
    (Library::String, "match", Value::Function(host!(pure patterns::match_))),
    (Library::String, "rep", Value::Function(rep::REP)),
    (Library::String, "reverse", Value::Function(bytewise::REVERSE)),
    (Library::String, "sub", Value::Function(strings::SUB)),
    (Library::String, "upper", Value::Function(bytewise::UPPER)),
    (Library::Coroutine, "close", Value::Function(coroutine::CLOSE)),
    (Library::Coroutine, "create", Value::Function(coroutine::CREATE)),
    (Library::Coroutine, "isyieldable", Value::Function(coroutine::IS_YIELDABLE)),
    (Library::Coroutine, "resume", Value::Function(coroutine::RESUME)),
    (Library::Coroutine, "running", Value::Function(coroutine::RUNNING)),
    (Library::Coroutine, "spawn", Value::Function(coroutine::SPAWN)),
    (Library::Coroutine, "status", Value::Function(coroutine::STATUS)),
    (Library::Coroutine, "wrap", Value::Function(coroutine::WRAP)),
    (Library::Coroutine, "yield", Value::Function(coroutine::YIELD)),
    (Library::Debug, "traceback", Value::Function(traceback::TRACEBACK)),
    (Library::Table, "concat", Value::Function(concat::CONCAT)),
    (Library::Table, "insert", Value::Function(moves::INSERT)),
    (Library::Table, "move", Value::Function(moves::MOVE)),
    (Library::Table, "remove", Value::Function(moves::REMOVE)),
    (Library::Table, "sort", Value::Function(host!(pure sort::sort))),
    (Library::Table, "unpack", Value::Function(unpack::UNPACK)),
    (Library::Utf8, "len", Value::Function(utf8::LEN)),
    (Library::Utf8, "offset", Value::Function(utf8::OFFSET)),
    (Library::Os, "clock", Value::Function(host!(os::clock))),
    (Library::Os, "date", Value::Function(host!(os::date))),
    (Library::Os, "difftime", Value::Function(host!(os::difftime))),
    (Library::Os, "time", Value::Function(host!(os::time))),
];
