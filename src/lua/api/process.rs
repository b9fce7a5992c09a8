//! The `process` module.

use std::sync::Arc;

use super::args::{self, text_arg};
use super::channel::{Channel, Yields, check_wait, push_channel};
use super::errors::{self, push_error};
use super::module::{self, Member, Module};
use super::spawner::{self, Wish};
use super::time::{duration_arg, duration_text};
use crate::lua::body::LuaBody;
use crate::lua::cx::{Cx, Suspend, TakenIn, Upgrade};
use crate::lua::inbox::Role;
use crate::lua::program::{HostEntry, NoProgram, Program};
use crate::lua::raw::ffi::LUA_REGISTRYINDEX as REGISTRY;
use crate::lua::raw::{LuaType, Outcome, Raise, Stack, host};
use crate::lua::timers::{Destination, Fires, Later};
use crate::lua::{registry, transfer};
use crate::process::{
    CallRef, Cancel, Encoded, Failure, Grace, Host, Limits, Message, Pid, Registration, SendError,
    Signal, SpawnError, SpawnRequest, Spawned, Topic, Watch, has_pid_form, kind, name_fault,
    size_text,
};

/// The module.
#[derive(Debug)]
pub(crate) struct ProcessModule;

impl Module for ProcessModule {
    const NAME: &'static str = "process";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("id", Member::Function(host!(poll id))),
        ("pid", Member::Function(host!(poll pid))),
        ("spawn", Member::Function(host!(poll spawn))),
        ("spawn_monitored", Member::Function(host!(poll spawn_monitored))),
        ("spawn_linked", Member::Function(host!(poll spawn_linked))),
        ("spawn_linked_monitored", Member::Function(host!(poll spawn_linked_monitored))),
        ("exec", Member::Function(host!(poll exec))),
        ("send", Member::Function(host!(poll send))),
        ("send_after", Member::Function(host!(poll send_after))),
        ("call", Member::Function(host!(poll call))),
        ("inbox", Member::Function(host!(poll inbox))),
        ("events", Member::Function(host!(poll events))),
        ("listen", Member::Function(host!(poll listen))),
        ("unlisten", Member::Function(host!(poll unlisten))),
        ("monitor", Member::Function(host!(poll monitor))),
        ("unmonitor", Member::Function(host!(poll unmonitor))),
        ("link", Member::Function(host!(poll link))),
        ("unlink", Member::Function(host!(poll unlink))),
        ("cancel", Member::Function(host!(poll cancel))),
        ("terminate", Member::Function(host!(poll terminate))),
        ("get_options", Member::Function(host!(poll get_options))),
        ("set_options", Member::Function(host!(poll set_options))),
        ("with_options", Member::Function(host!(poll spawner::with_options))),
        ("with_name", Member::Function(host!(poll spawner::with_name))),
        ("with_message", Member::Function(host!(poll spawner::with_message))),
        ("upgrade", Member::Function(host!(poll upgrade))),
        ("event", Member::Value(module::open::<Events>)),
        ("registry", Member::Value(module::open::<Registry>)),
    ];
}

/// `process.event`.
pub(super) struct Events;

impl Module for Events {
    const NAME: &'static str = "process.event";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("CANCEL", Member::Text("pid.cancel")),
        ("EXIT", Member::Text("pid.exit")),
        ("LINK_DOWN", Member::Text("pid.link.down")),
    ];
}

/// `process.registry`.
pub(crate) struct Registry;

impl Module for Registry {
    const NAME: &'static str = "process.registry";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("register", Member::Function(host!(poll register))),
        ("lookup", Member::Function(host!(poll lookup))),
        ("unregister", Member::Function(host!(poll unregister))),
        ("LOCAL", Member::Integer(0)),
    ];
}

/// `nil, err`.
pub(super) fn fail(
    stack: &Stack,
    kind: &'static str,
    text: impl AsRef<str>,
) -> Result<Outcome, Raise> {
    Ok(errors::fail(stack, kind, text.as_ref()))
}

/// `nil, err` with `retryable` true.
fn fail_retryable(stack: &Stack, kind: &'static str, text: String) -> Result<Outcome, Raise> {
    stack.push_nil();
    push_error(stack, kind, text, Some(true));
    Ok(Outcome::Return(2))
}

pub(super) fn succeed(stack: &Stack) -> Result<Outcome, Raise> {
    stack.push_bool(true);
    Ok(Outcome::Return(1))
}

/// A failure on its way to `nil, err`.
pub(crate) struct Refused {
    kind: &'static str,
    text: String,
    retryable: bool,
}

impl Refused {
    pub(super) fn new(kind: &'static str, text: impl Into<String>) -> Refused {
        Refused { kind, text: text.into(), retryable: false }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn push(self, stack: &Stack) -> Result<Outcome, Raise> {
        if self.retryable {
            fail_retryable(stack, self.kind, self.text)
        } else {
            fail(stack, self.kind, self.text)
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

// ---- identity

fn id(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    stack.push_bytes(cx.program.id.as_bytes());
    Ok(Outcome::Return(1))
}

fn pid(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    if stack.raw_get_int(REGISTRY, registry::PID) != LuaType::String {
        stack.pop(1);
        stack.push_bytes(cx.pid().to_string());
        stack.push_value(-1);
        stack.raw_set_int(REGISTRY, registry::PID);
    }
    Ok(Outcome::Return(1))
}

pub(crate) fn push_pid(stack: &Stack, pid: Pid) {
    stack.push_bytes(pid.to_string());
}

// ---- destinations

/// The live process that a destination text names (specification of processes, section 2.1).
pub(crate) fn resolve(cx: &Cx, dest: &[u8]) -> Result<Pid, Refused> {
    let runtime = cx.process().runtime();
    if has_pid_form(dest) {
        let found = runtime.parse_pid(dest);
        return found.ok_or_else(|| not_found(dest));
    }
    let name = std::str::from_utf8(dest).ok();
    name.and_then(|name| runtime.lookup(name)).ok_or_else(|| {
        let dest = text(dest);
        Refused::new(
            kind::NOT_FOUND,
            format!("could not resolve '{dest}' as PID or registered name"),
        )
    })
}

fn not_found(pid: &[u8]) -> Refused {
    Refused::new(kind::NOT_FOUND, format!("process not found: {}", text(pid)))
}

/// Argument 1 of the calls that act on another process.
fn destination_arg(stack: &Stack, cx: &Cx, function: &str) -> Result<Result<Pid, Refused>, Raise> {
    if stack.is_nil(1) {
        let text = format!("{function} requires a destination argument");
        return Ok(Err(Refused::new(kind::INVALID, text)));
    }
    let dest = text_arg(stack, 1)?;
    Ok(resolve(cx, &dest))
}

// ---- spawning

fn spawn(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    spawn_variant(stack, cx, "spawn", 1, &Wish::plain(false, false))
}

fn spawn_monitored(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let wish = Wish::plain(true, false);
    spawn_variant(stack, cx, "spawn_monitored", 1, &wish)
}

fn spawn_linked(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    spawn_variant(stack, cx, "spawn_linked", 1, &Wish::plain(false, true))
}

fn spawn_linked_monitored(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
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
    let id = text_arg(stack, first)?;
    let host_id = text_arg(stack, first + 1)?;
    Ok(start_checked(stack, cx, (&text(&id), &text(&host_id)), first + 2, wish, watch))
}

fn start_checked(
    stack: &Stack,
    cx: &mut Cx,
    (id, host_id): (&str, &str),
    first_arg: i32,
    wish: &Wish,
    watch: Watch,
) -> Result<Spawned, Refused> {
    let found = find_program(cx, id);
    if let Err(NoProgram::Missing | NoProgram::OtherKind(_)) = &found {
        return Err(found.err().map(|why| no_program(id, why)).expect("just matched"));
    }
    let host = find_host(cx, host_id)?;
    if host.is_stopping_or(cx.process().runtime()) {
        return Err(stopping(host_id));
    }
    if !host.has_room() {
        return Err(max_processes(host_id));
    }
    let first_arg = first_arg.min(stack.top() + 1);
    let args = transfer::encode(stack, first_arg..stack.top() + 1)
        .map_err(|error| Refused::new(kind::INVALID, error.to_string()))?;
    let program = found.map_err(|why| no_program(id, why))?;
    let limits = wish.limits(&program.limits, &host.config().limits);
    let body = LuaBody::new(cx.env.clone(), program.clone(), args, limits);
    let request = SpawnRequest {
        entry: program.id.clone(),
        body: Box::new(body),
        limits,
        trap_links: wish.trap_links,
        name: wish.name.clone(),
        messages: wish.messages(),
        watch,
        link: wish.link,
    };
    let runtime = cx.process().runtime().clone();
    let step = cx.step.get();
    let worker = step.worker;
    runtime.spawn(&host, request, Some(step), worker).map_err(|error| match error {
        SpawnError::Stopping => stopping(host_id),
        SpawnError::MaxProcesses => max_processes(host_id),
    })
}

fn find_program(cx: &Cx, id: &str) -> Result<Arc<Program>, NoProgram> {
    if Some(id) == Some(&*cx.program.id) {
        return Ok(cx.env.catalog.program(id).unwrap_or_else(|_| cx.program.clone()));
    }
    cx.env.catalog.program(id)
}

fn no_program(id: &str, why: NoProgram) -> Refused {
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

fn find_host(cx: &Cx, id: &str) -> Result<Arc<Host>, Refused> {
    let own = cx.process().host();
    if own.id() == id {
        return Ok(own.clone());
    }
    match cx.env.catalog.host(id) {
        Some(HostEntry::Running(host)) => Ok(host),
        Some(HostEntry::Stopped) => {
            let mut refused = Refused::new(kind::UNAVAILABLE, format!("host is not running: {id}"));
            refused.retryable = true;
            Err(refused)
        }
        None => Err(match cx.env.catalog.other_kind(id) {
            Some(what) => {
                Refused::new(kind::INVALID, format!("entry is not a process host: {id} ({what})"))
            }
            None => Refused::new(kind::NOT_FOUND, format!("host not found: {id}")),
        }),
    }
}

fn stopping(host: &str) -> Refused {
    let text = format!("host is shutting down: {host}");
    Refused { kind: kind::UNAVAILABLE, text, retryable: true }
}

fn max_processes(host: &str) -> Refused {
    let text = format!("max processes limit exceeded: {host}");
    Refused { kind: kind::LIMIT_EXCEEDED, text, retryable: true }
}

/// The limits of a process: the first of builder, entry and host that says something.
pub(crate) fn limits(builder: &Limits, entry: &Limits, host: &Limits) -> Limits {
    Limits {
        memory_bytes: builder.memory_bytes.or(entry.memory_bytes).or(host.memory_bytes),
        mailbox: builder.mailbox.or(entry.mailbox).or(host.mailbox),
    }
}

fn exec(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    check_wait(stack, "exec")?;
    match start(stack, cx, "exec", 1, &Wish::default(), Watch::Operation)? {
        Ok(spawned) => {
            stack.set_top(0);
            cx.wait_exec(spawned.monitor)
        }
        Err(refused) => refused.push(stack),
    }
}

fn upgrade(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    check_wait(stack, "upgrade")?;
    let id = match stack.is_nil(1) {
        true => cx.program.id.to_string(),
        false => text(&text_arg(stack, 1)?),
    };
    let first = 2.min(stack.top() + 1);
    let args = match transfer::encode(stack, stack.rest(first)) {
        Ok(args) => args,
        Err(error) => return fail(stack, kind::INVALID, error.to_string()),
    };
    match find_program(cx, &id) {
        Ok(program) => {
            cx.suspend = Suspend::Upgrade(Box::new(Upgrade { program, args }));
            Ok(Outcome::Suspend(0))
        }
        Err(why) => {
            let cause = no_program(&id, why).text;
            let failure = Failure::new(kind::INTERNAL, format!("upgrade: create failed: {cause}"));
            cx.step.get().state.kill(failure);
            Ok(Outcome::Die)
        }
    }
}

// ---- sending

fn send(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    if stack.top() < 2 {
        let text = "send requires at least destination and topic arguments";
        return fail(stack, kind::INVALID, text);
    }
    let dest = text_arg(stack, 1)?;
    let topic = text_arg(stack, 2)?;
    if topic.first() == Some(&b'@') {
        return fail(stack, kind::INVALID, "cannot send to @ topics");
    }
    let to = match resolve(cx, &dest) {
        Ok(to) => to,
        Err(refused) => return refused.push(stack),
    };
    let payload = match payload_args(stack, 3) {
        Ok(payload) => payload,
        Err(refused) => return refused.push(stack),
    };
    let topic = Topic::from_slice(&topic);
    match post(cx, to, &dest, topic, payload, None) {
        Ok(()) => succeed(stack),
        Err(refused) => refused.push(stack),
    }
}

/// Encodes the payload arguments from `first` on.
pub(super) fn payload_args(stack: &Stack, first: i32) -> Result<Encoded, Refused> {
    if stack.top() < first {
        return Ok(Encoded::default());
    }
    transfer::encode(stack, stack.rest(first))
        .map_err(|error| Refused::new(kind::INVALID, error.to_string()))
}

fn post(
    cx: &Cx,
    to: Pid,
    dest: &[u8],
    topic: Topic,
    payload: Encoded,
    call: Option<CallRef>,
) -> Result<(), Refused> {
    let message = Message { topic, from: Some(cx.pid()), payload, call, attachment: None };
    let step = cx.step.get();
    let sent = step.runtime().send(to, message, step.worker);
    sent.map_err(|error| not_sent(error, to, dest))
}

/// What tells a program that its message to `to`, which it called `dest`, was not queued.
pub(super) fn not_sent(error: SendError, to: Pid, dest: &[u8]) -> Refused {
    match error {
        SendError::NotFound if has_pid_form(dest) => not_found(dest),
        SendError::NotFound => not_found(to.to_string().as_bytes()),
        SendError::TooLarge(bytes) => {
            let size = size_text(bytes as u64);
            Refused::new(kind::LIMIT_EXCEEDED, format!("message too large: {size}"))
        }
        SendError::Full => {
            let text = "mailbox full".to_owned();
            Refused { kind: kind::RATE_LIMITED, text, retryable: true }
        }
    }
}

fn send_after(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    if stack.top() < 3 {
        let text = "send_after requires at least duration, destination and topic arguments";
        return fail(stack, kind::INVALID, text);
    }
    let delay = match duration_arg(stack, 1) {
        Ok(delay) => delay,
        Err(text) => return fail(stack, kind::INVALID, text),
    };
    let dest = text_arg(stack, 2)?;
    let topic = text_arg(stack, 3)?;
    if topic.first() == Some(&b'@') {
        return fail(stack, kind::INVALID, "cannot send to @ topics");
    }
    let to = match resolve(cx, &dest) {
        Ok(to) => to,
        Err(refused) => return refused.push(stack),
    };
    let payload = match payload_args(stack, 4) {
        Ok(payload) => payload,
        Err(refused) => return refused.push(stack),
    };
    let to = match std::str::from_utf8(&dest) {
        Ok(name) if !has_pid_form(&dest) => Destination::Name(name.into()),
        _ => Destination::Pid(to),
    };
    cx.check_room(stack)?;
    let later = Later { to, topic: Topic::from_slice(&topic), payload };
    let at_ns = cx.now_ns().saturating_add(delay.max(0).unsigned_abs());
    let token = cx.start_timer(at_ns, Fires::Send(Box::new(later)));
    super::time::push_timer(stack, token, None);
    Ok(Outcome::Return(1))
}

impl Cx {
    /// A delayed message is due; one that nobody can receive any more is dropped.
    pub(crate) fn send_later(&mut self, later: Later) {
        let step = self.step.get();
        let to = match later.to {
            Destination::Pid(pid) => Some(pid),
            Destination::Name(name) => step.runtime().lookup(&name),
        };
        if let Some(to) = to {
            let from = Some(step.process.pid());
            let (topic, payload) = (later.topic, later.payload);
            let message = Message { topic, from, payload, call: None, attachment: None };
            let _ = step.runtime().send(to, message, step.worker);
        }
    }
}

const CALL_TIMEOUT_NS: i64 = 5_000_000_000;

fn call(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    if stack.top() < 2 {
        let text = "call requires at least destination and topic arguments";
        return fail(stack, kind::INVALID, text);
    }
    check_wait(stack, "call")?;
    let dest = text_arg(stack, 1)?;
    let topic = text_arg(stack, 2)?;
    if topic.first() == Some(&b'@') {
        return fail(stack, kind::INVALID, "cannot send to @ topics");
    }
    let timeout = match stack.is_nil(4) {
        true => CALL_TIMEOUT_NS,
        false => match duration_arg(stack, 4) {
            Ok(timeout) => timeout,
            Err(text) => return fail(stack, kind::INVALID, text),
        },
    };
    stack.set_top(3);
    match begin_call(stack, cx, &dest, &topic, timeout) {
        Ok((id, watch)) => {
            let at_ns = cx.now_ns().saturating_add(timeout.max(0).unsigned_abs());
            let timer = cx.start_timer(at_ns, Fires::GiveUp { operation: id });
            cx.wait_call(id, watch, timer, duration_text(timeout))
        }
        Err(refused) => refused.push(stack),
    }
}

/// Watches the target, then sends; gives the numbers of the call and of the watch.
fn begin_call(
    stack: &Stack,
    cx: &mut Cx,
    dest: &[u8],
    topic: &[u8],
    _timeout: i64,
) -> Result<(u64, u64), Refused> {
    let to = resolve(cx, dest)?;
    let payload = payload_args(stack, 3)?;
    let id = cx.operations.next_id();
    let watch = cx.step.get().watch(to).ok_or_else(|| not_found(to.to_string().as_bytes()))?;
    let call = CallRef { caller: cx.pid(), id };
    if let Err(refused) = post(cx, to, dest, Topic::from_slice(topic), payload, Some(call)) {
        cx.step.get().unwatch(watch);
        return Err(refused);
    }
    Ok((id, watch))
}

/// Answers a call: false when the caller has ended. One that has given up lets the answer go.
pub(crate) fn answer(cx: &Cx, call: CallRef, result: Result<Encoded, Box<Failure>>) -> bool {
    let step = cx.step.get();
    step.runtime().signal(call.caller, Signal::Reply { id: call.id, result }, step.worker)
}

// ---- receiving

fn inbox(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = cx.inbox.open_inbox(&mut cx.channels);
    push_single(stack, registry::INBOX, || {
        push_channel(stack, id, Yields::Messages(Role::Inbox));
    })
}

fn events(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = cx.inbox.open_events(&mut cx.channels);
    push_single(stack, registry::EVENTS, || push_channel(stack, id, Yields::Events))
}

/// Pushes the object in a registry slot, made on first use.
fn push_single(stack: &Stack, slot: i64, make: impl FnOnce()) -> Result<Outcome, Raise> {
    if stack.raw_get_int(REGISTRY, slot) != LuaType::Userdata {
        stack.pop(1);
        make();
        stack.push_value(-1);
        stack.raw_set_int(REGISTRY, slot);
    }
    Ok(Outcome::Return(1))
}

fn listen(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let topic = text_arg(stack, 1)?;
    match topic.first() {
        None => return fail(stack, kind::INVALID, "topic cannot be empty"),
        Some(b'@') => return fail(stack, kind::INVALID, "cannot listen to @ topics"),
        Some(_) => {}
    }
    let messages = stack.kind(2) == LuaType::Table && {
        stack.raw_get_field(2, "message");
        stack.boolean(-1) == Some(true)
    };
    push_listen_table(stack);
    stack.push_bytes(&topic);
    if stack.raw_get(-2) == LuaType::Userdata {
        if messages && let Some(channel) = stack.object::<Channel>(-1) {
            let yields = Yields::Messages(Role::Listen);
            stack.set_object(-1, Channel { yields, ..channel });
        }
        return Ok(Outcome::Return(1));
    }
    stack.pop(1);
    let yields = if messages { Yields::Messages(Role::Listen) } else { Yields::Payloads };
    let id = cx.inbox.open_listen(&mut cx.channels, Topic::from_slice(&topic));
    push_channel(stack, id, yields);
    stack.push_bytes(&topic);
    stack.push_value(-2);
    stack.raw_set(-4);
    Ok(Outcome::Return(1))
}

fn push_listen_table(stack: &Stack) {
    if stack.raw_get_int(REGISTRY, registry::LISTEN) != LuaType::Table {
        stack.pop(1);
        stack.new_table(0, 1);
        stack.push_value(-1);
        stack.raw_set_int(REGISTRY, registry::LISTEN);
    }
}

fn unlisten(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let Some(channel) = stack.object::<Channel>(1) else {
        let what = format!("channel expected, got {}", stack.type_name(1));
        return Err(Raise::argument(stack, 1, &what));
    };
    let Some((role, topic)) = cx.inbox.close(&mut cx.channels, channel.id) else {
        stack.push_bool(false);
        push_error(stack, kind::NOT_FOUND, "channel not found", Some(false));
        return Ok(Outcome::Return(2));
    };
    match (role, topic) {
        (Role::Listen, Some(topic)) => {
            push_listen_table(stack);
            stack.push_bytes(&topic);
            stack.push_nil();
            stack.raw_set(-3);
        }
        (Role::Events, _) => clear_slot(stack, registry::EVENTS),
        _ => clear_slot(stack, registry::INBOX),
    }
    succeed(stack)
}

fn clear_slot(stack: &Stack, slot: i64) {
    stack.push_nil();
    stack.raw_set_int(REGISTRY, slot);
}

// ---- monitors and links

fn monitor(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let target = match destination_arg(stack, cx, "monitor")? {
        Ok(target) => target,
        Err(refused) => return refused.push(stack),
    };
    cx.check_room(stack)?;
    let step = cx.step.get();
    if step.is_monitoring(target) {
        return fail(stack, kind::ALREADY_EXISTS, format!("already monitoring {target}"));
    }
    match step.monitor(target) {
        true => succeed(stack),
        false => not_found(target.to_string().as_bytes()).push(stack),
    }
}

fn unmonitor(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    match past_destination(stack, cx, "unmonitor")? {
        Ok(Some(target)) => cx.step.get().demonitor(target),
        Ok(None) => {}
        Err(refused) => return refused.push(stack),
    }
    succeed(stack)
}

/// A destination that may be dead: only a name must still resolve.
fn past_destination(
    stack: &Stack,
    cx: &Cx,
    function: &str,
) -> Result<Result<Option<Pid>, Refused>, Raise> {
    if !stack.is_nil(1) && has_pid_form(&text_arg(stack, 1)?) {
        return Ok(Ok(destination_arg(stack, cx, function)?.ok()));
    }
    Ok(destination_arg(stack, cx, function)?.map(Some))
}

fn link(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let target = match destination_arg(stack, cx, "link")? {
        Ok(target) => target,
        Err(refused) => return refused.push(stack),
    };
    cx.check_room(stack)?;
    match cx.step.get().link(target) {
        true => succeed(stack),
        false => not_found(target.to_string().as_bytes()).push(stack),
    }
}

fn unlink(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    match past_destination(stack, cx, "unlink")? {
        Ok(Some(target)) => cx.step.get().unlink(target),
        Ok(None) => {
            // The peer has ended; a LINK_DOWN of it that is still on its way must not kill either.
            if let Some((_, serial)) = crate::process::parse_pid_text(&text_arg(stack, 1)?) {
                cx.step.get().forget_link(serial);
            }
        }
        Err(refused) => return refused.push(stack),
    }
    succeed(stack)
}

// ---- options

fn get_options(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    stack.new_table(0, 1);
    stack.push_bool(cx.step.get().state.trap_links);
    stack.raw_set_field(-2, "trap_links");
    Ok(Outcome::Return(1))
}

fn set_options(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    match read_options(stack) {
        Ok(Some(trap_links)) => cx.step.get().state.trap_links = trap_links,
        Ok(None) => {}
        Err(text) => {
            stack.push_bool(false);
            push_error(stack, kind::INVALID, &text, Some(false));
            return Ok(Outcome::Return(2));
        }
    }
    succeed(stack)
}

fn read_options(stack: &Stack) -> Result<Option<bool>, String> {
    if stack.kind(1) != LuaType::Table {
        return Err("options parameter must be a table".to_owned());
    }
    let mut trap_links = None;
    stack.push_nil();
    while stack.next(1) {
        match stack.bytes(-2) {
            Some(b"trap_links") => {
                let value = stack.boolean(-1).ok_or("trap_links must be a boolean")?;
                trap_links = Some(value);
            }
            Some(key) => return Err(format!("option {} is not supported", text(key))),
            None => {}
        }
        stack.pop(1);
    }
    Ok(trap_links)
}

// ---- ends

fn terminate(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let target = match destination_arg(stack, cx, "terminate")? {
        Ok(target) => target,
        Err(refused) => return refused.push(stack),
    };
    if target == cx.pid() {
        cx.step.get().state.kill(Failure::terminated());
        return Ok(Outcome::Die);
    }
    let step = cx.step.get();
    match step.runtime().kill(target, Failure::terminated(), step.worker) {
        true => succeed(stack),
        false => not_found(target.to_string().as_bytes()).push(stack),
    }
}

fn cancel(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let target = match destination_arg(stack, cx, "cancel")? {
        Ok(target) => target,
        Err(refused) => return refused.push(stack),
    };
    let request = match super::cancel::read(stack, 2) {
        Ok(request) => request,
        Err(text) => return fail(stack, kind::INVALID, text),
    };
    let (now_ns, step) = (cx.now_ns(), cx.step.get());
    let at_ns = step.worker.wall_ns();
    if request.grace_ns == Some(0) {
        let failure = cancel_failure(0, &request.reason);
        if target == step.process.pid() {
            step.state.kill(failure);
            return Ok(Outcome::Die);
        }
        return match step.runtime().kill(target, failure, step.worker) {
            true => succeed(stack),
            false => not_found(target.to_string().as_bytes()).push(stack),
        };
    }
    let grace = request.grace_ns.map(|grace_ns| Grace {
        at_ns: now_ns.saturating_add(grace_ns),
        wall_ns: at_ns + i128::from(grace_ns),
        failure: Some(cancel_failure(grace_ns, &request.reason)),
    });
    let from = Some(step.process.pid());
    let cancel = Cancel { from, reason: request.reason, at_ns, grace };
    if !step.runtime().signal(target, Signal::Cancel(Box::new(cancel)), step.worker) {
        return not_found(target.to_string().as_bytes()).push(stack);
    }
    if target == cx.pid() && cx.take_in(stack) == TakenIn::Die {
        return Ok(Outcome::Die);
    }
    succeed(stack)
}

fn cancel_failure(grace_ns: u64, reason: &[u8]) -> Failure {
    let span = duration_text(i64::try_from(grace_ns).unwrap_or(i64::MAX));
    let mut message =
        format!("process terminated: cancel deadline of {span} exceeded").into_bytes();
    if !reason.is_empty() {
        message.extend_from_slice(b": ");
        message.extend_from_slice(reason);
    }
    Failure::new(kind::CANCELED, message)
}

// ---- names

fn register(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let name = text_arg(stack, 1)?;
    if let Some(fault) = name_fault(&name) {
        return fail(stack, kind::INVALID, fault);
    }
    let pid = match stack.kind(2) {
        LuaType::None | LuaType::Nil => cx.pid(),
        LuaType::String => {
            let wanted = stack.bytes(2).unwrap_or_default();
            if !has_pid_form(wanted) {
                return fail(stack, kind::INVALID, format!("invalid pid: {}", text(wanted)));
            }
            match cx.process().runtime().parse_pid(wanted) {
                Some(pid) => pid,
                None => return not_found(wanted).push(stack),
            }
        }
        _ => return fail(stack, kind::INVALID, "pid must be a string"),
    };
    if !stack.is_nil(3) && stack.integral(3) != Some(0) {
        return fail(stack, kind::INVALID, "scope is not supported");
    }
    cx.check_room(stack)?;
    let name = text(&name);
    match cx.process().runtime().register(&name, pid) {
        Registration::Done => succeed(stack),
        Registration::Taken => fail(stack, kind::ALREADY_EXISTS, "name already registered"),
        Registration::NotFound => not_found(pid.to_string().as_bytes()).push(stack),
    }
}

fn lookup(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let name = text_arg(stack, 1)?;
    match cx.process().runtime().lookup(&text(&name)) {
        Some(pid) => {
            push_pid(stack, pid);
            Ok(Outcome::Return(1))
        }
        None => fail(stack, kind::NOT_FOUND, "name not registered"),
    }
}

fn unregister(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let name = text_arg(stack, 1)?;
    let freed = cx.process().runtime().unregister(&text(&name));
    stack.push_bool(freed);
    Ok(Outcome::Return(1))
}
