//! The command line: its options, and one file for each command.
//!
//! Only this module writes to stdout and stderr on behalf of the command.

mod check;
mod descriptors;
mod exit;
#[cfg(any(test, fuzzing))]
#[cfg(not(loom))]
mod fuzz;
mod log;
mod output;
mod run;
mod signals;
mod stderr;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::Override;
pub use exit::Exit;
#[cfg(any(test, fuzzing))]
#[cfg(not(loom))]
pub use fuzz::check_args;

/// Runs Lua green processes: spawn, message, monitor, link and supervise them
#[derive(Debug, Parser)]
#[command(name = "moonlet", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  moonlet run                          run the application in this folder
  moonlet run hello.lua -- World       run one file, with an argument
  moonlet run shop -x app:report -- 7  run one entry of an application, then end
  moonlet check shop                   find every problem, start nothing";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run an application or one Lua file
    Run(RunArgs),
    /// Check YAML, references and Lua sources; start nothing
    Check(CheckArgs),
}

/// Options of `moonlet run`.
#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub struct RunArgs {
    /// Application folder, or one .lua file
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// Run this process.lua entry with ARGS, and end with it
    #[arg(short = 'x', long = "exec", value_name = "NS:ENTRY")]
    pub exec: Option<String>,

    /// Host for the -x entry [default: its host field, else the default host]
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,

    /// Workers of every host in this run [default: as declared, else one for each CPU]
    #[arg(long, value_name = "N", value_parser = workers)]
    pub workers: Option<usize>,

    /// Replace one field of an entry, dots for nesting; later ones win
    #[arg(short = 'o', value_name = "NS:ENTRY:FIELD=VALUE")]
    pub overrides: Vec<Override>,

    /// Arguments of the -x entry or of the .lua file
    #[arg(last = true, value_name = "ARGS")]
    pub args: Vec<OsString>,
}

const RUN_EXAMPLES: &str = "\
Examples:
  moonlet run                          run the application in this folder until it ends
  moonlet run hello.lua -- World       run one file, with an argument
  moonlet run shop -x app:report -- 7  run one entry of an application, then end
  moonlet run -o app:processes:host.workers=4
  moonlet run -o app:worker:memory_limit=64MB -o app:worker:lifecycle.auto_start=true

The exit code is that of the -x entry: 0 to 255 if it returns such a number, 1 if it fails.";

/// Options of `moonlet check`.
#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct CheckArgs {
    /// Application folder, or one .lua file
    #[arg(default_value = ".")]
    pub path: PathBuf,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  moonlet check
  moonlet check shop
  moonlet check hello.lua

The exit code is 0 without problems and 1 with some.";

/// A number of workers.
fn workers(text: &str) -> Result<usize, String> {
    const WORKERS_MAX: usize = crate::app::WORKERS_MAX;
    let number = text.parse().ok().filter(|n| (1..=WORKERS_MAX).contains(n));
    number.ok_or_else(|| format!("expected a whole number from 1 to {WORKERS_MAX}"))
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::check(&args),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn run_args(line: &[&str]) -> RunArgs {
        let words = ["moonlet", "run"].iter().chain(line);
        match Cli::try_parse_from(words).map(|cli| cli.command) {
            Ok(Command::Run(args)) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_path_defaults_to_this_folder() {
        assert_eq!(run_args(&[]).path, PathBuf::from("."));
        assert_eq!(run_args(&["--", "x"]).path, PathBuf::from("."));
    }

    #[test]
    fn everything_behind_two_dashes_is_an_argument() {
        let args = run_args(&["f.lua", "--workers", "2", "--", "-x", "--", "1"]);
        assert_eq!(args.args, ["-x", "--", "1"]);
        assert_eq!((args.exec, args.workers), (None, Some(2)));
    }

    #[test]
    fn overrides_repeat_and_keep_their_order() {
        let args = run_args(&["-o", "a:b:method=x", "-o", "a:b:method=y"]);
        let expected = ["a:b:method=x", "a:b:method=y"].map(|text| text.parse().unwrap());
        assert_eq!(args.overrides, expected);
    }

    #[test]
    fn bad_values_are_refused() {
        for line in [&["--workers", "0"][..], &["-o", "a:b"], &["--colour"], &["a", "b"]] {
            let words = ["moonlet", "run"].iter().chain(line);
            let error = Cli::try_parse_from(words).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line:?}");
        }
    }
}
