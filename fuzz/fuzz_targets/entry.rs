//! An entry file.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| moonlet::fuzzing::run("entry", data));
