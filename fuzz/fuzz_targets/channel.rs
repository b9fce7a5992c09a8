//! Operations on channels, `select` among them, against the plain model.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| moonlet::fuzzing::run("channel", data));
