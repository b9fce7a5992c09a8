//! Programs that do all they can to survive a kill.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| moonlet::fuzzing::run("kill", data));
