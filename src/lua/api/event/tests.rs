//! The rows of the table of lifecycle events, told in Lua.

use super::*;
use crate::lua::api::testing::TestVm;
use crate::process::{Cancel, Exit, Failure, Grace, Serial, SharedExit};

fn look(event: &Event, code: &str) {
    let vm = TestVm::new();
    vm.set_global("event", |stack| push(stack, event));
    vm.run(code);
}

#[test]
fn an_exit_tells_the_result() {
    let from = Pid::new(Serial::new(4, 0), "app:h");
    let exit = SharedExit::new(Exit::normal(None));
    look(
        &Event::Exit { from, at_ns: 1_500_000_000, exit },
        r#"
        assert(event.kind == "pid.exit" and event.from == "{app:h|0x00004}" and event.at == 1.5)
        assert(event.result.value == nil and event.result.error == nil and event.error == nil)
        "#,
    );
}

#[test]
fn a_link_down_tells_the_error() {
    let from = Pid::new(Serial::new(4, 0), "app:h");
    let exit = SharedExit::new(Exit::failed(Failure::linked()));
    look(
        &Event::LinkDown { from, at_ns: 0, exit },
        r#"
        assert(event.kind == "pid.link.down" and rawequal(event.error, event.result.error))
        assert(tostring(event.error) == "linked process failed" and math.type(event.at) == "float")
        "#,
    );
}

#[test]
fn a_cancel_tells_reason_and_deadline() {
    let cancel = |grace| {
        let cancel = Cancel { from: None, reason: b"why".to_vec(), at_ns: 0, grace };
        Event::Cancel { cancel: Box::new(cancel) }
    };
    look(
        &cancel(None),
        r#"
        assert(event.kind == "pid.cancel" and event.from == "" and event.reason == "why")
        assert(event.deadline == nil and event.result == nil and event.error == nil)
        "#,
    );
    let grace = Grace { at_ns: 0, wall_ns: 2_500_000_000, failure: None };
    look(&cancel(Some(grace)), "assert(event.deadline == 2.5)");
}
