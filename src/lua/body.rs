//! A Lua program as the body of a process: the loop that runs its fibers.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::api;
use super::boot::boot;
use super::cx::{Cx, Environment, Suspend, TakenIn, Upgrade};
use super::fiber::{Entered, Resumption};
use super::guard::{Verdict, guard};
use super::inbox::Inbox;
use super::net::Sockets;
use super::operations::Operations;
use super::program::Program;
use super::raw::ffi::lua_State;
use super::raw::{Raise, Stack, ThreadTag};
use super::stdlib;
use super::timers::Timers;
use super::transfer;
use super::value::Value;
use super::vm::{Ran, Vm};
use crate::channel::{Channels, Completion, FiberId};
use crate::process::{Body, Encoded, Exit, Failure, Limits, Step, StepEnd, kind, size_text};

/// A Lua program, before and while it runs.
#[derive(Debug)]
pub struct LuaBody {
    env: Arc<Environment>,
    limits: Limits,
    /// What runs, or is about to.
    program: Arc<Program>,
    /// Arguments of a program that has not begun; the VM is made by the worker that runs it first.
    args: Encoded,
    vm: Option<Vm>,
    /// Where the coroutines were when the process was killed.
    places: Vec<String>,
}

/// The program's main fiber.
const MAIN: FiberId = FiberId(0);

impl LuaBody {
    /// A program that begins with its first step.
    pub fn new(
        env: Arc<Environment>,
        program: Arc<Program>,
        args: Encoded,
        limits: Limits,
    ) -> LuaBody {
        LuaBody { env, limits, program, args, vm: None, places: Vec::new() }
    }

    /// Makes the VM and puts the program's start on its main coroutine.
    fn begin(&mut self, step: &mut Step<'_>, kept: Kept) -> Result<(), Box<Failure>> {
        let mut cx = Box::new(Cx::new(self.env.clone(), self.program.clone()));
        cx.inbox = kept.inbox;
        cx.timers = kept.timers;
        cx.operations = kept.operations;
        cx.sockets = kept.sockets;
        cx.step.set(step);
        let random = step.worker.random();
        let vm =
            Vm::new(cx, random as u32).ok_or_else(|| Box::new(memory_failure(&self.limits)))?;
        let stack = vm.stack(vm.main());
        stdlib::open(&stack, [random, step.worker.random()]);
        api::open(&stack, vm.cx());
        let args = std::mem::take(&mut self.args);
        stack.push_fn(guard);
        stack.push_fn(boot);
        // Arguments were encoded by this runtime, so that only a lack of stack can fail.
        if transfer::decode(&stack, &args).is_err() {
            let failure = Failure::new(kind::LIMIT_EXCEEDED, "too many arguments");
            return Err(Box::new(failure));
        }
        let n_args = stack.top() - 1;
        let main = vm.cx().fibers.add(vm.main(), n_args);
        debug_assert_eq!(main, MAIN);
        vm.cx().fibers.queue(main);
        let limit = self
            .limits
            .memory_bytes
            .map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        vm.universe().set_memory_limit(limit);
        self.vm = Some(vm);
        Ok(())
    }

    fn replace_program(
        &mut self,
        step: &mut Step<'_>,
        upgrade: Upgrade,
    ) -> Result<(), Box<Failure>> {
        let kept = self.vm.take().map(|vm| give_up(&vm)).unwrap_or_default();
        step.state.trap_links = false;
        self.program = upgrade.program;
        self.args = upgrade.args;
        self.begin(step, kept)
    }

    fn run(&mut self, step: &mut Step<'_>) -> StepEnd {
        if self.vm.is_none()
            && let Err(failure) = self.begin(step, Kept::default())
        {
            return finished(*failure);
        }
        loop {
            let vm = self.vm.as_ref().expect("made above");
            vm.cx().step.set(step);
            match run_fibers(vm) {
                Ended::Step(end) => return end,
                Ended::Killed => {
                    self.places = places(vm);
                    return StepEnd::Finished(Box::new(kill_exit(vm, step)));
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

impl Body for LuaBody {
    fn step(&mut self, step: &mut Step<'_>) -> StepEnd {
        let end = self.run(step);
        if let Some(vm) = &self.vm {
            let used = vm.universe().used_bytes();
            step.process.backlog.set_heap_bytes(used as u64);
            vm.cx().step.clear();
        }
        end
    }

    fn end(&mut self, step: &mut Step<'_>) {
        if let Some(vm) = &self.vm {
            vm.cx().step.set(step);
            vm.cx().stop_all_timers();
            vm.cx().close_sockets();
            vm.cx().step.clear();
        }
    }

    fn places(&self) -> Vec<String> {
        self.places.clone()
    }
}

fn finished(failure: Failure) -> StepEnd {
    StepEnd::Finished(Box::new(Exit::failed(failure)))
}

/// Why the loop over the fibers stopped.
enum Ended {
    Step(StepEnd),
    Killed,
    Upgrade(Box<Upgrade>),
}

/// What a run of one fiber led to.
enum FiberRan {
    /// It waits, or is queued again.
    GaveWay,
    /// The slice is over.
    Preempted,
    /// The whole process is over.
    Finished(Box<Exit>),
    Killed,
    Upgrade(Box<Upgrade>),
}

fn run_fibers(vm: &Vm) -> Ended {
    loop {
        if vm.universe().has_garbage() {
            vm.cx().release_garbage(vm.universe().take_garbage());
        }
        if vm.cx().take_in_signals() == TakenIn::Die {
            return Ended::Killed;
        }
        vm.cx().queue_woken();
        vm.cx().update_charge(vm.universe());
        let Some(fiber) = vm.cx().fibers.next() else {
            return idle(vm);
        };
        vm.cx().fibers.set_running(Some(fiber));
        let ran = run_fiber(vm, fiber);
        vm.cx().fibers.set_running(None);
        match ran {
            FiberRan::GaveWay if !vm.cx().slice_is_over() => {}
            FiberRan::GaveWay | FiberRan::Preempted => return Ended::Step(StepEnd::Preempted),
            FiberRan::Finished(exit) => return Ended::Step(StepEnd::Finished(exit)),
            FiberRan::Killed => return Ended::Killed,
            FiberRan::Upgrade(upgrade) => return Ended::Upgrade(upgrade),
        }
    }
}

/// Nothing is runnable: the process waits, unless nothing could ever wake it.
fn idle(vm: &Vm) -> Ended {
    if vm.cx().can_be_woken() {
        return Ended::Step(StepEnd::Waiting);
    }
    let text = "all coroutines blocked with no pending operations";
    let mut failure = Failure::new(kind::INTERNAL, text);
    failure.stack = places(vm).join("\n").into_bytes();
    Ended::Step(finished(failure))
}

/// Runs one fiber until it gives way.
fn run_fiber(vm: &Vm, fiber: FiberId) -> FiberRan {
    let mut l = vm.cx().fibers.get_mut(fiber).top();
    let mut n_args = match prepare(vm, fiber, l) {
        Ok(n_args) => n_args,
        Err(ran) => return ran,
    };
    for n_switches in 1.. {
        vm.cx().suspend = Suspend::Interrupted;
        let ran = vm.resume(l, n_args);
        if vm.universe().is_dying() {
            return FiberRan::Killed;
        }
        let next = match ran {
            Ran::Yielded(n) => suspended(vm, fiber, l, n),
            Ran::Returned(n) => returned(vm, fiber, l, n),
            Ran::Failed => failed(vm, fiber, l),
        };
        if vm.universe().is_dying() {
            return FiberRan::Killed; // in a `<close>` variable of the coroutine that failed
        }
        match next {
            Next::Resume(to, n) if vm.cx().is_spent_after(n_switches) => {
                debug_assert_eq!(vm.cx().fibers.get_mut(fiber).top(), to);
                return interrupted(vm, fiber, n);
            }
            Next::Resume(to, n) => (l, n_args) = (to, n),
            Next::Stop(ran) => return ran,
        }
    }
    unreachable!("the numbers do not end")
}

/// The slice is over: the fiber goes on before the other fibers of the process, with the `n_args`
/// values on its stack.
fn interrupted(vm: &Vm, fiber: FiberId, n_args: i32) -> FiberRan {
    let fibers = &mut vm.cx().fibers;
    fibers.get_mut(fiber).resumption = Some(Resumption::Continue { n_args });
    fibers.queue_first(fiber);
    FiberRan::Preempted
}

/// What follows when a coroutine gave way.
enum Next {
    /// This coroutine of the same fiber runs, with so many values on its stack.
    Resume(*mut lua_State, i32),
    Stop(FiberRan),
}

/// Pushes what the fiber waited for; gives how many values.
fn prepare(vm: &Vm, fiber: FiberId, l: *mut lua_State) -> Result<i32, FiberRan> {
    let resumed = vm.cx().fibers.get_mut(fiber);
    resumed.waits_in = "running";
    let resumption = resumed.resumption.take();
    let stack = vm.stack(l);
    let pushed = match resumption {
        // H2: where a hook interrupted it, nothing may be pushed, not even an error.
        Some(Resumption::Continue { n_args }) => return Ok(n_args),
        None => return Ok(0),
        Some(Resumption::Channel(completion)) => {
            api::channel::push_completion(&stack, vm.cx(), completion)
        }
        Some(Resumption::Push(push)) => push(&stack, vm.cx()),
    };
    if vm.universe().take_over_limit() && exceeds_limit(vm, &stack) {
        return Ok(raise(vm, &stack, Raise::Plain("not enough memory".to_owned())));
    }
    Ok(pushed.unwrap_or_else(|error| raise(vm, &stack, error)))
}

/// Whether what was pushed leaves the heap over its limit even after a full collection.
fn exceeds_limit(vm: &Vm, stack: &Stack) -> bool {
    stack.collect_garbage();
    vm.universe().used_bytes() > vm.universe().memory_limit()
}

/// Makes the next resume raise.
fn raise(vm: &Vm, stack: &Stack, error: Raise) -> i32 {
    match error {
        Raise::Top => {}
        Raise::Plain(text) => stack.push_bytes(text),
        Raise::Message(text) => {
            let place = stack.place(1);
            stack.push_bytes(place + &text);
        }
    }
    vm.universe().set_raise_on_resume();
    1
}

/// The coroutine `l` yielded `n` values: the reason is noted in the Cx.
fn suspended(vm: &Vm, fiber: FiberId, l: *mut lua_State, n: i32) -> Next {
    let suspend = std::mem::replace(&mut vm.cx().suspend, Suspend::Interrupted);
    let stack = vm.stack(l);
    // Whom this fiber woke became runnable before it gives way.
    vm.cx().queue_woken();
    let fibers = &mut vm.cx().fibers;
    match suspend {
        Suspend::Interrupted => {
            // H2: its stack is not touched.
            Next::Stop(interrupted(vm, fiber, 0))
        }
        Suspend::Wait => Next::Stop(FiberRan::GaveWay),
        Suspend::Yield => {
            stack.pop(n);
            fibers.get_mut(fiber).resumption = Some(Resumption::Continue { n_args: 0 });
            fibers.queue(fiber);
            Next::Stop(FiberRan::GaveWay)
        }
        Suspend::Spawned(new) => {
            // The thread that was pushed is the result of the call.
            fibers.get_mut(fiber).resumption = Some(Resumption::Continue { n_args: n });
            fibers.queue_first(fiber);
            fibers.queue_first(new);
            Next::Stop(FiberRan::GaveWay)
        }
        Suspend::Resume { wrapped } => enter(vm, fiber, &stack, n, wrapped),
        Suspend::YieldValues => leave(vm, fiber, &stack, n),
        Suspend::Upgrade(upgrade) => Next::Stop(FiberRan::Upgrade(upgrade)),
    }
}

/// The coroutine that is the first of the `n` top values of `from` runs next, with the others.
fn enter(vm: &Vm, fiber: FiberId, from: &Stack, n: i32, wrapped: bool) -> Next {
    let thread = from.thread(-n).expect("coroutine.resume checks its argument");
    let to = vm.stack(thread);
    let n_args = n - 1;
    if !to.reserve(n_args + 1) {
        from.pop(n);
        let raised = raise(vm, from, Raise::Message("too many arguments to resume".to_owned()));
        return Next::Resume(from.raw(), raised);
    }
    from.move_to(&to, n_args);
    from.pop(1);
    to.set_tag(ThreadTag::Active, true);
    let entered = if wrapped { Entered::Wrap } else { Entered::Resume };
    vm.cx().fibers.get_mut(fiber).stack.push((thread, entered));
    Next::Resume(thread, n_args)
}

/// The top coroutine of the fiber gives `n` values back to its resumer: by a yield or its end.
fn leave(vm: &Vm, fiber: FiberId, from: &Stack, n: i32) -> Next {
    let (_, entered) = pop_coroutine(vm, fiber, from);
    let parent = vm.cx().fibers.get_mut(fiber).top();
    let to = vm.stack(parent);
    if !to.reserve(n + 1) {
        from.pop(n);
        let raised = raise(vm, &to, Raise::Message("too many results to resume".to_owned()));
        return Next::Resume(parent, raised);
    }
    if entered == Entered::Resume {
        to.push_bool(true);
    }
    from.move_to(&to, n);
    Next::Resume(parent, n + i32::from(entered == Entered::Resume))
}

fn pop_coroutine(vm: &Vm, fiber: FiberId, stack: &Stack) -> (*mut lua_State, Entered) {
    stack.set_tag(ThreadTag::Active, false);
    vm.cx().fibers.get_mut(fiber).stack.pop().expect("a fiber has its base")
}

fn is_base(vm: &Vm, fiber: FiberId) -> bool {
    vm.cx().fibers.get_mut(fiber).stack.len() == 1
}

/// The function of coroutine `l` returned `n` values.
fn returned(vm: &Vm, fiber: FiberId, l: *mut lua_State, n: i32) -> Next {
    let stack = vm.stack(l);
    if !is_base(vm, fiber) {
        return leave(vm, fiber, &stack, n);
    }
    let first = stack.top() - n + 1;
    let verdict = Verdict::from_code(stack.integer(first).unwrap_or(1));
    match verdict {
        Verdict::Returned if fiber == MAIN => {
            let process = vm.cx().process().clone();
            Next::Stop(FiberRan::Finished(Box::new(api::exit::from_results(
                &stack,
                first + 1,
                &process,
            ))))
        }
        Verdict::Returned => {
            end_fiber(vm, fiber, &stack);
            Next::Stop(FiberRan::GaveWay)
        }
        Verdict::Raised => {
            let process = vm.cx().process().clone();
            let exit = api::exit::from_error(&stack, first + 1, &process);
            let limited = vm.universe().memory_limit() != usize::MAX;
            if limited && exit.error.as_ref().is_some_and(Failure::is_out_of_memory) {
                return Next::Stop(FiberRan::Finished(Box::new(out_of_memory(vm))));
            }
            Next::Stop(FiberRan::Finished(Box::new(exit)))
        }
        Verdict::OutOfMemory => Next::Stop(FiberRan::Finished(Box::new(out_of_memory(vm)))),
    }
}

/// The memory limit was hit, and nobody caught it.
fn out_of_memory(vm: &Vm) -> Exit {
    let limit = vm.universe().memory_limit();
    let memory_bytes = (limit != usize::MAX).then_some(limit as u64);
    Exit::failed(memory_failure(&Limits { memory_bytes, mailbox: None }))
}

fn end_fiber(vm: &Vm, fiber: FiberId, stack: &Stack) {
    stack.set_top(0);
    vm.cx().fibers.remove(fiber);
    // Its own stack is the one that certainly no code is interrupted on.
    api::coroutine::forget_thread(stack, fiber);
}

/// Coroutine `l` failed; the error is on top of its stack.
fn failed(vm: &Vm, fiber: FiberId, l: *mut lua_State) -> Next {
    let stack = vm.stack(l);
    if is_base(vm, fiber) {
        // Only an error in the guard itself comes here: no memory for its frame.
        return Next::Stop(FiberRan::Finished(Box::new(out_of_memory(vm))));
    }
    let (_, entered) = pop_coroutine(vm, fiber, &stack);
    let parent = vm.cx().fibers.get_mut(fiber).top();
    let to = vm.stack(parent);
    if entered == Entered::Wrap {
        // As in Lua: the coroutine is closed, and a text gets the place of the call in front.
        vm.close_thread(l);
        stack.move_to(&to, 1);
        if let Some(text) = to.bytes(-1) {
            let placed = [to.place(1).as_bytes(), text].concat();
            to.pop(1);
            to.push_bytes(placed);
        }
        vm.universe().set_raise_on_resume();
        return Next::Resume(parent, 1);
    }
    to.push_bool(false);
    stack.move_to(&to, 1);
    Next::Resume(parent, 2)
}

/// What an upgraded program takes over: undelivered messages and events; and, empty, what gives out
/// numbers, so that a timer, answer or socket of the old program is not taken for one of the new.
#[derive(Default)]
struct Kept {
    inbox: Inbox,
    timers: Timers,
    operations: Operations,
    sockets: Sockets,
}

/// Ends the old program of an upgrade; its undelivered messages and events are kept.
fn give_up(vm: &Vm) -> Kept {
    let cx = vm.cx();
    cx.stop_all_timers();
    cx.close_sockets();
    cx.operations.forget_all();
    let mut inbox = std::mem::take(&mut cx.inbox);
    inbox.close_all(&mut cx.channels);
    inbox.take_back(not_received(cx));
    cx.channels = Channels::new();
    Kept {
        inbox,
        timers: std::mem::take(&mut cx.timers),
        operations: std::mem::take(&mut cx.operations),
        sockets: std::mem::take(&mut cx.sockets),
    }
}

/// Values on their way to fibers that will not run any more, in the order in which they were given
/// out.
fn not_received(cx: &mut Cx) -> Vec<Value> {
    let mut values = Vec::new();
    let mut keep = |completion| {
        if let Completion::Received { value: Some(value), .. } = completion {
            values.push(value);
        }
    };
    while let Some(fiber) = cx.fibers.next() {
        if let Some(Resumption::Channel(completion)) = cx.fibers.get_mut(fiber).resumption.take() {
            keep(completion);
        }
    }
    while let Some(wake) = cx.channels.next_wake() {
        keep(wake.completion);
    }
    values
}

fn kill_exit(vm: &Vm, step: &mut Step<'_>) -> Exit {
    if let Some(text) = vm.universe().take_panic() {
        return Exit::failed(Failure::new(kind::INTERNAL, format!("runtime fault: {text}")));
    }
    let failure = step.state.take_kill().map_or_else(Failure::terminated, |failure| *failure);
    Exit::failed(failure)
}

/// Where each fiber is: `<call> at <entry>:<line>`.
fn places(vm: &Vm) -> Vec<String> {
    let fibers = &vm.cx().fibers;
    let place = |fiber: &super::fiber::Fiber| {
        let stack = vm.stack(fiber.top());
        let place = (0..100).map(|level| stack.place(level)).find(|place| !place.is_empty());
        let place = place.unwrap_or_else(|| "?".to_owned());
        format!("{} at {}", fiber.waits_in, place.trim_end_matches(": "))
    };
    fibers.iter().map(|(_, fiber)| place(fiber)).collect()
}

fn memory_failure(limits: &Limits) -> Failure {
    let text = match limits.memory_bytes {
        Some(bytes) => format!("memory limit of {} exceeded", size_text(bytes)),
        None => "not enough memory".to_owned(),
    };
    Failure::new(kind::LIMIT_EXCEEDED, text)
}
