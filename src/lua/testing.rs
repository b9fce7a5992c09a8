//! What tests and fuzz targets of Lua need around a VM: an environment, a program, the state behind
//! host functions.

#![expect(clippy::unwrap_used, reason = "support of tests, where a panic is the report")]

mod kills;
mod sim;
#[cfg(test)]
mod vm;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::cx::{Cx, Environment, Launch};
use super::program::{Catalog, Module, Program, UnitSource};
use crate::process::Limits;
use crate::stash::Shared;
use crate::writer::Writer;
pub use kills::check_kill;
#[cfg(test)]
pub(crate) use sim::{Simulated, body, simulate_program};
#[cfg(test)]
#[cfg(not(loom))]
pub(crate) use sim::{simulate, simulate_program_with};
#[cfg(test)]
pub(crate) use vm::{TestVm, ours, stock};

/// An environment without entries, whose output goes nowhere.
pub(crate) fn environment() -> Arc<Environment> {
    static ENVIRONMENT: OnceLock<Arc<Environment>> = OnceLock::new();
    let make = || {
        let output = Writer::new("stdout", 0, std::io::sink()).unwrap();
        Arc::new(Environment { catalog: Catalog::default(), output, started: Instant::now() })
    };
    ENVIRONMENT.get_or_init(make).clone()
}

/// A program of one script, named `test`.
pub(crate) fn program(source: &str) -> Arc<Program> {
    program_with(source, &[])
}

/// As [`program`], with modules.
fn program_with(source: &str, modules: &[Module]) -> Arc<Program> {
    let unit = UnitSource {
        id: "test".to_owned(),
        text: source.as_bytes().into(),
        modules: modules.to_vec(),
        imports: Vec::new(),
    };
    Program::compile(vec![unit], "main", Limits::default()).unwrap()
}

/// A program that does nothing.
pub(crate) fn bare_launch() -> Shared<Launch> {
    static PROGRAM: OnceLock<Arc<Program>> = OnceLock::new();
    Launch::new(environment(), PROGRAM.get_or_init(|| program("")).clone())
}

/// The state behind host functions, outside of any step.
pub(crate) fn bare_cx() -> Box<Cx> {
    Box::new(Cx::new(bare_launch()))
}
