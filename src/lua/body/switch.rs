//! From one coroutine of a fiber to another: into the one that is resumed, and back by a yield, the
//! end or an error. Values move between the stacks; nothing is nested on the stack of the worker.

use crate::channel::FiberId;
use crate::lua::fiber::Entered;
use crate::lua::raw::ffi::lua_State;
use crate::lua::raw::{Raise, Stack, ThreadTag};
use crate::lua::vm::Vm;

/// The coroutine that runs next, and how many values on its stack it gets.
pub(super) type Switched = (*mut lua_State, i32);

/// The coroutine that is the first of the `n` top values of `from` runs next, with the others.
pub(super) fn enter(vm: &Vm, fiber: FiberId, from: &Stack, n: i32, wrapped: bool) -> Switched {
    let thread = from.thread(-n).expect("coroutine.resume checks its argument");
    let to = vm.stack(thread);
    let n_args = n - 1;
    if !to.reserve(n_args + 1) {
        from.pop(n);
        let raised = raise(vm, from, Raise::Message("too many arguments to resume".to_owned()));
        return (from.raw(), raised);
    }
    from.move_to(&to, n_args);
    from.pop(1);
    to.set_tag(ThreadTag::Active, true);
    let entered = if wrapped { Entered::Wrap } else { Entered::Resume };
    vm.cx().fibers.get_mut(fiber).stack.push((thread, entered));
    (thread, n_args)
}

/// The top coroutine of the fiber gives `n` values back to its resumer: by a yield or its end.
pub(super) fn leave(vm: &Vm, fiber: FiberId, from: &Stack, n: i32) -> Switched {
    let entered = pop_coroutine(vm, fiber, from);
    let parent = vm.cx().fibers.get_mut(fiber).top();
    let to = vm.stack(parent);
    if !to.reserve(n + 1) {
        from.pop(n);
        let raised = raise(vm, &to, Raise::Message("too many results to resume".to_owned()));
        return (parent, raised);
    }
    if entered == Entered::Resume {
        to.push_bool(true);
    }
    from.move_to(&to, n);
    (parent, n + i32::from(entered == Entered::Resume))
}

/// Takes the top coroutine off the fiber; gives how it was entered.
fn pop_coroutine(vm: &Vm, fiber: FiberId, stack: &Stack) -> Entered {
    stack.set_tag(ThreadTag::Active, false);
    let (_, entered) = vm.cx().fibers.get_mut(fiber).stack.pop().expect("a fiber has its base");
    entered
}

/// Whether the fiber runs its own coroutine, and none that it resumed.
pub(super) fn is_base(vm: &Vm, fiber: FiberId) -> bool {
    vm.cx().fibers.get_mut(fiber).stack.len() == 1
}

/// The top coroutine `l` of the fiber failed: its resumer gets the error, which is on top of its
/// stack.
pub(super) fn fail(vm: &Vm, fiber: FiberId, l: *mut lua_State) -> Switched {
    let stack = vm.stack(l);
    let entered = pop_coroutine(vm, fiber, &stack);
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
        return (parent, 1);
    }
    to.push_bool(false);
    stack.move_to(&to, 1);
    (parent, 2)
}

/// Makes the next resume raise; gives the number of its values.
pub(super) fn raise(vm: &Vm, stack: &Stack, error: Raise) -> i32 {
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
