//! Layers point one way: a folder of `src` uses only what lies below it (docs/ARCHITECTURE.md).

use std::fs;
use std::path::{Path, PathBuf};

/// From top to bottom; those of one line know nothing of each other.
const LAYERS: [&[&str]; 7] = [
    &["cli"],
    &["app"],
    &["lua"],
    &["process"],
    &["scheduler"],
    &["mailbox", "channel", "wheel", "reactor", "civil"],
    &["sync"],
];

fn layer(folder: &str) -> Option<usize> {
    LAYERS.iter().position(|folders| folders.contains(&folder))
}

/// All Rust files below a folder, or the file itself.
fn files(path: PathBuf) -> Vec<PathBuf> {
    let Ok(dir) = path.read_dir() else { return vec![path] };
    dir.flat_map(|entry| files(entry.expect("it can be read").path())).collect()
}

#[test]
fn a_layer_uses_only_what_lies_below_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for file in files(src.clone()).iter().filter(|path| path.extension().is_some_and(|e| e == "rs"))
    {
        let place = file.strip_prefix(&src).expect("it is in there").display().to_string();
        let Some(own) = place.split(['/', '.']).next().filter(|name| layer(name).is_some()) else {
            continue;
        };
        let text = fs::read_to_string(file).expect("it can be read");
        let used = text.split("crate::").skip(1);
        let names = used.filter_map(|rest| rest.split(|c: char| !c.is_ascii_lowercase()).next());
        for name in names.filter(|name| *name != own && layer(name).is_some()) {
            if layer(name) <= layer(own) {
                faults.push(format!(
                    "src/{place} uses crate::{name}: move what both need further down"
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
