//! Starting processes: `spawn` and its variants, and `exec`, which waits for the result.

use std::sync::Arc;

use super::push_pid;
use super::spawner::Wish;
use crate::lua::api::args::{self, text_argument};
use crate::lua::api::channel::check_wait;
use crate::lua::api::refused::Refused;
use crate::lua::body::LuaBody;
use crate::lua::cx::{Cx, Launch};
use crate::lua::program::{HostEntry, NoProgram};
use crate::lua::raw::{Outcome, Raise, Stack};
use crate::lua::transfer;
use crate::process::{Host, SpawnError, SpawnRequest, Spawned, Watch, kind};
use crate::stash::Shared;

pub(super) fn spawn(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    spawn_variant(stack, cx, "spawn", 1, &Wish::plain(false, false))
}

pub(super) fn spawn_monitored(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let wish = Wish::plain(true, false);
    spawn_variant(stack, cx, "spawn_monitored", 1, &wish)
}

pub(super) fn spawn_linked(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    spawn_variant(stack, cx, "spawn_linked", 1, &Wish::plain(false, true))
}

pub(super) fn spawn_linked_monitored(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let wish = Wish::plain(true, true);
    spawn_variant(stack, cx, "spawn_linked_monitored", 1, &wish)
}

/// Spawns with the id at argument `first`, the host behind it, then the program's arguments.
pub(super) fn spawn_variant(
    stack: &Stack,
    cx: &mut Cx,
    function: &str,
    first: i32,
    wish: &Wish,
) -> Result<Outcome, Raise> {
    let watch = if wish.watch { Watch::Event } else { Watch::No };
    match start(stack, cx, function, first, wish, watch)? {
        Ok(spawned) => {
            push_pid(stack, spawned.pid);
            Ok(Outcome::Return(1))
        }
        Err(refused) => refused.push(stack),
    }
}

/// The checks of a spawn in the order of the specification (section 4.1), then the spawn.
fn start(
    stack: &Stack,
    cx: &mut Cx,
    function: &str,
    first: i32,
    wish: &Wish,
    watch: Watch,
) -> Result<Result<Spawned, Refused>, Raise> {
    if stack.top() < first + 1 {
        let text = format!("{function} requires at least id and host arguments");
        return match wish.is_plain() {
            true => Ok(Err(Refused::new(kind::INVALID, text))),
            false => Err(Raise::Message(text)),
        };
    }
    let id = String::from_utf8_lossy(text_argument(stack, first)?);
    let host_id = String::from_utf8_lossy(text_argument(stack, first + 1)?);
    Ok(start_checked(stack, cx, (&id, &host_id), first + 2, wish, watch))
}

fn start_checked(
    stack: &Stack,
    cx: &mut Cx,
    (id, host_id): (&str, &str),
    first_arg: i32,
    wish: &Wish,
    watch: Watch,
) -> Result<Spawned, Refused> {
    let process = cx.step.get().process;
    let runtime = process.runtime();
    let found = find_program(cx, id);
    if let Err(NoProgram::Missing | NoProgram::OtherKind(_)) = &found {
        return Err(found.err().map(|why| no_program(id, why)).expect("just matched"));
    }
    // The count of references to the own host is not touched: all workers would write to it.
    let other_host;
    let host = if process.host().id() == host_id {
        process.host()
    } else {
        other_host = find_host(cx, host_id)?;
        &other_host
    };
    if host.is_stopping_or_runtime() {
        return Err(stopping(host_id));
    }
    if !host.has_room() {
        return Err(max_processes(host_id));
    }
    let first_arg = first_arg.min(stack.top() + 1);
    let args = transfer::encode(stack, cx, first_arg..stack.top() + 1)
        .map_err(|error| Refused::new(kind::INVALID, error.to_string()))?;
    let launch = found.map_err(|why| no_program(id, why))?;
    let program = &launch.program;
    let limits = wish.limits(&program.limits, &host.config().limits);
    let request = SpawnRequest {
        entry: program.id,
        limits,
        trap_links: wish.trap_links,
        name: wish.name.clone(),
        messages: wish.messages(),
        watch,
        link: wish.link,
        body: Box::new(LuaBody::of(launch, args, limits)),
    };
    let step = cx.step.get();
    let worker = step.worker;
    runtime.spawn(host, request, Some(step), worker).map_err(|error| match error {
        SpawnError::Stopping => stopping(host_id),
        SpawnError::MaxProcesses => max_processes(host_id),
    })
}

/// The program of an entry: the own one, the one that was spawned last, or one of the catalog,
/// whose lock all workers share.
pub(super) fn find_program(cx: &mut Cx, id: &str) -> Result<Shared<Launch>, NoProgram> {
    if id == cx.launch.program.id {
        return Ok(cx.launch.clone());
    }
    if let Some(last) = cx.last_spawned.as_ref().filter(|last| last.program.id == id) {
        return Ok(last.clone());
    }
    let env = &cx.launch.env;
    let launch = Launch::new(env.clone(), env.catalog.program(id)?);
    cx.last_spawned = Some(launch.clone());
    Ok(launch)
}

pub(super) fn no_program(id: &str, why: NoProgram) -> Refused {
    match why {
        NoProgram::Missing if !args::is_entry_id(id) => {
            Refused::new(kind::INVALID, format!("invalid entry id: {id}"))
        }
        NoProgram::Missing => Refused::new(kind::NOT_FOUND, format!("entry not found: {id}")),
        NoProgram::OtherKind(what) => {
            Refused::new(kind::INVALID, format!("entry is not a process: {id} ({what})"))
        }
        NoProgram::Broken(text) => {
            Refused::new(kind::INTERNAL, format!("failed to load script: {text}"))
        }
    }
}

/// A host other than the own one.
fn find_host(cx: &Cx, id: &str) -> Result<Arc<Host>, Refused> {
    match cx.launch.env.catalog.host(id) {
        Some(HostEntry::Running(host)) => Ok(host),
        Some(HostEntry::Stopped) => {
            let text = format!("host is not running: {id}");
            Err(Refused::for_now(kind::UNAVAILABLE, text))
        }
        None => Err(match cx.launch.env.catalog.other_kind(id) {
            Some(what) => {
                Refused::new(kind::INVALID, format!("entry is not a process host: {id} ({what})"))
            }
            None => Refused::new(kind::NOT_FOUND, format!("host not found: {id}")),
        }),
    }
}

fn stopping(host: &str) -> Refused {
    Refused::for_now(kind::UNAVAILABLE, format!("host is shutting down: {host}"))
}

fn max_processes(host: &str) -> Refused {
    Refused::for_now(kind::LIMIT_EXCEEDED, format!("max processes limit exceeded: {host}"))
}

pub(super) fn exec(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    check_wait(stack, "exec")?;
    match start(stack, cx, "exec", 1, &Wish::default(), Watch::Operation)? {
        Ok(spawned) => {
            stack.set_top(0);
            cx.wait_exec(spawned.monitor)
        }
        Err(refused) => refused.push(stack),
    }
}
