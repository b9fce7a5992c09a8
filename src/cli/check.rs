//! `moonlet check`: loads an application, compiles its sources, starts nothing.

use super::exit::Exit;
use super::{CheckArgs, output};
use crate::app::{Compile, LoadError, LoadOptions, load};

/// Checks an application and says what is wrong with it.
pub(crate) fn check(args: &CheckArgs, compile: Compile<'_>) -> Exit {
    match load(&args.path, &LoadOptions::default(), compile) {
        Ok(app) => {
            output::stdout(&format!("ok: {} entries\n", app.entries().len()));
            Exit::Success
        }
        Err(LoadError::Faulty(report)) => {
            output::report(&report);
            Exit::Failure
        }
        Err(LoadError::NotFound(message)) => {
            output::error(&message);
            Exit::Usage
        }
    }
}
