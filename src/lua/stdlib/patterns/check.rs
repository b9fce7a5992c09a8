//! The law that fuzzing holds patterns to: ours and stock Lua's functions give the same.

use crate::lua::api::testing::TestVm;
use crate::lua::stdlib;

/// Some patterns take stock Lua time that grows fast with these.
const SUBJECT_MAX: usize = 14;
const PATTERN_MAX: usize = 16;

/// Any bytes are an initial position, a number of replacements, a pattern with its length in front,
/// and a subject.
///
/// # Panics
/// When stock Lua's functions give something else than ours.
pub fn check_patterns(data: &[u8]) {
    let &[init, n, len, ref texts @ ..] = data else { return };
    let (pattern, subject) = texts.split_at(usize::from(len).min(PATTERN_MAX).min(texts.len()));
    let subject = &subject[..subject.len().min(SUBJECT_MAX)];
    check(subject, pattern, i64::from(init as i8), i64::from(n as i8));
}

/// Compares all functions for these arguments.
///
/// # Panics
/// As [`check_patterns`].
pub(super) fn check(subject: &[u8], pattern: &[u8], init: i64, n: i64) {
    thread_local!(static VM: TestVm = {
        let vm = TestVm::new();
        vm.with(stdlib::open);
        vm.eval(include_str!("check.lua")).expect("it compiles");
        vm
    });
    let source = format!("check({}, {}, {init}, {n})", quoted(subject), quoted(pattern));
    if let Err(difference) = VM.with(|vm| vm.eval(&source)) {
        panic!("{source}\n{difference}");
    }
}

/// A string of Lua.
fn quoted(bytes: &[u8]) -> String {
    let bytes: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    format!("'{bytes}'")
}
