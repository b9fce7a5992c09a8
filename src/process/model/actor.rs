//! A process that does random things to other processes.

use std::panic::resume_unwind;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::super::body::{Body, MailboxLimit, OnFull, Step, StepEnd};
use super::super::signal::{Cancel, Grace, Signal};
use super::super::{Encoded, Exit, Failure, Limits, Message, Pid, Registration, Serial, kind};
use super::super::{SendError, SpawnError, SpawnRequest, TakenIn, Watch};
use super::notes::{Inbox, Notes};
use super::{NAMES, PLANNED, Stamp, World, killed_by, lock};

/// Operations in one turn.
const OPS_PER_TURN: usize = 3;

/// Among so many of the youngest processes the one is chosen that something is done to.
const N_TARGETS: usize = 8;

/// What `spawn` told its child to check.
#[derive(Debug)]
pub(super) struct Birth {
    pub(super) spawner: Serial,
    pub(super) name: Option<&'static str>,
}

/// See the module.
pub(super) struct Actor {
    world: Arc<World>,
    notes: Arc<Mutex<Notes>>,
    birth: Option<Birth>,
    has_run: bool,
    next_token: u64,
}

impl Actor {
    pub(super) fn new(world: &Arc<World>, early: Vec<Stamp>, birth: Option<Birth>) -> Actor {
        let spawner = birth.as_ref().map(|birth| birth.spawner);
        let notes = Arc::new(Mutex::new(Notes::new(early, spawner)));
        Actor { world: world.clone(), notes, birth, has_run: false, next_token: 0 }
    }

    /// R6: what has to be in place before the first step is.
    fn begin(&mut self, step: &Step<'_>) {
        let me = step.process.pid();
        lock(&self.world.notes).insert(me.serial(), self.notes.clone());
        self.has_run = true;
        let name = self.birth.as_ref().and_then(|birth| birth.name);
        if let (Some(name), Some(oracle)) = (name, self.world.oracle()) {
            let held = step.runtime().lookup(name) == Some(me);
            let expected = oracle.holder(name) == Some(me.serial());
            self.world.must(held == expected, "R6: the name is not in place");
        }
    }

    fn run(&mut self, step: &mut Step<'_>) -> StepEnd {
        let is_first = !self.has_run;
        if is_first {
            self.begin(step);
        }
        let mut inbox = Inbox::default();
        let taken = step.take_in(&mut inbox);
        let world = &self.world;
        for seen in &inbox.0 {
            lock(&self.notes).see(world, step, seen);
        }
        if taken == TakenIn::Killed {
            let failure = step.state.take_kill().expect("it was decided");
            let exit = Exit::failed(*failure);
            lock(&self.notes).see_kill(world, step, &exit);
            return StepEnd::Finished(Box::new(exit));
        }
        if is_first {
            lock(&self.notes).check_begun(world);
        }
        lock(&self.notes).check_taken_in(world, step.process.pid().serial());
        self.act(step).unwrap_or_else(|| {
            self.note_end(step, true);
            resume_unwind(Box::new(PLANNED))
        })
    }

    fn note_end(&self, step: &Step<'_>, is_failure: bool) {
        if let Some(mut oracle) = self.world.oracle() {
            oracle.end(step.process.pid().serial(), is_failure);
        }
    }

    /// Operates on others; none stands for a panic.
    fn act(&mut self, step: &mut Step<'_>) -> Option<StepEnd> {
        let planned = || Box::new(Exit::failed(Failure::new(kind::INTERNAL, PLANNED)));
        for _ in 0..OPS_PER_TURN {
            if !self.world.claim_op() {
                return Some(StepEnd::Waiting);
            }
            match self.pick(step, 40) {
                0..=9 => self.send(step),
                10..=12 => self.monitor(step),
                13 => self.demonitor(step),
                14 => self.watch(step),
                15 => self.unwatch(step),
                16..=18 => self.link(step),
                19 => self.unlink(step),
                20 => step.state.trap_links ^= true,
                21 => self.kill(step),
                22..=23 => self.cancel(step),
                24..=26 => self.register(step),
                27 => self.unregister(step),
                28..=32 => self.spawn(step),
                33..=34 => self.set_timer(step),
                35 => self.cancel_timer(step),
                36 => return Some(StepEnd::Finished(Box::new(Exit::normal(None)))),
                37 => return Some(StepEnd::Finished(planned())),
                38 if self.pick(step, 4) == 0 => return None,
                _ => return Some(StepEnd::Waiting),
            }
        }
        Some(StepEnd::Preempted)
    }

    fn pick(&self, step: &Step<'_>, n: usize) -> usize {
        self.world.pick(step.worker, n)
    }

    /// Somebody, perhaps dead, perhaps itself.
    fn target(&self, step: &Step<'_>) -> Pid {
        let targets = lock(&self.world.targets);
        let among = &targets[targets.len().saturating_sub(N_TARGETS)..];
        let chosen = self.pick(step, among.len().max(1));
        among.get(chosen).copied().unwrap_or(step.process.pid())
    }

    /// An operation on `target` failed, so it is dead.
    fn must_be_dead(&self, step: &Step<'_>, target: Pid) {
        self.world.must(!step.runtime().is_alive(target), "a living process is not found");
    }

    /// An operation on `target` worked; the next of this process's signals to it is queued.
    fn sent(&self, target: Pid) {
        let alive = self.world.oracle().is_none_or(|oracle| oracle.is_alive(target.serial()));
        self.world.must(alive, "a dead process takes a signal");
        lock(&self.notes).count_sent(target.serial());
    }

    /// The number of the next signal to `target`.
    fn next_n(&self, target: Pid) -> u64 {
        lock(&self.notes).sent_to(target.serial()) + 1
    }

    fn send(&mut self, step: &mut Step<'_>) {
        let (me, target) = (step.process.pid(), self.target(step));
        let stamp = Stamp::Nth { sender: me.serial(), n: self.next_n(target) };
        let message = message(Some(me), stamp.encode());
        match step.runtime().send(target, message, step.worker) {
            Ok(()) => self.sent(target),
            Err(SendError::NotFound) => self.must_be_dead(step, target),
            Err(SendError::Full) => {}
            Err(SendError::TooLarge(_)) => self.world.must(false, "no message is large"),
        }
    }

    fn kill(&mut self, step: &mut Step<'_>) {
        let (me, target) = (step.process.pid().serial(), self.target(step));
        let failure = killed_by(me, self.next_n(target));
        if step.runtime().kill(target, failure, step.worker) {
            self.sent(target);
        } else {
            self.must_be_dead(step, target);
        }
    }

    fn cancel(&mut self, step: &mut Step<'_>) {
        let (me, target) = (step.process.pid(), self.target(step));
        let after_ns = [None, None, Some(0), Some(1_000), Some(100_000)][self.pick(step, 5)];
        let grace = after_ns.map(|after_ns| {
            let failure = Some(Failure::new(kind::CANCELED, "deadline"));
            Grace { at_ns: step.worker.now_ns() + after_ns, wall_ns: 0, failure }
        });
        let reason = self.next_n(target).to_le_bytes().to_vec();
        let cancel = Cancel { from: Some(me), reason, at_ns: step.worker.wall_ns(), grace };
        if step.runtime().signal(target, Signal::Cancel(Box::new(cancel)), step.worker) {
            self.sent(target);
        } else {
            self.must_be_dead(step, target);
        }
    }

    fn monitor(&mut self, step: &mut Step<'_>) {
        let target = self.target(step);
        let noted = lock(&self.notes).monitors.contains(&target.serial());
        self.world.must(noted == step.is_monitoring(target), "R3: a monitor is lost or left");
        if noted {
            return;
        }
        if !step.monitor(target) {
            self.must_be_dead(step, target);
        } else if target != step.process.pid() {
            lock(&self.notes).monitors.insert(target.serial());
        }
    }

    fn demonitor(&mut self, step: &mut Step<'_>) {
        let target = self.target(step);
        step.demonitor(target);
        lock(&self.notes).monitors.remove(&target.serial());
    }

    fn watch(&mut self, step: &mut Step<'_>) {
        let target = self.target(step);
        if target == step.process.pid() {
            return;
        }
        match step.watch(target) {
            Some(id) => _ = lock(&self.notes).watches.insert(id, target.serial()),
            None => self.must_be_dead(step, target),
        }
    }

    fn unwatch(&mut self, step: &mut Step<'_>) {
        let oldest = lock(&self.notes).watches.pop_first();
        if let Some((id, _)) = oldest {
            step.unwatch(id);
        }
    }

    fn link(&mut self, step: &mut Step<'_>) {
        let (me, target) = (step.process.pid(), self.target(step));
        if !step.link(target) {
            self.must_be_dead(step, target);
        } else if let (Some(mut oracle), true) = (self.world.oracle(), target != me) {
            self.world.must(oracle.is_alive(target.serial()), "a dead process is linked");
            oracle.link(me.serial(), target.serial());
        }
    }

    fn unlink(&mut self, step: &mut Step<'_>) {
        let (me, target) = (step.process.pid(), self.target(step));
        step.unlink(target);
        if let Some(mut oracle) = self.world.oracle() {
            oracle.unlink(me.serial(), target.serial());
        }
    }

    fn register(&mut self, step: &mut Step<'_>) {
        let (name, target) = (NAMES[self.pick(step, NAMES.len())], self.target(step));
        let given = step.runtime().register(name, target);
        let Some(mut oracle) = self.world.oracle() else { return };
        let expected = match oracle.holder(name) {
            _ if !oracle.is_alive(target.serial()) => Registration::NotFound,
            Some(holder) if holder != target.serial() => Registration::Taken,
            _ => Registration::Done,
        };
        self.world.must(given == expected, format_args!("{given:?}, expected {expected:?}"));
        if given == Registration::Done {
            oracle.register(name, target.serial());
        }
    }

    fn unregister(&mut self, step: &mut Step<'_>) {
        let name = NAMES[self.pick(step, NAMES.len())];
        let holder = self.world.oracle().map(|oracle| oracle.holder(name));
        let found = step.runtime().lookup(name).map(Pid::serial);
        self.world.must(holder.is_none_or(|holder| holder == found), "a wrong holder is found");
        let was_held = step.runtime().unregister(name);
        let Some(mut oracle) = self.world.oracle() else { return };
        self.world.must(was_held == oracle.holder(name).is_some(), "a name is not what it was");
        oracle.unregister(name);
    }

    fn spawn(&mut self, step: &mut Step<'_>) {
        let world = self.world.clone();
        let me = step.process.pid();
        let spawn = world.next_spawn.fetch_add(1, Ordering::Relaxed);
        let n_early = self.pick(step, 3) as u64;
        let early: Vec<_> = (0..n_early).map(|n| Stamp::Early { spawn, n }).collect();
        let name = NAMES.get(self.pick(step, 2 * NAMES.len())).copied();
        let birth = Birth { spawner: me.serial(), name };
        let choice = self.pick(step, 3);
        let request = SpawnRequest {
            entry: "model:actor",
            body: Box::new(Actor::new(&world, early.clone(), Some(birth))),
            limits: self.limits(step),
            trap_links: self.pick(step, 2) == 0,
            name: name.map(Into::into),
            messages: early.into_iter().map(|stamp| message(None, stamp.encode())).collect(),
            watch: [Watch::No, Watch::Event, Watch::Operation]
                .into_iter()
                .nth(choice)
                .unwrap_or(Watch::No),
            link: self.pick(step, 2) == 0,
        };
        let is_linked = request.link;
        let host = &world.hosts[self.pick(step, world.hosts.len())];
        let runtime = step.runtime().clone();
        let worker = step.worker;
        let spawned = match runtime.spawn(host, request, Some(step), worker) {
            Ok(spawned) => spawned,
            Err(error) => {
                let expected = error == SpawnError::MaxProcesses;
                return world.must(expected, format_args!("spawn: {error:?}"));
            }
        };
        let child = spawned.pid.serial();
        let Some(mut oracle) = world.oracle() else {
            return self.note_child(&spawned, choice);
        };
        let holder = name.and_then(|name| oracle.holder(name));
        world.must(spawned.is_new == holder.is_none(), "a spawn overlooks a name");
        world.must(holder.is_none_or(|holder| holder == child), "a spawn gives a wrong holder");
        if spawned.is_new {
            if is_linked {
                oracle.link(me.serial(), child);
            }
            if let Some(name) = name {
                oracle.register(name, child);
            }
        }
        drop(oracle);
        self.note_child(&spawned, choice);
    }

    fn note_child(&self, spawned: &super::super::Spawned, watch: usize) {
        if !spawned.is_new {
            return;
        }
        let child = spawned.pid.serial();
        let mut notes = lock(&self.notes);
        match watch {
            1 => _ = notes.monitors.insert(child),
            2 => _ = notes.watches.insert(spawned.monitor, child),
            _ => {}
        }
        lock(&self.world.targets).push(spawned.pid);
    }

    fn limits(&self, step: &Step<'_>) -> Limits {
        let on_full = match self.pick(step, 8) {
            0 => OnFull::Reject,
            1 => OnFull::Kill,
            _ => return Limits::default(),
        };
        let mailbox = Some(MailboxLimit { max_messages: 2, on_full });
        Limits { memory_bytes: None, mailbox }
    }

    fn set_timer(&mut self, step: &mut Step<'_>) {
        let after_ns = [0, 1_000, 50_000][self.pick(step, 3)];
        let (token, at_ns) = (self.next_token, step.worker.now_ns() + after_ns);
        self.next_token += 1;
        let id = step.worker.insert_timer(step.process, token, at_ns);
        lock(&self.notes).timers.insert(token, (id, at_ns));
    }

    fn cancel_timer(&mut self, step: &mut Step<'_>) {
        let oldest = lock(&self.notes).timers.pop_first();
        if let Some((token, (id, at_ns))) = oldest
            && !step.worker.cancel_timer(id)
        {
            // It has fired, and will come.
            lock(&self.notes).timers.insert(token, (id, at_ns));
        }
    }
}

impl Body for Actor {
    fn step(&mut self, step: &mut Step<'_>) -> StepEnd {
        let end = self.run(step);
        if let StepEnd::Finished(exit) = &end {
            self.note_end(step, exit.is_failure());
        }
        lock(&self.notes).relations = step.state.relations();
        end
    }

    fn end(&mut self, step: &mut Step<'_>) {
        let timers = std::mem::take(&mut lock(&self.notes).timers);
        for (id, _) in timers.into_values() {
            step.worker.cancel_timer(id);
        }
    }

    fn places(&self) -> Vec<String> {
        Vec::new()
    }
}

fn message(from: Option<Pid>, payload: Encoded) -> Message {
    Message { topic: b"stamp"[..].into(), from, payload, call: None, attachment: None }
}
