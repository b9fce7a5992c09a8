//! `xpcall` whose message handler cannot keep a dying process alive.
//!
//! A kill raises inside the running code where it cannot suspend it. Lua calls the message handler
//! on every error, also on that one, and inside of a hook, where no further hook runs: a handler
//! that loops would never end. So the handler that Lua sees is ours, and calls the user's only in a
//! process that is not dying.

use super::catalog::stock;
use super::traceback::TRACEBACK;
use crate::lua::cx::Cx;
use crate::lua::raw::{Came, HostFn, LuaType, Outcome, Raise, Stack, continuation, host};

/// The handler that Lua sees.
pub(crate) const MESSAGE_HANDLER: HostFn = host!(handle);

/// `xpcall(f, handler, ...)`: the stack becomes handler, true, f, arguments.
pub(super) fn xpcall(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    if stack.kind(2) != LuaType::Function {
        return Ok(Outcome::Nested(stock().xpcall)); // raises
    }
    let n_args = stack.top() - 2;
    stack.push_value(2);
    if !stack.is_function(-1, TRACEBACK) {
        stack.push_closure(MESSAGE_HANDLER, 1);
    }
    stack.push_bool(true);
    stack.push_value(1);
    stack.rotate(3, 3);
    stack.remove(2);
    stack.remove(1);
    Ok(Outcome::Protect { n_args, handler: 1, can_wait: true, then: continuation!(finish) })
}

fn finish(stack: &Stack, _: &mut Cx, came: Came) -> Result<Outcome, Raise> {
    match came {
        Came::Results(n) => Ok(Outcome::Return(n + 1)),
        Came::Error => {
            stack.push_bool(false);
            stack.insert(-2);
            Ok(Outcome::Return(2))
        }
    }
}

/// The message handler, with the user's as upvalue: argument and result are the error.
fn handle(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    if stack.universe().is_dying() {
        return Ok(Outcome::Return(1));
    }
    stack.push_upvalue(1);
    stack.insert(1);
    Ok(Outcome::Call { n_args: 1, n_results: 1, then: continuation!(handled) })
}

fn handled(_: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    Ok(Outcome::Return(1))
}
