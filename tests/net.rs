//! The `net` module in the real binary: the example application does what its README says.

use std::path::Path;

use snapbox::cmd::{Command, cargo_bin};

/// The second fenced block of a README: what the command in the first one prints.
fn promised(readme: &str) -> String {
    let block = readme.split("```").nth(3).expect("a README shows a command and what it prints");
    block.trim_start().to_owned()
}

#[test]
fn the_echo_server_prints_what_its_readme_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/echo_server");
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    Command::new(cargo_bin!("moonlet"))
        .arg("run")
        .arg(&folder)
        .args(["-x", "echo:client"])
        .assert()
        .success()
        .stdout_eq(promised(&readme));
}
