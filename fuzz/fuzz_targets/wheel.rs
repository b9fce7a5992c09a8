//! Operations on a timer wheel, against a sorted list.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| moonlet::fuzzing::run("wheel", data));
