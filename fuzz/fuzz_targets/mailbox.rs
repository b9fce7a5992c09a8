//! Operations on a mailbox, against a queue.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| moonlet::fuzzing::run("mailbox", data));
