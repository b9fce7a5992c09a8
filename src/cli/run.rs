//! `moonlet run`: starts an application, runs it to its end or to that of one entry, and ends it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use super::exit::Exit;
use super::signals::Watch;
use super::{RunArgs, descriptors, log, output, stderr};
use crate::app::{App, EntryId, Kind, LoadError, LoadOptions, quoted};
use crate::{Builder, Error, Failure, Leftover, Running, Value};

/// Leftovers that are listed one by one.
const LISTED_MAX: usize = 1000;

/// Runs an application.
pub(crate) fn run(args: RunArgs) -> Exit {
    descriptors::raise_limit();
    let options = LoadOptions { overrides: args.overrides.clone(), workers: args.workers };
    let builder = match Builder::load_with(&args.path, &options) {
        Ok(builder) => builder.notices(output::notice),
        Err(error) => return refused(&error),
    };
    stderr::start();
    log::start(builder.app().settings.log_level);
    let (exit, left) = run_loaded(args, builder);
    stderr::flush(left);
    exit
}

/// Also tells how much time is left to get out what it wrote.
fn run_loaded(args: RunArgs, builder: Builder) -> (Exit, Duration) {
    let exec = match plan(args, builder.app()) {
        Ok(exec) => exec,
        Err(text) => {
            output::error(&text);
            return (Exit::Usage, Duration::MAX);
        }
    };
    let signals = match Watch::start(builder.stopper()) {
        Ok(signals) => signals,
        Err(error) => {
            output::error(&format!("cannot watch for signals: {error}"));
            return (Exit::Failure, Duration::MAX);
        }
    };
    let (exit, left) = start_and_run(builder, exec.as_ref());
    (signals.first().unwrap_or(exit), left)
}

fn start_and_run(builder: Builder, exec: Option<&Exec>) -> (Exit, Duration) {
    let builder = match exec {
        Some(exec) => builder.host(exec.host.clone()),
        None => builder,
    };
    let running = match builder.start() {
        Ok(running) => running,
        // Shutting down what ran may have taken all the time there is.
        Err(error) => return (refused(&error), Duration::ZERO),
    };
    let exit = match exec {
        Some(exec) => exec.run(&running),
        None if running.wait_idle() => Exit::Success,
        None => Exit::Failure,
    };
    let ended = running.shut_down();
    list(&ended.leftovers);
    (exit, ended.left)
}

/// Says why nothing runs.
fn refused(error: &Error) -> Exit {
    match error {
        Error::Load(LoadError::Faulty(report)) => output::report(report),
        other => output::error(&other.to_string()),
    }
    match error {
        Error::Load(_) => Exit::Usage,
        _ => Exit::Failure,
    }
}

/// What was left over, process by process.
fn list(leftovers: &[Leftover]) {
    if leftovers.is_empty() {
        return;
    }
    let mut text = format!("left over at the end, and killed: {}\n", leftovers.len());
    for leftover in leftovers.iter().take(LISTED_MAX) {
        text += &format!("  {}\n", leftover.to_string().replace('\n', "\n  "));
    }
    if leftovers.len() > LISTED_MAX {
        text += &format!("  … and {} more\n", leftovers.len() - LISTED_MAX);
    }
    output::notice(text.trim_end());
}

/// The entry of `-x`.
#[derive(Debug)]
pub(super) struct Exec {
    entry: EntryId,
    host: EntryId,
    args: Vec<Value>,
}

/// What there is to do: one entry, or (none) what is auto-started.
pub(super) fn plan(args: RunArgs, app: &App) -> Result<Option<Exec>, String> {
    let is_file = !args.path.is_dir();
    let main = || app.entries().next().map(|entry| entry.id.to_string());
    let Some(wanted) = args.exec.or_else(|| if is_file { main() } else { None }) else {
        return plan_without_exec(args.host.as_deref(), &args.args, app);
    };
    let entry = app
        .find(&wanted)?
        .ok_or_else(|| format!("unknown entry {} for -x{}", quoted(&wanted), listed(app)))?;
    if !matches!(entry.kind, Kind::Process(_)) {
        let kind = entry.kind.name();
        return Err(format!(
            "-x runs a process.lua entry, but `{wanted}` is a {kind}{}",
            listed(app)
        ));
    }
    let host = match args.host {
        Some(host) => {
            let known = EntryId::parse(&host).filter(|id| app.host(id.as_str()).is_some());
            known.ok_or_else(|| {
                format!("unknown host {}: expected the id of a process.host", quoted(&host))
            })?
        }
        None => app.host_of(&entry.kind).unwrap_or(app.default_host()).clone(),
    };
    let value = |text: OsString| Value::String(text.into_vec());
    let args = args.args.into_iter().map(value).collect();
    Ok(Some(Exec { entry: entry.id.clone(), host, args }))
}

fn plan_without_exec(
    host: Option<&str>,
    args: &[OsString],
    app: &App,
) -> Result<Option<Exec>, String> {
    if host.is_some() || !args.is_empty() {
        let what = if host.is_some() { "--host" } else { "ARGS" };
        return Err(format!("{what} need an entry to run: add -x NS:ENTRY"));
    }
    let starts = |id: &EntryId| {
        app.entry(id.as_str()).is_some_and(|entry| !matches!(entry.kind, Kind::Host(_)))
    };
    if app.auto_started().any(starts) {
        return Ok(None);
    }
    Err(format!(
        "nothing to run: no entry has `lifecycle.auto_start: true`, and there is no -x{}",
        listed(app)
    ))
}

/// The entries that could be run.
fn listed(app: &App) -> String {
    const ENTRIES_MAX: usize = 20;
    let is_process = |kind: &Kind| matches!(kind, Kind::Process(_));
    let ids: Vec<&str> =
        app.entries().filter(|e| is_process(&e.kind)).map(|e| e.id.as_str()).collect();
    match ids.as_slice() {
        [] => "; there is no process.lua entry".to_owned(),
        ids if ids.len() <= ENTRIES_MAX => format!("; process.lua entries: {}", ids.join(", ")),
        ids => {
            let (shown, rest) = ids.split_at(ENTRIES_MAX);
            format!("; process.lua entries: {} and {} more", shown.join(", "), rest.len())
        }
    }
}

impl Exec {
    fn run(&self, running: &Running) -> Exit {
        let spawned = running.spawn_on(self.host.as_str(), self.entry.as_str(), &self.args);
        match spawned.and_then(|process| process.wait()) {
            Ok(value) => exit_of(&value, running),
            Err(failure) => {
                output::error(&failure_text(&failure, running));
                Exit::Failure
            }
        }
    }
}

/// Message, then traceback.
fn failure_text(failure: &Failure, running: &Running) -> String {
    let message = failure.text();
    let traceback = running.traceback(failure);
    // The stack of an error starts with its message.
    let traceback = traceback.strip_prefix(&*message).unwrap_or(&traceback);
    let text = format!("{message}\n{}", traceback.trim_start_matches('\n'));
    output::harmless(text.trim_end())
}

/// The exit code that a result stands for (app.md, section 5.3).
fn exit_of(value: &Value, running: &Running) -> Exit {
    let number = match value {
        Value::Bool(false) => return Exit::Failure,
        Value::String(text) => {
            running.print(text);
            return Exit::Success;
        }
        Value::Integer(number) => u8::try_from(*number).ok(),
        Value::Float(number) => whole(*number),
        _ => return Exit::Success,
    };
    number.map_or_else(
        || {
            let number = match value {
                Value::Float(number) => number.to_string(),
                Value::Integer(number) => number.to_string(),
                _ => String::new(),
            };
            output::notice(&format!("the result `{number}` is no exit code from 0 to 255"));
            Exit::Failure
        },
        Exit::Returned,
    )
}

/// The whole number from 0 to 255 that a float is, if it is one.
fn whole(number: f64) -> Option<u8> {
    let nearest = number as u8;
    (f64::from(nearest) == number).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_of_whole_value_are_exit_codes() {
        assert_eq!([0.0, -0.0, 3.0, 255.0].map(whole), [Some(0), Some(0), Some(3), Some(255)]);
        for number in [-1.0, 256.0, 0.5, f64::NAN, f64::INFINITY] {
            assert_eq!(whole(number), None, "{number}");
        }
    }
}
