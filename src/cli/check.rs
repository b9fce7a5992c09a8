//! `moonlet check`: loads an application, compiles its sources, starts nothing.

use super::exit::Exit;
use super::{CheckArgs, output};
use crate::app::{LoadError, LoadOptions, check_source, load};

/// Checks an application and says what is wrong with it.
pub(crate) fn check(args: &CheckArgs) -> Exit {
    match load(&args.path, &LoadOptions::default(), &check_source) {
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
