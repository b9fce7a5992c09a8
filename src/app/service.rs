//! One service: what it is, how it is doing, and what follows when its process ends.

use super::application::App;
use super::backoff::{Backoff, End, Next};
use super::entry::{Kind, Lifecycle, Value};
use super::id::EntryId;
use super::values::display_duration;
use crate::lua;
use crate::process::{Encoded, Exit, Failure, Pid};
use crate::scheduler::monotonic_ns;

/// A `process.service`, or a `process.lua` that is started like one.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) id: EntryId,
    pub(crate) process: EntryId,
    pub(crate) host: EntryId,
    pub(crate) args: Encoded,
    pub(crate) lifecycle: Lifecycle,
    backoff: Backoff,
    state: State,
}

/// How a service is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It was not started: something that it requires is missing, or it cannot be.
    NotStarted,
    /// It has a live process.
    Running { pid: Pid, since_ns: u64 },
    /// It failed, and starts again then.
    Restarting { at_ns: u64 },
    /// It is done.
    Exited,
    /// It exited badly, or was given up.
    EndedBadly,
}

impl Service {
    /// The service of that id; none if the entry is of another kind.
    pub(crate) fn new(app: &App, id: &EntryId) -> Option<Self> {
        let entry = app.entry(id.as_str())?;
        let (process, input): (_, &[Value]) = match &entry.kind {
            Kind::Process(_) => (id, &[]),
            Kind::Service(service) => (&service.process, &service.input),
            Kind::Host(_) | Kind::Library(_) => return None,
        };
        let host = app.host_of(&entry.kind)?.clone();
        let lifecycle = entry.kind.lifecycle()?.clone();
        let args: Vec<lua::Value> = input.iter().map(lua_value).collect();
        Some(Self {
            id: id.clone(),
            process: process.clone(),
            host,
            args: lua::encode_values(&args),
            backoff: Backoff::new(&lifecycle),
            lifecycle,
            state: State::NotStarted,
        })
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Its process was spawned.
    pub(crate) fn started(&mut self, pid: Pid, since_ns: u64) {
        self.state = State::Running { pid, since_ns };
        tracing::info!(%pid, entry = %self.id, "service started");
    }

    /// Its process could not be spawned.
    pub(crate) fn failed_to_start(&mut self, failure: &Failure) {
        let next = self.backoff.after(End::of_failure(failure), None, random());
        self.follow(next, Some(failure));
    }

    /// Its process ended.
    pub(crate) fn ended(&mut self, exit: &Exit) {
        if let State::Running { since_ns, .. } = self.state {
            let ran_ns = monotonic_ns().saturating_sub(since_ns);
            let next = self.backoff.after(End::of(exit), Some(ran_ns), random());
            self.follow(next, exit.error.as_ref());
        }
    }

    /// Enters the state that follows an end, and logs it.
    fn follow(&mut self, next: Next, failure: Option<&Failure>) {
        let (entry, why) = (&self.id, failure.map(|failure| failure.text()).unwrap_or_default());
        self.state = match next {
            Next::Exited => {
                tracing::info!(%entry, "service exited");
                State::Exited
            }
            Next::ExitedBadly => {
                tracing::error!(%entry, "service exited with an error: {why}");
                State::EndedBadly
            }
            Next::RestartIn(delay_ns) => {
                let delay = display_duration(delay_ns / 1_000_000 * 1_000_000);
                tracing::warn!(%entry, "service failed, restarts in {delay}: {why}");
                State::Restarting { at_ns: monotonic_ns().saturating_add(delay_ns) }
            }
            Next::GaveUp => {
                let restarts = match self.backoff.n_restarts() {
                    1 => "1 restart".to_owned(),
                    n => format!("{n} restarts"),
                };
                tracing::error!(%entry, "service failed, gave up after {restarts}: {why}");
                State::EndedBadly
            }
        };
    }
}

/// A number from 0 to 1.
fn random() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    // The keys of every `RandomState` differ.
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

/// A value of an entry file, as Lua sees it. A map key is a string there, whatever it looks like.
fn lua_value(value: &Value) -> lua::Value {
    match value {
        Value::Null => lua::Value::Nil,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Str(value) => value.as_str().into(),
        Value::List(list) => lua::Value::Table(lua::Table {
            list: list.iter().map(lua_value).collect(),
            fields: Vec::new(),
        }),
        Value::Map(pairs) => {
            let field = |(key, value): &(String, Value)| (key.as_str().into(), lua_value(value));
            lua::Value::Table(lua::Table {
                list: Vec::new(),
                fields: pairs.iter().map(field).collect(),
            })
        }
    }
}
