//! The spawner builder: what `process.with_options`, `with_name` and `with_message` give. Every
//! builder is immutable; each method gives a new one with one wish more.

use slab::Slab;

use super::send::payload_args;
use super::spawn::spawn_variant;
use crate::lua::api::args::{object_arg, text_arg};
use crate::lua::cx::Cx;
use crate::lua::objects;
use crate::lua::raw::{LuaType, Object, Outcome, Raise, Stack, host};
use crate::process::{
    Encoded, Limits, MailboxLimit, Message, Name, OnFull, Topic, name_fault, parse_size,
};

/// What a spawn is asked for besides the program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(super) watch: bool,
    pub(super) link: bool,
    pub(super) trap_links: bool,
    pub(super) name: Option<Name>,
    limits: Limits,
    messages: Vec<(Topic, Encoded)>,
    /// Made by a builder, whose final call raises where the plain one returns an error.
    built: bool,
}

impl Wish {
    /// What the functions of the module ask for.
    pub(super) fn plain(watch: bool, link: bool) -> Wish {
        Wish { watch, link, ..Wish::default() }
    }

    pub(super) fn is_plain(&self) -> bool {
        !self.built
    }

    /// The limits of a process: the first of builder, entry and host that says something.
    pub(super) fn limits(&self, entry: &Limits, host: &Limits) -> Limits {
        let wished = &self.limits;
        Limits {
            memory_bytes: wished.memory_bytes.or(entry.memory_bytes).or(host.memory_bytes),
            mailbox: wished.mailbox.or(entry.mailbox).or(host.mailbox),
        }
    }

    pub(super) fn messages(&self) -> Vec<Message> {
        let message = |(topic, payload): &(Topic, Encoded)| Message {
            topic: topic.clone(),
            from: None,
            payload: payload.clone(),
            call: None,
            attachment: None,
        };
        self.messages.iter().map(message).collect()
    }

    fn message_bytes(&self) -> usize {
        let bytes = |(topic, payload): &(Topic, Encoded)| {
            size_of::<(Topic, Encoded)>() + topic.len() + payload.size_bytes()
        };
        self.messages.iter().map(bytes).sum()
    }
}

/// The wishes behind the builders of a process, and what their messages take.
#[derive(Debug, Default)]
pub(crate) struct Spawners {
    wishes: Slab<Wish>,
    message_bytes: usize,
}

impl Spawners {
    pub(crate) fn len(&self) -> usize {
        self.wishes.len()
    }

    /// Bytes of the messages of all of them: each has its own copies.
    pub(crate) fn message_bytes(&self) -> usize {
        self.message_bytes
    }

    fn insert(&mut self, wish: Wish) -> u64 {
        self.message_bytes += wish.message_bytes();
        self.wishes.insert(wish) as u64
    }

    fn wish(&self, id: u64) -> &Wish {
        &self.wishes[id as usize]
    }

    /// Nobody can reach the builder any more.
    pub(crate) fn release(&mut self, id: u64) {
        if let Some(wish) = self.wishes.try_remove(id as usize) {
            self.message_bytes -= wish.message_bytes();
        }
    }
}

/// A builder as Lua sees it: the number of its wish.
#[derive(Clone, Copy, Debug)]
struct Spawner(u64);

impl Object for Spawner {
    const TAG: u32 = objects::SPAWNER;
    const NAME: &'static str = "process.Spawner";
    const N_VALUES: i32 = 0;
    const FINALIZED: bool = true;

    fn garbage(&self) -> Option<u64> {
        Some(self.0)
    }
}

fn build_spawner(stack: &Stack) {
    stack.new_table(0, 8);
    stack.set_fn(-1, "with_options", host!(poll with_options));
    stack.set_fn(-1, "with_name", host!(poll with_name));
    stack.set_fn(-1, "with_message", host!(poll with_message));
    stack.set_fn(-1, "spawn", host!(poll spawn));
    stack.set_fn(-1, "spawn_monitored", host!(poll spawn_monitored));
    stack.set_fn(-1, "spawn_linked", host!(poll spawn_linked));
    stack.set_fn(-1, "spawn_linked_monitored", host!(poll spawn_linked_monitored));
    stack.raw_set_field(-2, "__index");
}

fn push(stack: &Stack, cx: &mut Cx, wish: Wish) -> Result<Outcome, Raise> {
    cx.check_room(stack)?;
    let id = cx.spawners.insert(wish);
    stack.new_object(Spawner(id), build_spawner);
    Ok(Outcome::Return(1))
}

/// The builder that a method was called on, and where its arguments begin; a plain function of the
/// module starts from nothing.
fn base(stack: &Stack, cx: &Cx) -> (Wish, i32) {
    match stack.object::<Spawner>(1) {
        Some(Spawner(id)) => (cx.spawners.wish(id).clone(), 2),
        None => (Wish { built: true, ..Wish::default() }, 1),
    }
}

pub(super) fn with_options(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let (mut wish, arg) = base(stack, cx);
    if stack.kind(arg) != LuaType::Table {
        let what = format!("table expected, got {}", stack.type_name(arg));
        return Err(Raise::argument(stack, arg, &what));
    }
    stack.push_nil();
    while stack.next(arg) {
        let Some(key) = stack.bytes(-2) else {
            let got = stack.type_name(-2);
            return Err(Raise::Message(format!("names of options must be strings, got a {got}")));
        };
        let key = String::from_utf8_lossy(key).into_owned();
        read_option(stack, &key, &mut wish).map_err(Raise::Message)?;
        stack.pop(1);
    }
    push(stack, cx, wish)
}

/// Takes the option whose value is on top.
fn read_option(stack: &Stack, key: &str, wish: &mut Wish) -> Result<(), String> {
    match key {
        "trap_links" => {
            wish.trap_links = stack.boolean(-1).ok_or("trap_links must be a boolean")?;
        }
        "memory_limit" => {
            let bytes = read_size(stack).filter(|bytes| *bytes > 0);
            let bytes = bytes.ok_or("memory_limit must be a size such as 64MB")?;
            wish.limits.memory_bytes = Some(bytes);
        }
        "mailbox" => wish.limits.mailbox = Some(read_mailbox(stack)?),
        _ => return Err(format!("option {key} is not supported")),
    }
    Ok(())
}

fn read_size(stack: &Stack) -> Option<u64> {
    match stack.bytes(-1) {
        Some(text) => parse_size(std::str::from_utf8(text).ok()?),
        None => stack.integral(-1).and_then(|bytes| u64::try_from(bytes).ok()),
    }
}

fn read_mailbox(stack: &Stack) -> Result<MailboxLimit, String> {
    if stack.kind(-1) != LuaType::Table {
        return Err("mailbox must be a table".to_owned());
    }
    let mut limit = MailboxLimit { max_messages: u64::MAX, on_full: OnFull::Reject };
    let table = stack.abs(-1);
    stack.push_nil();
    while stack.next(table) {
        match stack.bytes(-2) {
            Some(b"max_messages") => {
                let n = stack.integral(-1).and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
                limit.max_messages = n.ok_or("max_messages must be a positive integer")?;
            }
            Some(b"on_full") => {
                limit.on_full = match stack.bytes(-1) {
                    Some(b"reject") => OnFull::Reject,
                    Some(b"drop_new") => OnFull::DropNew,
                    Some(b"drop_old") => OnFull::DropOld,
                    Some(b"kill") => OnFull::Kill,
                    _ => {
                        return Err("on_full must be reject, drop_new, drop_old or kill".to_owned());
                    }
                };
            }
            Some(key) => {
                let key = String::from_utf8_lossy(key);
                return Err(format!("option mailbox.{key} is not supported"));
            }
            None => {
                let got = stack.type_name(-2);
                return Err(format!("names of mailbox options must be strings, got a {got}"));
            }
        }
        stack.pop(1);
    }
    Ok(limit)
}

pub(super) fn with_name(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let (mut wish, arg) = base(stack, cx);
    let name = text_arg(stack, arg)?;
    if let Some(fault) = name_fault(&name) {
        return Err(Raise::Message(fault));
    }
    wish.name = Some(String::from_utf8_lossy(&name).into());
    push(stack, cx, wish)
}

pub(super) fn with_message(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let (mut wish, arg) = base(stack, cx);
    let topic = text_arg(stack, arg)?;
    match topic.first() {
        None => return Err(Raise::Message("topic cannot be empty".to_owned())),
        Some(b'@') => return Err(Raise::Message("cannot send to @ topics".to_owned())),
        Some(_) => {}
    }
    let payload =
        payload_args(stack, cx, arg + 1).map_err(|refused| Raise::Message(refused.into_text()))?;
    wish.messages.push((Topic::from_slice(&topic), payload));
    push(stack, cx, wish)
}

fn spawn(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    finish(stack, cx, "spawn", false, false)
}

fn spawn_monitored(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    finish(stack, cx, "spawn_monitored", true, false)
}

fn spawn_linked(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    finish(stack, cx, "spawn_linked", false, true)
}

fn spawn_linked_monitored(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    finish(stack, cx, "spawn_linked_monitored", true, true)
}

fn finish(
    stack: &Stack,
    cx: &mut Cx,
    function: &str,
    watch: bool,
    link: bool,
) -> Result<Outcome, Raise> {
    let Spawner(id) = object_arg(stack, 1)?;
    let wish = Wish { watch, link, ..cx.spawners.wish(id).clone() };
    spawn_variant(stack, cx, function, 2, &wish)
}
