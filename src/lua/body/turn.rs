//! A turn of a program: the loop that runs its fibers until all of them wait, the slice is over, or
//! the program ends.

use super::switch::{self, Switched, is_base, raise};
use super::{call_places, finished, memory_failure, places};
use crate::channel::FiberId;
use crate::lua::api;
use crate::lua::cx::{Suspend, TakenIn, Upgrade};
use crate::lua::fiber::Resumption;
use crate::lua::guard::Verdict;
use crate::lua::raw::ffi::lua_State;
use crate::lua::raw::{Raise, Stack};
use crate::lua::vm::{Ran, Vm};
use crate::process::{Exit, Failure, StepEnd, kind};

/// The program's main fiber.
pub(super) const MAIN: FiberId = FiberId(0);

/// Why the loop over the fibers stopped.
pub(super) enum Ended {
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

pub(super) fn run_fibers(vm: &Vm) -> Ended {
    for n_fibers in 1.. {
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
            FiberRan::GaveWay if !vm.cx().is_spent_after(n_fibers) => {}
            FiberRan::GaveWay | FiberRan::Preempted => return Ended::Step(StepEnd::Preempted),
            FiberRan::Finished(exit) => return Ended::Step(StepEnd::Finished(exit)),
            FiberRan::Killed => return Ended::Killed,
            FiberRan::Upgrade(upgrade) => return Ended::Upgrade(upgrade),
        }
    }
    unreachable!("the numbers do not end")
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
    let Some(mut n_args) = prepare(vm, fiber, l) else { return FiberRan::Killed };
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
            // In a `<close>` variable of the coroutine that failed, or while a result was copied.
            return FiberRan::Killed;
        }
        match next {
            Next::Resume((to, n)) if vm.cx().is_spent_after(n_switches) => {
                debug_assert_eq!(vm.cx().fibers.get_mut(fiber).top(), to);
                return interrupted(vm, fiber, n);
            }
            Next::Resume((to, n)) => (l, n_args) = (to, n),
            Next::Stop(ran) => return ran,
        }
    }
    unreachable!("the numbers do not end")
}

/// The slice is over: the fiber goes on before the other fibers of the process, with the `n_args`
/// values on its stack.
fn interrupted(vm: &Vm, fiber: FiberId, n_args: i32) -> FiberRan {
    if vm.cx().step.get().preemption.is_blocked() {
        log_blocked(vm, fiber);
    }
    let fibers = &mut vm.cx().fibers;
    fibers.get_mut(fiber).resumption = Some(Resumption::Continue { n_args });
    fibers.queue_first(fiber);
    FiberRan::Preempted
}

/// Calls that a warning shows.
const CALLS_TOLD: usize = 8;

/// Tells, once for each process, that others had to be served by another worker.
#[cold]
fn log_blocked(vm: &Vm, fiber: FiberId) {
    if std::mem::replace(&mut vm.cx().is_known_to_block, true) {
        return;
    }
    let calls: Vec<_> = call_places(vm, vm.cx().fibers.get_mut(fiber)).take(CALLS_TOLD).collect();
    let (pid, entry, at) = (vm.cx().pid(), vm.cx().process().entry(), calls.join(" < "));
    tracing::warn!(%pid, entry, at, "a call that cannot be interrupted kept a worker busy");
}

/// What follows when a coroutine gave way.
enum Next {
    /// Another coroutine of the same fiber runs.
    Resume(Switched),
    Stop(FiberRan),
}

/// Pushes what the fiber waited for; gives how many values. `None`: the process was killed
/// meanwhile.
fn prepare(vm: &Vm, fiber: FiberId, l: *mut lua_State) -> Option<i32> {
    let resumed = vm.cx().fibers.get_mut(fiber);
    resumed.waits_in = "running";
    let resumption = resumed.resumption.take();
    let stack = vm.stack(l);
    let pushed = match resumption {
        // H2: where a hook interrupted it, nothing may be pushed, not even an error.
        Some(Resumption::Continue { n_args }) => return Some(n_args),
        None => return Some(0),
        Some(Resumption::Channel(completion)) => {
            api::channel::push_completion(&stack, vm.cx(), completion)
        }
        Some(Resumption::Push(push)) => push(&stack, vm.cx()),
    };
    if vm.universe().take_over_limit() {
        let is_stopped = vm.universe().take_stopped();
        if is_stopped && vm.universe().is_dying() {
            return None;
        }
        if is_stopped || exceeds_limit(vm, &stack) {
            return Some(raise(vm, &stack, Raise::out_of_memory()));
        }
    }
    Some(pushed.unwrap_or_else(|error| raise(vm, &stack, error)))
}

/// Whether what was pushed leaves the heap over its limit even after a full collection.
fn exceeds_limit(vm: &Vm, stack: &Stack) -> bool {
    stack.collect_garbage();
    vm.universe().is_too_large()
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
        Suspend::Resume { wrapped } => Next::Resume(switch::enter(vm, fiber, &stack, n, wrapped)),
        Suspend::YieldValues => Next::Resume(switch::leave(vm, fiber, &stack, n)),
        Suspend::Upgrade(upgrade) => Next::Stop(FiberRan::Upgrade(upgrade)),
    }
}

/// The function of coroutine `l` returned `n` values.
fn returned(vm: &Vm, fiber: FiberId, l: *mut lua_State, n: i32) -> Next {
    let stack = vm.stack(l);
    if !is_base(vm, fiber) {
        return Next::Resume(switch::leave(vm, fiber, &stack, n));
    }
    let first = stack.top() - n + 1;
    let verdict = Verdict::from_code(stack.integer(first).unwrap_or(1));
    match verdict {
        Verdict::Returned if fiber == MAIN => {
            let exit = api::exit::from_results(&stack, vm.cx(), first + 1);
            Next::Stop(FiberRan::Finished(Box::new(exit)))
        }
        Verdict::Returned => {
            end_fiber(vm, fiber, &stack);
            Next::Stop(FiberRan::GaveWay)
        }
        Verdict::Raised => {
            let exit = api::exit::from_error(&stack, vm.cx(), first + 1);
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
    Exit::failed(memory_failure(vm.universe().memory_limit()))
}

fn end_fiber(vm: &Vm, fiber: FiberId, stack: &Stack) {
    stack.set_top(0);
    vm.cx().fibers.remove(fiber);
    // Its own stack is the one that certainly no code is interrupted on.
    api::coroutine::forget_thread(stack, fiber);
}

/// Coroutine `l` failed; the error is on top of its stack.
fn failed(vm: &Vm, fiber: FiberId, l: *mut lua_State) -> Next {
    if is_base(vm, fiber) {
        // Only an error in the guard itself comes here: no memory for its frame.
        return Next::Stop(FiberRan::Finished(Box::new(out_of_memory(vm))));
    }
    Next::Resume(switch::fail(vm, fiber, l))
}
