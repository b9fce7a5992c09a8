//! Operations of processes on each other, against the rules of their order.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| moonlet::fuzzing::run("signals", data));
