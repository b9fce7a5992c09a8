//! What the fuzzers in `fuzz/` run, and the replay of what they found: each target takes any bytes
//! and panics when a law is broken.

use crate::{app, channel, civil, cli, lua, mailbox, process, wheel};

/// A check by its name, which is that of the fuzz target and of the folder of its corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 10] = [
    ("channel", channel::model::check_ops),
    ("cli", cli::check_args),
    ("entry", entry),
    ("kill", lua::check_kill),
    ("layout", civil::check_layout),
    ("mailbox", mailbox::model::check_ops),
    ("pattern", lua::check_patterns),
    ("signals", process::model::check_ops),
    ("transfer", lua::check_bytes),
    ("wheel", wheel::model::check_ops),
];

/// Runs the target `name`.
///
/// # Panics
/// When a law is broken, or there is no such target.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(other, _)| *other == name);
    target.expect("the name is in the list").1(data);
}

/// An entry file: no bytes may panic.
fn entry(data: &[u8]) {
    let _ = app::check_yaml(data);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::TARGETS;

    #[test]
    fn every_input_in_the_corpus_keeps_the_laws() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        for (name, check) in TARGETS {
            let files = fs::read_dir(corpus.join(name)).unwrap();
            let mut n_files = 0;
            for file in files {
                let path = file.unwrap().path();
                println!("{}", path.display());
                check(&fs::read(path).unwrap());
                n_files += 1;
            }
            assert!(n_files > 0, "add an input to fuzz/corpus/{name}");
        }
    }

    #[test]
    fn every_target_has_a_fuzzer() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml");
        let manifest = fs::read_to_string(manifest).unwrap();
        let fuzzers = manifest.lines().filter_map(|line| line.strip_prefix("name = "));
        let mut fuzzers: Vec<_> = fuzzers.map(|name| name.trim_matches('"')).collect();
        fuzzers.retain(|name| *name != "moonlet-fuzz");
        fuzzers.sort_unstable();
        assert_eq!(fuzzers, TARGETS.map(|(name, _)| name), "fuzz/Cargo.toml and TARGETS differ");
    }
}
