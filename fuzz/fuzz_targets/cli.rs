//! Arguments of the command.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| moonlet::fuzzing::run("cli", data));
