//! What one actor did and saw, and the rules that what it sees is judged by.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::body::{Event, Step};
use super::super::signal::MonitorKey;
use super::super::state::Relations;
use super::super::{Exit, Failure, Letter, Pid, Serial, Sink};
use super::{Stamp, World, killer, lock};
use crate::process::Encoded;
use crate::scheduler::{Readiness, TimerId};

/// Something that came out of the mailbox.
pub(super) enum Seen {
    Message(Letter),
    Event(Event),
    Watched {
        id: u64,
        from: Pid,
    },
    Timer {
        token: u64,
        at_ns: u64,
    },
    /// Nothing of that kind was ever sent.
    Unknown(&'static str),
}

/// Takes everything as it comes.
#[derive(Default)]
pub(super) struct Inbox(pub(super) Vec<Seen>);

impl Sink for Inbox {
    fn message(&mut self, message: Letter) {
        self.0.push(Seen::Message(message));
    }

    fn event(&mut self, event: Event) {
        self.0.push(Seen::Event(event));
    }

    fn timer(&mut self, token: u64, at_ns: u64) {
        self.0.push(Seen::Timer { token, at_ns });
    }

    fn io(&mut self, _token: u64, _ready: Readiness) {
        self.0.push(Seen::Unknown("io"));
    }

    fn reply(&mut self, _id: u64, _result: Result<Encoded, Box<Failure>>) {
        self.0.push(Seen::Unknown("reply"));
    }

    fn watched_exit(&mut self, id: u64, from: Pid, _exit: &Exit) {
        self.0.push(Seen::Watched { id, from });
    }

    fn done(&mut self, _id: u64, _result: Box<dyn std::any::Any + Send>) {
        self.0.push(Seen::Unknown("done"));
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    /// Signals that were queued, by receiver.
    sent: FxHashMap<Serial, u64>,
    /// The number of the last signal, by sender.
    received: FxHashMap<Serial, u64>,
    /// Monitors of the program.
    pub(super) monitors: FxHashSet<Serial>,
    /// Monitors on its account, by number.
    pub(super) watches: BTreeMap<u64, Serial>,
    /// Whose LINK_DOWN was seen.
    downs: FxHashSet<Serial>,
    /// The timers that are set, by token.
    pub(super) timers: BTreeMap<u64, (TimerId, u64)>,
    /// The earliest kill deadline that was told.
    deadline_ns: Option<u64>,
    /// Messages that were queued before the first step, and still have to come.
    early: Vec<Stamp>,
    spawner: Option<Serial>,
    /// As they were after the latest step.
    pub(super) relations: Relations,
}

impl Notes {
    /// Of an actor that finds the messages `early` when it starts.
    pub(super) fn new(early: Vec<Stamp>, spawner: Option<Serial>) -> Notes {
        Notes { early, spawner, ..Notes::default() }
    }

    /// Judges the first step, when everything was taken in.
    pub(super) fn check_begun(&self, world: &World) {
        world.must(self.early.is_empty(), "R6: not all messages are in place");
    }

    pub(super) fn sent_to(&self, receiver: Serial) -> u64 {
        self.sent.get(&receiver).copied().unwrap_or(0)
    }

    pub(super) fn received_from(&self, sender: Serial) -> u64 {
        self.received.get(&sender).copied().unwrap_or(0)
    }

    /// The next signal to `receiver` was queued.
    pub(super) fn count_sent(&mut self, receiver: Serial) {
        *self.sent.entry(receiver).or_default() += 1;
    }

    /// Judges one thing that came out of the mailbox.
    pub(super) fn see(&mut self, world: &World, step: &Step<'_>, seen: &Seen) {
        let me = step.process.pid().serial();
        match seen {
            Seen::Message(message) => {
                step.process.backlog.delivered(1, message.size_bytes());
                self.see_stamp(world, Stamp::decode(&message.payload));
            }
            Seen::Event(Event::Cancel { cancel }) => {
                let from = cancel.from.expect("actors cancel in their own name").serial();
                let n = u64::from_le_bytes(cancel.reason[..].try_into().expect("a number"));
                self.see_stamp(world, Stamp::Nth { sender: from, n });
                let told_ns = cancel.grace.as_ref().map(|grace| grace.at_ns);
                world.must(
                    self.deadline_ns.is_none_or(|old_ns| told_ns.is_some_and(|ns| ns <= old_ns)),
                    "a later cancel lifts a deadline",
                );
                self.deadline_ns = told_ns;
            }
            Seen::Event(Event::Exit { from, .. }) => {
                let monitored = self.monitors.remove(&from.serial());
                world.must(monitored, "R3: EXIT without a monitor");
                self.see_end(world, me, *from);
            }
            Seen::Watched { id, from } => {
                let watched = self.watches.remove(id);
                world.must(watched == Some(from.serial()), "R3: an end without a watch");
                self.see_end(world, me, *from);
            }
            Seen::Event(Event::LinkDown { from, exit, .. }) => {
                world.must(exit.is_failure(), "LINK_DOWN of a normal end");
                world.must(self.downs.insert(from.serial()), "two LINK_DOWNs of one process");
                let waits =
                    self.watches.values().chain(&self.monitors).any(|t| *t == from.serial());
                world.must(!waits, "R5: LINK_DOWN before EXIT");
                let is_due =
                    world.oracle().is_none_or(|mut oracle| oracle.take_down(me, from.serial()));
                world.must(is_due, "LINK_DOWN without a link");
                self.see_end(world, me, *from);
            }
            Seen::Timer { token, at_ns } => {
                let set = self.timers.remove(token).map(|(_, at_ns)| at_ns);
                world.must(set == Some(*at_ns), "a timer fired that was not set");
                world.must(*at_ns <= step.worker.now_ns(), "a timer fired early");
            }
            Seen::Unknown(what) => world.must(false, format_args!("{what} came from nowhere")),
        }
    }

    /// R1, R6.
    fn see_stamp(&mut self, world: &World, stamp: Stamp) {
        match stamp {
            Stamp::Nth { sender, n } => {
                let last = self.received.insert(sender, n).unwrap_or(0);
                world.must(n == last + 1, format_args!("R1: {n} comes after {last}"));
                let too_soon = self.spawner == Some(sender) && !self.early.is_empty();
                world.must(!too_soon, "R6: a later message comes before those of the spawn");
            }
            Stamp::Early { .. } if self.early.first() == Some(&stamp) => _ = self.early.remove(0),
            // Of a spawn that found its name taken, by this process.
            Stamp::Early { .. } => world.must(
                !self.early.contains(&stamp),
                "R6: messages of the spawn come in the wrong order",
            ),
        }
    }

    /// R2, R4: a process is seen to have ended.
    fn see_end(&self, world: &World, me: Serial, ended: Pid) {
        world.check_end(ended);
        let notes = world.notes_of(ended.serial());
        let sent = notes.map_or(0, |notes| lock(&notes).sent_to(me));
        let received = self.received_from(ended.serial());
        world.must(sent == received, format_args!("R2: the end overtakes {received} of {sent}"));
    }

    /// Judges the kill that ends the actor.
    pub(super) fn see_kill(&self, world: &World, step: &Step<'_>, exit: &Exit) {
        if let Some((sender, n)) = killer(exit) {
            let last = self.received_from(sender);
            world.must(n == last + 1, format_args!("R1: kill {n} comes after {last}"));
        } else if exit.error == Some(Failure::linked()) {
            let me = step.process.pid().serial();
            world.must(
                world.oracle().is_none_or(|oracle| oracle.is_owed(me)),
                "killed by a link that it does not have",
            );
        } else if exit.error.as_ref().is_some_and(|error| error.text() == "deadline") {
            let is_due = self.deadline_ns.is_some_and(|at_ns| at_ns <= step.worker.now_ns());
            world.must(is_due, "killed before the deadline");
        }
    }

    /// Judges what is left to come, right after everything was taken in; in the simulator only,
    /// where nobody else gets on meanwhile.
    pub(super) fn check_taken_in(&self, world: &World, me: Serial) {
        let Some(oracle) = world.oracle() else { return };
        world.must(!oracle.is_owed(me), "LINK_DOWN did not come");
        let mut watched = self.monitors.iter().chain(self.watches.values());
        world.must(watched.all(|target| oracle.is_alive(*target)), "R3: EXIT did not come");
    }

    /// Judges a living process among `live` when all is quiet: what it knows of others, they know
    /// too.
    pub(super) fn check_relations(
        &self,
        world: &World,
        me: Serial,
        live: &FxHashMap<Serial, Arc<Mutex<Notes>>>,
    ) {
        let of = |other: Serial| live.get(&other).map(|notes| lock(notes).relations.clone());
        let known: FxHashSet<_> =
            self.relations.monitors.iter().map(|(target, _)| *target).collect();
        let noted = self.monitors.iter().chain(self.watches.values()).copied().collect();
        world.must(known == noted, "R3: an EXIT is missing, or a monitor is not known");
        for &(target, id) in &self.relations.monitors {
            let key = MonitorKey { watcher: me.get(), id };
            let mutual = of(target).is_some_and(|other| other.watchers.contains(&key));
            world.must(mutual, "R3: the monitored process is dead, or does not know its watcher");
        }
        for key in self.relations.watchers.iter().filter(|key| key.watcher != 0) {
            let back = (me, key.id);
            let other = of(Serial::from_raw(key.watcher));
            let mutual = other.is_some_and(|other| other.monitors.contains(&back));
            world.must(mutual, "a watcher is dead, or has lost interest");
        }
        for peer in &self.relations.links {
            let mutual = of(*peer).is_some_and(|other| other.links.contains(&me));
            world.must(mutual, "half a link");
        }
        world.must(self.timers.is_empty(), "a timer did not fire");
        world.must(self.deadline_ns.is_none(), "a deadline passed without a kill");
        world.must(self.early.is_empty(), "R6: a message of the spawn did not come");
    }
}
