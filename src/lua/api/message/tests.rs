//! The rows of the specification of messages, told in Lua.

use super::*;
use crate::lua::api::testing::TestVm;
use crate::process::{Pid, Serial, Topic};

/// `message(topic, from_self, ...)` is a message with a payload.
fn vm() -> TestVm {
    let vm = TestVm::new();
    vm.with(install_string_call);
    vm.set_global("payload", payload::open);
    vm.set_global("message", |stack| stack.push_fn(host!(message)));
    vm.run(
        r#"
        function raises(text, f, ...)
            local ok, e = pcall(f, ...)
            assert(not ok and e == text, tostring(e))
        end
        "#,
    );
    vm
}

fn message(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let topic = stack.bytes(1).unwrap_or_default().iter().copied().collect();
    let from = stack.truthy(2).then(|| Pid::new(Serial::new(4, 0), "app:h"));
    let payload = transfer::encode(stack, cx, stack.rest(3)).unwrap();
    push(stack, cx, &mut Message { topic, from, payload, call: None, attachment: None });
    Ok(Outcome::Return(1))
}

#[test]
fn fields_and_methods_give_the_same() {
    vm().run(
        r#"
        local m = message("greet", true, "hello")
        assert(m.topic == "greet" and m:topic() == "greet" and m.topic:upper() == "GREET")
        assert(m.from == "{app:h|0x00004}" and m:from() == m.from)
        assert(m.payload == m.payload and m:payload() == m.payload and m:payload():data() == "hello")
        assert(m:payload():get_format() == "lua/any" and tostring(m.payload) == "hello")
        assert(tostring(m) == "process.Message{topic=greet}" and m.nothing == nil and m[1] == nil)
        raises("test:8: cannot modify a Message", function() m.topic = "x" end)
        assert(getmetatable(m) == false)
        "#,
    );
}

#[test]
fn no_payload_is_an_empty_one() {
    vm().run(
        r#"
        local m = message("t", true)
        assert(m.payload:data() == nil and m:payload() == nil)
        local n = message("t", true, nil)
        assert(n:payload():data() == nil)
        "#,
    );
}

#[test]
fn several_payloads_are_an_array() {
    vm().run(
        r#"
        local shared = {}
        local m = message("t", true, 1, nil, shared, shared)
        local p = m:payload()
        assert(type(p) == "table" and #p == 4 and p == m.payload and m:payload() == p)
        assert(p[1]:data() == 1 and p[2]:data() == nil and p[3]:data() == p[4]:data())
        raises("test:7: attempt to call a table value", function() p() end)
        raises("test:8: attempt to call a table value", function() p(message("t", true, 1, 2)) end)
        "#,
    );
}

#[test]
fn a_missing_sender_is_empty_text_or_nil() {
    vm().run(
        r#"
        local m = message("t", false)
        assert(m.from == "" and m:from() == nil and m:topic() == "t")
        local empty = message("", false)
        assert(empty:topic() == "" and empty:from() == nil and empty:topic() == "")
        assert(message("", true):topic() == "" and message("", true):from() ~= nil)
        "#,
    );
}

#[test]
fn only_a_field_of_the_message_may_be_called() {
    vm().run(
        r#"
        local m = message("t", true, 1)
        raises("test:3: attempt to call a string value", function() ("x")() end)
        raises("test:4: attempt to call a string value", function() ("x")(m) end)
        raises("test:5: attempt to call a string value", function() m.topic({}) end)
        raises("test:6: attempt to call a Payload value", function() m.payload() end)
        raises("test:7: attempt to call a Payload value", function() m.payload(message("t", true, 1)) end)
        raises("test:8: attempt to call a Payload value", function() payload.new(1)(m) end)
        raises("test:9: attempt to call a string value", function() local s = "x"; s(nil) end)
        "#,
    );
}

#[test]
fn a_plain_listener_gets_the_values() {
    let vm = vm();
    vm.set_global("receive", |stack| stack.push_fn(host!(receive)));
    vm.run(
        r#"
        assert(receive() == nil and receive(1) == 1 and receive(nil) == nil)
        local two = receive(1, 2)
        assert(#two == 2 and two[2] == 2)
        "#,
    );
}

/// What a plain listener gets of a message with the arguments as payload.
fn receive(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let payload = transfer::encode(stack, cx, stack.rest(1)).unwrap();
    let topic = Topic::default();
    let mut message = Message { topic, from: None, payload, call: None, attachment: None };
    push_plain(stack, cx, &mut message);
    Ok(Outcome::Return(1))
}
