//! A Lua program as the body of a process: its VM, from the first step to the end.

mod switch;
#[cfg(test)]
mod tests;
mod turn;
mod upgrade;

use std::sync::Arc;

use self::turn::{Ended, MAIN, run_fibers};
use self::upgrade::{Kept, give_up};
use super::api;
use super::boot::boot;
use super::cx::{Environment, Launch, Upgrade};
use super::fiber::Fiber;
use super::guard::guard;
use super::program::Program;
use super::rest::Rested;
use super::secret::hash_seed;
use super::stdlib;
use super::transfer;
use super::vm::Vm;
use crate::process::{
    Body, Encoded, Exit, Failure, Limits, Step, StepEnd, Vacated, kind, size_text,
};
use crate::stash::Shared;

/// A Lua program, before and while it runs.
#[derive(Debug)]
pub struct LuaBody {
    /// In bytes; `usize::MAX` for none.
    memory_limit: usize,
    life: Life,
    /// Where the coroutines were when the process was killed.
    places: Box<[String]>,
}

/// Where a program is between its birth and its end.
#[derive(Debug, Default)]
enum Life {
    /// It has not begun; the VM is made by the worker that runs it first.
    Unborn(Start),
    /// It has a VM.
    Awake(Vm),
    /// It waits, and has been for long.
    Rested(Rested),
    /// Its VM could not be made, or is being made.
    #[default]
    None,
}

/// What a VM is made of.
#[derive(Debug)]
struct Start {
    launch: Shared<Launch>,
    args: Encoded,
}

impl LuaBody {
    /// A program that begins with its first step.
    pub fn new(
        env: Arc<Environment>,
        program: Arc<Program>,
        args: Encoded,
        limits: Limits,
    ) -> LuaBody {
        LuaBody::of(Launch::new(env, program), args, limits)
    }

    /// As [`LuaBody::new`].
    pub(crate) fn of(launch: Shared<Launch>, args: Encoded, limits: Limits) -> LuaBody {
        let life = Life::Unborn(Start { launch, args });
        let memory_limit = limits
            .memory_bytes
            .map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        LuaBody { memory_limit, life, places: Box::default() }
    }

    /// Makes the VM and puts the program's start on its main coroutine.
    fn begin(
        &mut self,
        step: &mut Step<'_>,
        start: Start,
        kept: Option<Kept>,
    ) -> Result<(), Box<Failure>> {
        let Start { launch, args } = start;
        let seed = [step.worker.random(), step.worker.random()];
        let is_copied = launch.program.images.prepare(&launch, seed[0]);
        let vm = if is_copied { Vm::copy(launch, seed) } else { build(launch, seed) };
        let vm = vm.ok_or_else(|| Box::new(memory_failure(self.memory_limit)))?;
        let cx = vm.cx();
        cx.step.set(step);
        if let Some(kept) = kept {
            cx.inbox = kept.inbox;
            cx.timers = kept.timers;
            cx.operations = kept.operations;
            cx.sockets = kept.sockets;
        }
        let stack = vm.stack(vm.main());
        // Arguments were encoded by this runtime, so that only a lack of stack can fail, or a kill.
        let decoded = transfer::decode(&stack, vm.cx(), &args);
        if vm.universe().is_dying() {
            self.life = Life::Awake(vm);
            return Ok(());
        }
        if decoded.is_err() {
            let failure = Failure::new(kind::LIMIT_EXCEEDED, "too many arguments");
            return Err(Box::new(failure));
        }
        let n_args = stack.top() - 1;
        let main = vm.cx().fibers.add(vm.main(), n_args);
        debug_assert_eq!(main, MAIN);
        vm.cx().fibers.queue(main);
        vm.universe().set_memory_limit(self.memory_limit);
        if let Some(account) = step.process.account() {
            vm.universe().set_account(account.clone());
            vm.universe().publish();
        }
        step.process.warm.set(vm.touched());
        self.life = Life::Awake(vm);
        Ok(())
    }

    /// In how many bytes the home is kept while it is at rest.
    #[cfg(test)]
    #[cfg(not(loom))]
    pub(super) fn bytes_at_rest(&self) -> Option<usize> {
        match &self.life {
            Life::Rested(rested) => Some(rested.bytes()),
            Life::Unborn(_) | Life::Awake(_) | Life::None => None,
        }
    }

    /// The VM, unless it is at rest.
    fn vm(&self) -> Option<&Vm> {
        match &self.life {
            Life::Awake(vm) => Some(vm),
            Life::Unborn(_) | Life::Rested(_) | Life::None => None,
        }
    }

    /// Sees to it that there is a VM.
    #[inline]
    fn wake(&mut self, step: &mut Step<'_>) -> Result<(), Box<Failure>> {
        if let Life::Awake(_) = self.life {
            return Ok(());
        }
        match std::mem::take(&mut self.life) {
            Life::Unborn(start) => self.begin(step, start, None),
            Life::Rested(rested) => {
                self.life = Life::Awake(rested.wake());
                Ok(())
            }
            Life::Awake(_) | Life::None => Ok(()),
        }
    }

    fn replace_program(
        &mut self,
        step: &mut Step<'_>,
        upgrade: Upgrade,
    ) -> Result<(), Box<Failure>> {
        let old = self.vm().expect("a running program asks for an upgrade");
        let kept = give_up(old);
        self.life = Life::None;
        step.state.trap_links = false;
        self.begin(step, Start { launch: upgrade.launch, args: upgrade.args }, Some(kept))
    }

    fn run(&mut self, step: &mut Step<'_>) -> StepEnd {
        if let Err(failure) = self.wake(step) {
            return finished(*failure);
        }
        loop {
            let vm = self.vm().expect("woken above");
            vm.cx().step.set(step);
            match run_fibers(vm) {
                Ended::Step(end) => return end,
                Ended::Killed => {
                    let (places, exit) = (places(vm), kill_exit(vm, step));
                    self.places = places.into();
                    return StepEnd::Finished(Box::new(exit));
                }
                Ended::Upgrade(upgrade) => {
                    if let Err(failure) = self.replace_program(step, *upgrade) {
                        return finished(*failure);
                    }
                }
            }
        }
    }
}

/// A VM with its libraries, ready for the arguments of the program's start.
fn build(launch: Shared<Launch>, seed: [u64; 2]) -> Option<Vm> {
    let vm = Vm::new(launch, hash_seed(seed[0]))?;
    vm.universe().set_seed(seed);
    let stack = vm.stack(vm.main());
    stdlib::open(&stack);
    api::open(&stack, vm.cx());
    stack.push_fn(guard);
    stack.push_fn(boot);
    Some(vm)
}

impl Body for LuaBody {
    fn step(&mut self, step: &mut Step<'_>) -> StepEnd {
        let end = self.run(step);
        if let Some(vm) = self.vm() {
            let used = vm.universe().used_bytes();
            step.process.backlog.set_heap_bytes(used as u64);
            vm.cx().publish_charge(vm.universe());
            vm.cx().step.clear();
        }
        end
    }

    fn end(&mut self, step: &mut Step<'_>) {
        if let Some(vm) = self.vm() {
            vm.cx().step.set(step);
            vm.cx().stop_all_timers();
            vm.cx().close_sockets();
            vm.cx().step.clear();
        }
    }

    fn wakes_ns(&self) -> Option<u64> {
        self.vm()?.cx().timers.next_ns()
    }

    fn rest(&mut self, vacated: &mut Vacated) -> usize {
        let (life, bytes) = match std::mem::take(&mut self.life) {
            Life::Awake(vm) => put_to_rest(vm, vacated),
            other => (other, 0),
        };
        self.life = life;
        bytes
    }

    fn start_bytes(&self) -> usize {
        match &self.life {
            Life::Unborn(start) => start.args.size_bytes(),
            Life::Awake(_) | Life::Rested(_) | Life::None => 0,
        }
    }

    fn places(&self) -> Vec<String> {
        self.places.to_vec()
    }
}

/// Puts a VM to rest, if that saves much; with what is held then.
fn put_to_rest(vm: Vm, vacated: &mut Vacated) -> (Life, usize) {
    let bytes = vm.universe().held_bytes();
    let outside = bytes.saturating_sub(vm.used_bytes_of_home());
    match Rested::of(vm, vacated) {
        Ok(rested) => {
            let bytes = outside + rested.bytes();
            (Life::Rested(rested), bytes)
        }
        Err(vm) => (Life::Awake(vm), bytes),
    }
}

fn finished(failure: Failure) -> StepEnd {
    StepEnd::Finished(Box::new(Exit::failed(failure)))
}

fn kill_exit(vm: &Vm, step: &mut Step<'_>) -> Exit {
    if let Some(text) = vm.universe().take_panic() {
        return Exit::failed(Failure::new(kind::INTERNAL, format!("runtime fault: {text}")));
    }
    let failure = step.state.take_kill().map_or_else(Failure::terminated, |failure| *failure);
    Exit::failed(failure)
}

/// Fibers whose places are told. More are of no use to a reader, and they take time.
const PLACES_MAX: usize = 32;

/// Where each fiber is: `<call> at <entry>:<line>`; of many, how many more there are.
fn places(vm: &Vm) -> Vec<String> {
    let fibers = &vm.cx().fibers;
    let place = |fiber: &Fiber| format!("{} at {}", fiber.waits_in, place(vm, fiber));
    let mut places: Vec<_> = fibers.iter().take(PLACES_MAX).map(place).collect();
    if fibers.len() > PLACES_MAX {
        places.push(format!("and {} more", fibers.len() - PLACES_MAX));
    }
    places
}

/// The innermost place in Lua code: `<entry>:<line>`.
fn place(vm: &Vm, fiber: &Fiber) -> String {
    call_places(vm, fiber).next().unwrap_or_else(|| "?".to_owned())
}

/// The places of its calls in Lua code, the innermost first.
fn call_places(vm: &Vm, fiber: &Fiber) -> impl Iterator<Item = String> {
    let stack = vm.stack(fiber.top());
    let places = (0..100).map(move |level| stack.place(level));
    places.filter(|place| !place.is_empty()).map(|place| place.trim_end_matches(": ").to_owned())
}

/// `limit` in bytes; `usize::MAX` for none.
fn memory_failure(limit: usize) -> Failure {
    let text = match limit {
        usize::MAX => "not enough memory".to_owned(),
        bytes => format!("memory limit of {} exceeded", size_text(bytes as u64)),
    };
    Failure::new(kind::LIMIT_EXCEEDED, text)
}
