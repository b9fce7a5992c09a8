//! Compiled Lua: each source is compiled once, and the bytecode is shared by all processes that run
//! it.

#![expect(unsafe_code, reason = "a scratch VM that compiles and dumps")]

use std::ffi::{CString, c_int, c_void};

use super::raw::ffi::{self, lua_State};

/// A compiled chunk. Its bytes stay where they are: the VMs that loaded it point into them.
pub(crate) struct Code {
    /// Words, because Lua wants its code aligned.
    words: Box<[u64]>,
    len: usize,
    /// `=<entry id>`: how positions and tracebacks name it.
    name: CString,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Code").field("name", &self.name).field("bytes", &self.len).finish()
    }
}

/// Why a source does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// The line in the source, from 1; 0 when Lua told none.
    pub line: u32,
    /// What is wrong there, without position.
    pub message: String,
    /// Lua's whole text, with position.
    pub text: String,
}

impl Code {
    /// Compiles `source`; positions in it are named `id`.
    pub(crate) fn compile(id: &str, source: &[u8]) -> Result<Code, CompileError> {
        let name = CString::new(format!("={id}")).expect("ids have no NUL");
        let scratch = Scratch::new();
        scratch.load(source, &name).map_err(|text| CompileError::parse(id, text))?;
        Ok(Code::from_bytes(&scratch.dump(Debug::Kept), name))
    }

    /// Compiles code of ours that stands for a C function: errors name no position in it. It has to
    /// be loaded as the VM's own.
    pub(crate) fn compile_hidden(source: &[u8]) -> Result<Code, CompileError> {
        let scratch = Scratch::new();
        scratch.load(source, c"=?").map_err(|text| CompileError::parse("?", text))?;
        Ok(Code::from_bytes(&scratch.dump(Debug::Stripped), c"=?".to_owned()))
    }

    /// Whether a chunk that compiles uses its own `...`. Inside of a function that has no variable
    /// arguments it would not compile then.
    pub(crate) fn uses_varargs(source: &[u8]) -> bool {
        let wrapped = [b"return function() ", source, b"\nend"].concat();
        Scratch::new().load(&wrapped, c"=").is_err()
    }

    fn from_bytes(bytes: &[u8], name: CString) -> Code {
        let mut words = vec![0u64; bytes.len().div_ceil(8)].into_boxed_slice();
        for (word, chunk) in words.iter_mut().zip(bytes.chunks(8)) {
            let mut padded = [0u8; 8];
            padded[..chunk.len()].copy_from_slice(chunk);
            *word = u64::from_ne_bytes(padded);
        }
        Code { words, len: bytes.len(), name }
    }

    /// The bytecode.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the words hold `len` bytes, padded to whole words.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), self.len) }
    }

    /// The chunk name.
    pub(crate) fn name(&self) -> &std::ffi::CStr {
        &self.name
    }
}

impl CompileError {
    /// Takes `<id>:<line>: <message>` apart.
    fn parse(id: &str, text: String) -> CompileError {
        let rest = text.strip_prefix(id).and_then(|rest| rest.strip_prefix(':'));
        let parsed = rest.and_then(|rest| {
            let (line, message) = rest.split_once(": ")?;
            Some((line.parse().ok()?, message.to_owned()))
        });
        let (line, message) = parsed.unwrap_or_else(|| (0, text.clone()));
        CompileError { line, message, text }
    }
}

/// What becomes of the lines and names of variables.
#[derive(Clone, Copy)]
enum Debug {
    Kept,
    Stripped,
}

/// A VM that only compiles.
struct Scratch(*mut lua_State);

impl Scratch {
    fn new() -> Scratch {
        // SAFETY: no preconditions.
        let l = unsafe { ffi::luaL_newstate() };
        assert!(!l.is_null(), "no memory for a compiler");
        Scratch(l)
    }

    fn load(&self, source: &[u8], name: &std::ffi::CStr) -> Result<(), String> {
        // SAFETY: a live state; loading runs protected; the message is read before the next call.
        unsafe {
            let data = source.as_ptr().cast();
            let mode = c"t".as_ptr();
            match ffi::luaL_loadbufferx(self.0, data, source.len(), name.as_ptr(), mode) {
                ffi::LUA_OK => Ok(()),
                _ => {
                    let mut len = 0;
                    let text = ffi::lua_tolstring(self.0, -1, &mut len);
                    let text = std::slice::from_raw_parts(text.cast::<u8>(), len);
                    Err(String::from_utf8_lossy(text).into_owned())
                }
            }
        }
    }

    fn dump(&self, debug: Debug) -> Vec<u8> {
        let mut bytes = Vec::new();
        // SAFETY: a function is on top; the writer only appends to `bytes`.
        unsafe { ffi::lua_dump(self.0, write, (&raw mut bytes).cast(), debug as c_int) };
        bytes
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and no Lua code ever ran in it.
        unsafe { ffi::lua_close(self.0) };
    }
}

unsafe extern "C-unwind" fn write(
    _: *mut lua_State,
    data: *const c_void,
    len: usize,
    bytes: *mut c_void,
) -> c_int {
    if !data.is_null() {
        // SAFETY: `bytes` is the vector given to `lua_dump`, `data` holds `len` bytes.
        unsafe {
            let part = std::slice::from_raw_parts(data.cast::<u8>(), len);
            (*bytes.cast::<Vec<u8>>()).extend_from_slice(part);
        }
    }
    0
}
