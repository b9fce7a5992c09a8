//! The rows of the table of result records, told in Lua.

use super::*;
use crate::lua::api::testing::TestVm;
use crate::lua::raw::host;
use crate::process::Failure;

const PRELUDE: &str = r#"
    function raises(text, f, ...)
        local ok, e = pcall(f, ...)
        assert(not ok and e == text, tostring(e))
    end
"#;

/// `record(v)` is the result of a process that returned `v`, `failed` that of one that failed.
fn vm() -> TestVm {
    let vm = TestVm::new();
    vm.set_global("errors", errors::open);
    vm.set_global("failed", |stack| push(stack, &Exit::failed(Failure::new("Internal", "boom"))));
    vm.set_global("record", |stack| {
        stack.push_fn(host!(|stack, cx| {
            let value = transfer::encode_one(stack, cx, 1, "result").unwrap();
            push(stack, &Exit::normal(Some(value)));
            Ok(Outcome::Return(1))
        }));
    });
    vm.run(PRELUDE);
    vm
}

#[test]
fn fields_are_the_records_own_and_others_the_values() {
    vm().run(
        r#"
        local r = record { value = 1, error = 2, x = 3, 10, 20 }
        assert(type(r) == "table" and r.value.x == 3 and r.error == nil)
        assert(r.x == 3 and r["x"] == 3 and r[2] == 20 and r[3] == nil and r[{}] == nil)
        assert(record("s").x == nil and record(nil).value == nil and record(nil).x == nil)
        assert(failed.value == nil and failed.error:kind() == "Internal" and failed.x == nil)
        assert(getmetatable(r) == false and record(record(7)).value.value == 7)
        assert(record(record { x = 1 }).x == 1)
        "#,
    );
}

#[test]
fn text_is_that_of_the_value_or_of_the_error() {
    vm().run(
        r#"
        assert(tostring(record(42)) == "42" and tostring(record("s")) == "s")
        assert(tostring(record(nil)) == "nil" and tostring(record(false)) == "false")
        assert(tostring(record {}):find("^table: 0x") and tostring(failed) == "boom")
        assert("v: " .. record(1) == "v: 1" and record(1.5) .. "!" == "1.5!" and record(1) .. record(2) == "12")
        assert("e: " .. failed == "e: boom" and record(nil) .. "" == "nil" and 1 .. record(2) == "12")
        assert(record("a") .. errors.new("b") == "ab" and errors.new("b") .. record("a") == "ba")
        raises("test:8: attempt to concatenate a nil value", function() return record(1) .. nil end)
        "#,
    );
}

#[test]
fn operators_work_as_on_the_value() {
    vm().run(
        r##"
        local a, b = record(6), record(4)
        assert(a + b == 10 and a - 1 == 5 and 10 * b == 40 and a / b == 1.5 and a // b == 1 and a % b == 2)
        assert(a ^ 2 == 36.0 and -a == -6 and math.type(a + 1) == "integer")
        assert(a & b == 4 and a | 1 == 7 and a ~ b == 2 and ~a == ~6 and a << 1 == 12 and a >> 1 == 3)
        assert(a > b and b < 5 and 5 <= a and not (a <= b) and record("a") < "b")
        assert(#record("abc") == 3 and #record { 1, 2 } == 2 and record("5") + 1 == 6)
        local mt = { __add = function() return "added" end, __lt = function() return true end, __len = function() return 9 end }
        assert(record(1) + setmetatable({}, mt) == "added" and record(1) < setmetatable({}, mt))
        raises("test:10: attempt to perform arithmetic on a nil value", function() return failed + 1 end)
        raises("test:11: attempt to perform arithmetic on a table value", function() return 1 + record {} end)
        raises("test:12: attempt to perform bitwise operation on a nil value", function() return failed & 1 end)
        raises("test:13: attempt to compare nil with number", function() return failed < 1 end)
        raises("test:14: attempt to compare two table values", function() return record {} < record {} end)
        raises("test:15: attempt to get length of a number value", function() return #record(5) end)
        assert(not pcall(function() return record("x") + 1 end))
        "##,
    );
}

#[test]
fn equality_is_between_records_that_succeeded() {
    vm().run(
        r#"
        assert(record(1) == record(1) and record(1) ~= record(2) and record("a") == record("a"))
        assert(record(nil) == record(nil) and record(1) == record(1.0))
        assert(record(1) ~= 1 and record {} ~= {} and {} ~= record {} and record {} ~= record {})
        local other = record(1)
        other.error = errors.new("x")
        assert(failed ~= record(nil) and other ~= record(1) and failed == failed)
        assert(record(record(1)) == record(record(1)))
        "#,
    );
}

#[test]
fn iteration_is_over_the_value_or_the_record() {
    vm().run(
        r#"
        local function keys(r)
            local list = {}
            for k, v in pairs(r) do list[#list + 1] = tostring(k) .. "=" .. tostring(v) end
            table.sort(list)
            return table.concat(list, " ")
        end
        assert(keys(record { 1, x = 2 }) == "1=1 x=2" and keys(record(5)) == "value=5")
        assert(keys(failed) == "error=boom" and keys(record(nil)) == "" and keys(record(record { 7 })) == "1=7")
        local n = 0
        for i, v in ipairs(record { 1, 2, 3 }) do n = n + v end
        for i, v in ipairs(record(5)) do n = n + 100 end
        assert(n == 6)
        local next = pairs(record {})
        assert(not pcall(next, 5) and not pcall(next, {}, "no key"))
        "#,
    );
}

#[test]
fn a_record_that_contains_itself_ends_in_an_error() {
    vm().run(
        r##"
        local r = record {}
        r.value = r
        for _, op in ipairs { "tostring(r)", "r.x", "r + 1", "#r", "r .. ''", "r < 1", "-r", "pairs(r)" } do
            assert(not pcall(load("local r = ... return " .. op), r), op)
        end
        "##,
    );
}

#[test]
fn a_cut_result_says_so() {
    let vm = vm();
    vm.set_global("cut", |stack| push(stack, &Exit { truncated: true, ..Exit::default() }));
    vm.run("assert(cut.truncated == true and cut.value == nil and record(1).truncated == nil)");
}
