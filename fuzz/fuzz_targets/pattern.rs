//! A pattern and a subject: ours and stock Lua's functions give the same.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| moonlet::fuzzing::run("pattern", data));
