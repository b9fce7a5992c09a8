//! `process.upgrade`: the process goes on as another program.

use super::spawn::{find_program, no_program};
use crate::lua::api::args::text_arg;
use crate::lua::api::channel::check_wait;
use crate::lua::api::refused::fail;
use crate::lua::cx::{Cx, Suspend, Upgrade};
use crate::lua::raw::{Outcome, Raise, Stack};
use crate::lua::transfer;
use crate::process::{Failure, kind};

pub(super) fn upgrade(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    check_wait(stack, "upgrade")?;
    let id = match stack.is_nil(1) {
        true => cx.launch.program.id.to_string(),
        false => String::from_utf8_lossy(&text_arg(stack, 1)?).into_owned(),
    };
    let first = 2.min(stack.top() + 1);
    let args = match transfer::encode(stack, cx, stack.rest(first)) {
        Ok(args) => args,
        Err(error) => return fail(stack, kind::INVALID, error.to_string()),
    };
    match find_program(cx, &id) {
        Ok(launch) => {
            cx.suspend = Suspend::Upgrade(Box::new(Upgrade { launch, args }));
            Ok(Outcome::Suspend(0))
        }
        Err(why) => {
            let cause = no_program(&id, why).into_text();
            let failure = Failure::new(kind::INTERNAL, format!("upgrade: create failed: {cause}"));
            cx.step.get().state.kill(failure);
            Ok(Outcome::Die)
        }
    }
}
