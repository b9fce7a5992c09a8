//! An encoding of values.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| moonlet::fuzzing::run("transfer", data));
