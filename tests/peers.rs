//! The programs that are measured beside peers still run: each of them does a little of its work
//! and prints what the script of `benches/peers` reads.

mod program;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::program::Run;

/// Programs, small arguments, and the word in front of the figures.
const PROGRAMS: [(&str, &[&str], &str); 11] = [
    ("beside_hogs", &["1", "2"], "late"),
    ("fan_in", &["4", "10"], "took"),
    ("fib", &["5"], "took"),
    ("nested", &["10"], "took"),
    ("pairs", &["5", "10"], "took"),
    ("ping_pong", &["10"], "took"),
    ("ring", &["7", "100"], "took"),
    ("sleepers", &["2"], "late"),
    ("spawn", &["10"], "took"),
    ("timers", &["10"], "took"),
    ("tree", &["100"], "took"),
];

/// Those that last some seconds, or until they are killed.
const CHECKED: [&str; 2] = ["idle", "start"];

fn moonlet(args: &[&str]) -> Run {
    Run::new(&Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/moonlet"), args)
}

#[test]
fn every_program_measures() {
    for (name, args, word) in PROGRAMS {
        let file = format!("{name}.lua");
        let Run { code, stdout, stderr, log } =
            moonlet(&[&["run", &file, "--workers", "2", "--", "measure"], args].concat());
        assert_eq!(code, Some(0), "{name}: {stderr}{log}");
        let figures = stdout.trim_end().strip_prefix(word).unwrap_or_else(|| panic!("{stdout}"));
        let is_number = |text: &str| text.parse::<f64>().is_ok_and(|seconds| seconds >= 0.0);
        assert!(figures.split_whitespace().all(is_number), "{name}: {stdout}");
    }
}

#[test]
fn those_that_stay_compile() {
    for name in CHECKED {
        let Run { code, stderr, .. } = moonlet(&["check", &format!("{name}.lua")]);
        assert_eq!(code, Some(0), "{stderr}");
    }
}

#[test]
fn no_program_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/moonlet");
    let files = fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let found: BTreeSet<_> =
        files.map(|path| path.file_stem().expect("a name").display().to_string()).collect();
    let known = PROGRAMS.iter().map(|(name, ..)| *name).chain(CHECKED);
    assert_eq!(found, known.map(str::to_owned).collect());
}
