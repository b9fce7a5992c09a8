//! The `net` module: TCP for processes.

use super::args::{object_arg, text_arg, text_argument};
use super::module::{Member, Module};
use super::process::{not_sent, resolve};
use super::refused::{fail, succeed};
use super::time::duration_arg;
use crate::lua::cx::Cx;
use crate::lua::net::{
    Address, BadAddress, CHUNK, Fault, ListenOptions, SocketId, TimeLimit, Want,
};
use crate::lua::objects;
use crate::lua::raw::{LuaType, Object, Outcome, Raise, Stack, host};
use crate::process::kind;

/// The module.
#[derive(Debug)]
pub(crate) struct NetModule;

impl Module for NetModule {
    const NAME: &'static str = "net";
    const MEMBERS: &'static [(&'static str, Member)] = &[
        ("listen", Member::Function(host!(poll listen))),
        ("connect", Member::Function(host!(poll connect))),
    ];
}

/// How long `connect` tries without an option.
const CONNECT_TIMEOUT_NS: i64 = 10_000_000_000;

// ---- objects

/// A listener as Lua sees it.
#[derive(Clone, Copy, Debug)]
struct Listener {
    id: SocketId,
}

impl Object for Listener {
    const TAG: u32 = objects::LISTENER;
    const NAME: &'static str = "Listener";
    const N_VALUES: i32 = 0;
    const FINALIZED: bool = true;

    fn garbage(&self) -> Option<u64> {
        Some(self.id.to_bits())
    }
}

/// A connection as Lua sees it.
#[derive(Clone, Copy, Debug)]
struct Conn {
    id: SocketId,
}

impl Object for Conn {
    const TAG: u32 = objects::CONN;
    const NAME: &'static str = "Conn";
    const N_VALUES: i32 = 0;
    const FINALIZED: bool = true;

    fn garbage(&self) -> Option<u64> {
        Some(self.id.to_bits())
    }
}

/// Pushes the object of a listener, of which there is one.
pub(crate) fn push_listener(stack: &Stack, id: SocketId) {
    stack.new_object(Listener { id }, build_listener);
}

/// Pushes the object of a connection, of which there is one.
pub(crate) fn push_conn(stack: &Stack, id: SocketId) {
    stack.new_object(Conn { id }, build_conn);
}

fn build_listener(stack: &Stack) {
    stack.new_table(0, 4);
    stack.set_fn(-1, "accept", host!(poll accept));
    stack.set_fn(-1, "addr", host!(poll listener_addr));
    stack.set_fn(-1, "close", host!(poll close_listener));
    stack.raw_set_field(-2, "__index");
    stack.set_fn(-1, "__close", host!(poll close_listener));
}

fn build_conn(stack: &Stack) {
    stack.new_table(0, 16);
    stack.set_fn(-1, "read", host!(poll read));
    stack.set_fn(-1, "read_exact", host!(poll read_exact));
    stack.set_fn(-1, "read_line", host!(poll read_line));
    stack.set_fn(-1, "write", host!(poll write));
    stack.set_fn(-1, "shutdown", host!(poll shut_down));
    stack.set_fn(-1, "close", host!(poll close_conn));
    stack.set_fn(-1, "give", host!(poll give));
    stack.set_fn(-1, "local_addr", host!(poll local_addr));
    stack.set_fn(-1, "peer_addr", host!(poll peer_addr));
    stack.raw_set_field(-2, "__index");
    stack.set_fn(-1, "__close", host!(poll close_conn));
}

// ---- arguments

fn conn_arg(stack: &Stack) -> Result<SocketId, Raise> {
    object_arg::<Conn>(stack, 1).map(|conn| conn.id)
}

fn listener_arg(stack: &Stack) -> Result<SocketId, Raise> {
    object_arg::<Listener>(stack, 1).map(|listener| listener.id)
}

/// An optional time-out; the error is the text of an Invalid.
fn limit_arg(stack: &Stack, cx: &Cx, n: i32) -> Result<Option<TimeLimit>, String> {
    if stack.is_nil(n) {
        return Ok(None);
    }
    duration_arg(stack, n).map(|timeout_ns| Some(cx.time_limit(timeout_ns)))
}

/// A number of bytes; the inner error is the text of an Invalid.
fn count_arg(stack: &Stack, n: i32, least: i64) -> Result<Result<usize, String>, Raise> {
    if stack.kind(n) != LuaType::Number {
        let what = format!("number expected, got {}", stack.type_name(n));
        return Err(Raise::argument(stack, n, &what));
    }
    let count = stack.integral(n).filter(|count| *count >= least);
    Ok(count.and_then(|count| usize::try_from(count).ok()).ok_or_else(|| {
        let got = stack.number_text(n).unwrap_or_default();
        format!("invalid number of bytes `{got}`: expected an integer from {least}")
    }))
}

/// The address at argument 1, and `<call> <address>` for messages.
fn address_arg(stack: &Stack, call: &str) -> Result<(String, Result<Address, BadAddress>), Raise> {
    let text = text_arg(stack, 1)?;
    let what = format!("{call} {}", String::from_utf8_lossy(&text));
    Ok((what, Address::parse(&text)))
}

/// Gives every field of the optional table at argument 2 to `take`; the error is the text of an
/// Invalid. The field's value is on top of the stack meanwhile.
fn options_arg(
    stack: &Stack,
    mut take: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<(), String> {
    if stack.is_nil(2) {
        return Ok(());
    }
    if stack.kind(2) != LuaType::Table {
        return Err("options parameter must be a table".to_owned());
    }
    stack.push_nil();
    while stack.next(2) {
        take(stack.bytes(-2).unwrap_or_default())?;
        stack.pop(1);
    }
    Ok(())
}

fn unknown_option(name: &[u8]) -> String {
    format!("option {} is not supported", String::from_utf8_lossy(name))
}

/// `nil, err`.
fn failed(stack: &Stack, fault: &Fault) -> Result<Outcome, Raise> {
    stack.push_nil();
    super::errors::push_failure(stack, fault);
    Ok(Outcome::Return(2))
}

/// `true` or `nil, err`.
fn done(stack: &Stack, result: Result<(), Fault>) -> Result<Outcome, Raise> {
    match result {
        Ok(()) => succeed(stack),
        Err(fault) => failed(stack, &fault),
    }
}

/// A text, or `nil, err`.
fn text(stack: &Stack, result: Result<impl ToString, Fault>) -> Result<Outcome, Raise> {
    match result {
        Ok(text) => {
            stack.push_bytes(text.to_string());
            Ok(Outcome::Return(1))
        }
        Err(fault) => failed(stack, &fault),
    }
}

fn invalid(stack: &Stack, text: impl AsRef<str>) -> Result<Outcome, Raise> {
    fail(stack, kind::INVALID, text)
}

// ---- opening

fn listen(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let (what, address) = address_arg(stack, "listen")?;
    let address = match address {
        Ok(address) => address,
        Err(BadAddress(text)) => return invalid(stack, text),
    };
    let mut options = ListenOptions::default();
    let read = options_arg(stack, |name| {
        match name {
            b"backlog" => {
                let backlog = stack.integral(-1).and_then(|n| i32::try_from(n).ok());
                let backlog = backlog.filter(|n| *n >= 1);
                options.backlog = backlog.ok_or("backlog must be a positive integer")?;
            }
            b"reuse_port" => {
                options.reuse_port = stack.boolean(-1).ok_or("reuse_port must be a boolean")?;
            }
            _ => return Err(unknown_option(name)),
        }
        Ok(())
    });
    match read {
        Ok(()) => cx.listen(stack, what, address, options),
        Err(text) => invalid(stack, text),
    }
}

fn connect(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let (what, address) = address_arg(stack, "connect")?;
    let address = match address {
        Ok(address) => address,
        Err(BadAddress(text)) => return invalid(stack, text),
    };
    let mut timeout_ns = CONNECT_TIMEOUT_NS;
    let read = options_arg(stack, |name| match name {
        b"timeout" => duration_arg(stack, stack.top()).map(|ns| timeout_ns = ns),
        _ => Err(unknown_option(name)),
    });
    if let Err(text) = read {
        return invalid(stack, text);
    }
    let limit = cx.time_limit(timeout_ns);
    cx.connect(stack, what, address, limit)
}

// ---- listeners

fn accept(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = listener_arg(stack)?;
    match limit_arg(stack, cx, 2) {
        Ok(limit) => cx.accept(stack, id, limit),
        Err(text) => invalid(stack, text),
    }
}

fn listener_addr(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = listener_arg(stack)?;
    text(stack, cx.listener_addr(id))
}

fn close_listener(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = listener_arg(stack)?;
    cx.close_socket(id);
    succeed(stack)
}

// ---- connections

fn read(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = conn_arg(stack)?;
    let most = match stack.is_nil(2) {
        true => Ok(CHUNK),
        false => count_arg(stack, 2, 1)?,
    };
    match most.and_then(|most| Ok((Want::Some(most), limit_arg(stack, cx, 3)?))) {
        Ok((want, limit)) => cx.read(stack, id, want, "read", limit),
        Err(text) => invalid(stack, text),
    }
}

fn read_exact(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = conn_arg(stack)?;
    let count = count_arg(stack, 2, 0)?;
    // The bytes gather outside of the heap: what could not be given at the end is not begun.
    if count.as_ref().is_ok_and(|count| *count > stack.universe().memory_limit()) {
        return Err(Raise::out_of_memory());
    }
    match count.and_then(|count| Ok((Want::Exact(count), limit_arg(stack, cx, 3)?))) {
        Ok((want, limit)) => cx.read(stack, id, want, "read_exact", limit),
        Err(text) => invalid(stack, text),
    }
}

fn read_line(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = conn_arg(stack)?;
    match limit_arg(stack, cx, 2) {
        Ok(limit) => cx.read(stack, id, Want::Line, "read_line", limit),
        Err(text) => invalid(stack, text),
    }
}

fn write(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = conn_arg(stack)?;
    let bytes = text_argument(stack, 2)?;
    match limit_arg(stack, cx, 3) {
        Ok(limit) => cx.write(stack, id, bytes, limit),
        Err(text) => invalid(stack, text),
    }
}

fn shut_down(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = conn_arg(stack)?;
    done(stack, cx.shut_down(id))
}

fn close_conn(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = conn_arg(stack)?;
    cx.close_socket(id);
    succeed(stack)
}

fn local_addr(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = conn_arg(stack)?;
    text(stack, cx.local_addr(id))
}

fn peer_addr(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = conn_arg(stack)?;
    text(stack, cx.peer_addr(id))
}

fn give(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let id = conn_arg(stack)?;
    let dest = text_arg(stack, 2)?;
    let to = match resolve(cx, &dest) {
        Ok(to) => to,
        Err(refused) => return refused.push(stack),
    };
    match cx.give(id, to) {
        Ok(Ok(())) => succeed(stack),
        Ok(Err(error)) => not_sent(error, to, &dest).push(stack),
        Err(fault) => failed(stack, &fault),
    }
}
