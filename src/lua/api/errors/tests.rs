//! The rows of the specification of errors, told in Lua.

use super::failure::MESSAGE_MAX;
use super::*;
use crate::lua::api::testing::TestVm;
use crate::lua::testing::bare_cx;
use crate::process::Failure;

const PRELUDE: &str = r#"
    function raises(text, f, ...)
        local ok, e = pcall(f, ...)
        assert(not ok and e == text, tostring(e))
    end
"#;

fn vm() -> TestVm {
    let vm = TestVm::new();
    vm.set_global("errors", open);
    vm.set_global("refused", |stack| {
        fail(stack, kind::NOT_FOUND, "process not found: x");
        stack.remove(-2);
    });
    vm.run(PRELUDE);
    vm
}

#[test]
fn constants_are_the_kinds() {
    vm().run(
        r#"
        local kinds = {
            NOT_FOUND = "NotFound", ALREADY_EXISTS = "AlreadyExists", INVALID = "Invalid",
            PERMISSION_DENIED = "PermissionDenied", UNAVAILABLE = "Unavailable",
            INTERNAL = "Internal", CANCELED = "Canceled", CONFLICT = "Conflict",
            TIMEOUT = "Timeout", RATE_LIMITED = "RateLimited",
            LIMIT_EXCEEDED = "LimitExceeded", UNKNOWN = "",
        }
        local n = 0
        for name, value in pairs(errors) do
            n = n + 1
            assert(rawequal(errors[name], value))
            assert(type(value) == "function" or kinds[name] == value)
        end
        assert(n == 16 and errors.nothing == nil and errors[1] == nil and next(errors) == nil)
        raises("test:16: cannot modify read-only table 'errors'", function() errors.x = 1 end)
        raises("test:17: cannot modify read-only table 'errors'", function() errors.new = 1 end)
        assert(getmetatable(errors) == false and not pcall(setmetatable, errors, nil))
        "#,
    );
}

#[test]
fn new_takes_a_text_or_fields() {
    vm().run(
        r#"
        local e = errors.new("text")
        assert(e:message() == "text" and tostring(e) == "text" and e:kind() == "")
        assert(e:retryable() == nil and e:details() == nil)
        local details = { 1 }
        e = errors.new { message = "m", kind = errors.TIMEOUT, retryable = false, details = details }
        assert(e:message() == "m" and e:kind() == "Timeout" and e:retryable() == false)
        assert(e:details() == details)
        assert(errors.new { message = "m", details = {} }:details() == nil)
        assert(errors.new { message = "m", retryable = true }:retryable() == true)
        assert(errors.new("a", "b"):message() == "a" and errors.new("a", "b"):kind() == "")
        assert(errors.new(5):message() == "5" and errors.new(e):message() == "m")
        raises("bad argument #1 to 'new' (string or table expected, got nil)", errors.new, nil)
        raises("bad argument #1 to 'new' (string or table expected, got no value)", errors.new)
        raises("bad argument #1 to 'new' (message must be a string, got nil)", errors.new, {})
        raises("bad argument #1 to 'new' (kind must be a string, got number)", errors.new, { message = "m", kind = 1 })
        raises("bad argument #1 to 'new' (details must be a table, got string)", errors.new, { message = "m", details = "d" })
        raises("bad argument #1 to 'new' (retryable must be a boolean, got string)", errors.new, { message = "m", retryable = "d" })
        "#,
    );
}

#[test]
fn wrap_adds_a_line_to_the_stack_only() {
    vm().run(
        r#"
        local e = errors.new { message = "m", kind = "K", retryable = true, details = { 1 } }
        local w = errors.wrap(errors.wrap(e, "inner"), "outer")
        assert(w ~= e and w:message() == "m" and w:kind() == "K" and w:retryable() == true)
        assert(w:details() == e:details())
        assert(w:stack():find("^m\nouter\ninner\nstack traceback:\n\ttest:2: in "), w:stack())
        assert(e:stack():find("^m\nstack traceback:\n\ttest:2: in "), e:stack())
        local s = errors.wrap("text", "context")
        assert(s:message() == "text" and s:kind() == "" and s:stack():find("^text\ncontext\nstack traceback:"))
        local r = errors.wrap(refused, "context")
        assert(r:kind() == "NotFound" and r:retryable() == false)
        assert(r:stack():find("^process not found: x\ncontext\nstack traceback:"))
        assert(refused:stack() == "process not found: x")
        assert(not pcall(errors.wrap, nil, "context") and not pcall(errors.wrap, e))
        "#,
    );
}

#[test]
fn is_asks_for_the_kind_of_an_error() {
    vm().run(
        r#"
        local e = errors.new { message = "m", kind = "K" }
        assert(errors.is(e, "K") == true and errors.is(e, "k") == false)
        assert(errors.is(errors.new("x"), errors.UNKNOWN) == true)
        assert(errors.is(nil, "K") == false and errors.is("K", "K") == false and errors.is({}, "K") == false)
        "#,
    );
}

#[test]
fn call_stack_tells_frames() {
    vm().run(
        r#"
        local function make() local e = errors.new("x") return e end
        local s = errors.call_stack(make())
        assert(type(s.thread) == "string" and #s.frames >= 2)
        local f = s.frames[1]
        assert(f.level == 1 and f.source == "test" and f.line == 2)
        assert(f.name == "make" and f.type == "upvalue" or f.type == "local", f.type)
        assert(s.frames[2].type == "main")
        assert(errors.call_stack(nil) == nil and errors.call_stack("x") == nil)
        assert(errors.call_stack(refused) == nil)
        "#,
    );
}

#[test]
fn an_error_is_immutable_and_works_as_text() {
    vm().run(
        r#"
        local e, f = errors.new("boom"), errors.new("bang")
        assert("spawn failed: " .. e == "spawn failed: boom" and e .. "!" == "boom!" and e .. f == "boombang")
        assert(1 .. e == "1boom" and type(e .. e) == "string")
        local odd = setmetatable({}, { __concat = function(a, b) return { a, b } end })
        assert((e .. odd)[1] == "boom" and (odd .. e)[2] == e)
        raises("test:7: attempt to concatenate a nil value", function() return e .. nil end)
        raises("test:8: attempt to concatenate a table value", function() return {} .. e end)
        assert(type(e) == "userdata" and type(e.kind) == "function" and e.nothing == nil)
        raises("test:10: cannot modify an error", function() e.kind = 1 end)
        assert(getmetatable(e) == false and e ~= errors.new("boom") and e == e)
        for _, op in ipairs { '#e', '-e', 'e + 1', 'e < e', 'e()', 'e & 1' } do
            assert(not pcall(load("local e = ... return " .. op), e), op)
        end
        local kind = e.kind
        for _, wrong in ipairs { 1, "x", {}, print, true } do assert(not pcall(kind, wrong)) end
        raises("bad argument #1 to 'kind' (error expected, got no value)", kind)
        raises("test:19: calling 'message' on bad self (error expected, got table)", function()
            local t = { message = e.message } t:message() end)
        local t = { [e] = 1 }
        assert(t[e] == 1 and select(2, pcall(error, e)) == e)
        "#,
    );
}

/// What watchers get of `code` that runs under the handler: message, kind, retryable.
fn failure_of(vm: &TestVm, code: &str) -> Thrown {
    vm.throw(code, message_handler, |stack| to_failure(stack, &mut bare_cx(), -1))
}

#[test]
fn uncaught_errors_become_failures_as_specified() {
    let vm = vm();
    let row = |code: &str, message: &str, kind: &str, retryable: Option<bool>| {
        let Failure { message: m, kind: k, retryable: r, stack, .. } =
            failure_of(&vm, code).failure;
        let got = (String::from_utf8_lossy(&m).into_owned(), k.into_owned(), r);
        assert_eq!(got, (message.to_owned(), kind.to_owned(), retryable), "{code}");
        let stack = String::from_utf8_lossy(&stack).into_owned();
        assert!(stack.starts_with(&format!("{message}\nstack traceback:\n")), "{stack}");
    };
    row("\n\nerror('boom')", "test:3: boom", "Internal", None);
    row("error('boom', 0)", "boom", "Internal", None);
    row("error('a\\0\\27[31mb', 0)", "a\0\x1b[31mb", "Internal", None);
    row("error(errors.new('own'))", "own", "", None);
    row(
        "error(errors.new{message = 'm', kind = 'Timeout', retryable = true})",
        "m",
        "Timeout",
        Some(true),
    );
    row("error(refused)", "process not found: x", "NotFound", Some(false));
    row("error()", "<no error object>", "Internal", None);
    row("error(nil)", "<no error object>", "Internal", None);
    row("error(false)", "false", "Internal", None);
    row("error(42)", "42", "Internal", None);
    row(
        "local t = nil; t.x = 1",
        "test:1: attempt to index a nil value (local 't')",
        "Internal",
        None,
    );
    row(
        "error(setmetatable({}, {__tostring = function() return 'mine' end}))",
        "mine",
        "Internal",
        None,
    );
}

#[test]
fn details_hold_a_copy_of_the_thrown_table() {
    let vm = vm();
    let thrown = failure_of(&vm, "error{code = 1, f = print}");
    assert_eq!(thrown.dropped.unwrap().to_string(), "cannot send a function (details.f)");
    assert!(!thrown.truncated && thrown.failure.text().starts_with("table: 0x"));
    vm.set_global("e", |stack| push_failure(stack, &thrown.failure));
    vm.run("assert(e:details().code == 1 and e:details().f == nil)");
}

#[test]
fn a_failing_tostring_does_no_harm() {
    let vm = vm();
    for body in ["error('inner')", "return {}", "return nil", "while true do return (nil)() end"] {
        let code = format!("error(setmetatable({{}}, {{__tostring = function() {body} end}}))");
        let thrown = failure_of(&vm, &code);
        assert!(thrown.failure.text().starts_with("table: 0x"), "{}", thrown.failure.text());
    }
}

#[test]
fn what_an_exit_carries_is_bounded() {
    let vm = vm();
    let thrown = failure_of(&vm, "error(('\u{e4}'):rep(1 << 20), 0)");
    let message = thrown.failure.message;
    assert!(message.len() <= MESSAGE_MAX && message.len() > MESSAGE_MAX - 4);
    assert!(std::str::from_utf8(&message).is_ok());
    assert!(thrown.failure.stack.starts_with(&message));
    let thrown =
        failure_of(&vm, "error(errors.new{message = 'm', details = {('x'):rep(1 << 20)}})");
    assert!(thrown.truncated && thrown.failure.details.is_none());
}

#[test]
fn returned_errors_are_not_retried_by_default() {
    let vm = vm();
    let returned = |code: &str| {
        vm.set_global("value", |stack| stack.push_nil());
        vm.run(&format!("value = {code}"));
        vm.with(|stack| {
            vm.push_global(stack, "value");
            to_returned_failure(stack, &mut bare_cx(), -1).map(|thrown| {
                (thrown.failure.text().into_owned(), thrown.failure.kind, thrown.failure.retryable)
            })
        })
    };
    let boom = ("boom".to_owned(), "Internal".into(), Some(false));
    assert_eq!(returned("'boom'"), Some(boom));
    assert_eq!(returned("''"), Some((String::new(), "Internal".into(), Some(false))));
    assert_eq!(returned("errors.new('own')"), Some(("own".to_owned(), "".into(), None)));
    assert_eq!(returned("{}"), None);
    assert_eq!(returned("nil"), None);
    assert_eq!(returned("12"), None);
}

#[test]
fn a_failure_comes_back_with_its_stack() {
    let vm = vm();
    let failure = failure_of(&vm, "error(errors.wrap(errors.new('m'), 'context'))").failure;
    vm.set_global("e", |stack| push_failure(stack, &failure));
    vm.run(
        r#"
        assert(e:stack():find("^m\ncontext\nstack traceback:"))
        assert(errors.wrap(e, "more"):stack():find("^m\nmore\ncontext\nstack traceback:"))
        "#,
    );
}

#[test]
fn text_arguments_are_strings_numbers_and_errors() {
    let vm = vm();
    vm.set_global("text", |stack| {
        stack.push_fn(host!(|stack, _cx| {
            let len = text_argument(stack, 1)?.len();
            stack.push_int(len as i64);
            Ok(Outcome::Return(2))
        }));
    });
    vm.run(
        r#"
        assert(text("abc") == "abc" and text(12) == "12" and text(1.5) == "1.5")
        assert(text(errors.new("x")) == "x")
        raises("test:4: bad argument #1 to 'text' (string expected, got nil)", function() text(nil) end)
        raises("test:5: bad argument #1 to 'text' (string expected, got table)", function() text({}) end)
        "#,
    );
}
