//! Every application under `docs/examples` runs, and prints what its README shows.
//!
//! A README has one or more blocks that begin with `moonlet`, each followed by a block with what
//! that command prints. The exit code is 0, unless the text between this block and the next says
//! `exit code <n>`.

mod shown;

use std::path::{Path, PathBuf};

use shown::{Block, blocks, check_all, difference, sh};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn examples() -> Vec<PathBuf> {
    let dir = Path::new(ROOT).join("docs/examples");
    let entries = dir.read_dir().expect("there are examples");
    let mut examples: Vec<PathBuf> = entries
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.is_dir())
        .collect();
    examples.sort();
    examples
}

/// The exit code that the text behind a block promises.
fn exit_code(readme: &str, shown: &Block) -> i32 {
    let behind: Vec<&str> = readme.lines().skip(shown.line + shown.text.lines().count()).collect();
    let behind = behind.join("\n");
    let until_next = behind.split("```").next().unwrap_or_default();
    let number = until_next.split("exit code ").nth(1).unwrap_or("0");
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number behind `exit code`")
}

fn check(example: &Path) -> Vec<String> {
    let name = example.file_name().unwrap_or_default().to_string_lossy();
    let Ok(readme) = std::fs::read_to_string(example.join("README.md")) else {
        return vec![format!("{name}: no README.md")];
    };
    let blocks = blocks(&readme);
    let mut faults = Vec::new();
    let mut n_commands = 0;
    for pair in blocks.windows(2).filter(|pair| pair[0].text.starts_with("moonlet ")) {
        n_commands += 1;
        let [command, shown] = pair else { unreachable!("windows of two") };
        let output = sh(command.text.trim_end(), Path::new(ROOT));
        let place = format!("{name}: {}", command.text.trim_end());
        if let Some(difference) = difference(shown, &output.stdout) {
            faults.push(format!("{place}: {difference}stderr:\n{}", output.stderr));
        }
        let code = exit_code(&readme, shown);
        if output.code != Some(code) {
            faults.push(format!("{place}: exit code {:?}, not {code}", output.code));
        }
    }
    if n_commands == 0 {
        faults.push(format!("{name}: its README shows no command with its output"));
    }
    faults
}

#[test]
fn every_example_prints_what_its_readme_shows() {
    let examples = examples();
    assert!(examples.len() >= 12, "only {examples:?}");
    check_all(&examples, |example| check(example));
}

#[test]
fn every_example_passes_moonlet_check() {
    check_all(&examples(), |example| {
        let output = sh(&format!("moonlet check {}", example.display()), Path::new(ROOT));
        let fault = (output.code != Some(0)).then_some(output.stderr);
        fault.into_iter().collect()
    });
}
