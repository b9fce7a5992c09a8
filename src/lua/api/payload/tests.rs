//! The rows of the specification of payloads, told in Lua.

use super::*;
use crate::lua::api::testing::TestVm;

fn vm() -> TestVm {
    let vm = TestVm::new();
    vm.set_global("errors", errors::open);
    vm.set_global("payload", open);
    vm.run(
        r#"
        function internal(text, v, e)
            assert(v == nil and e:kind() == "Internal" and e:retryable() == false and tostring(e) == text, tostring(e))
        end
        F = payload.format
        "#,
    );
    vm
}

#[test]
fn the_module_is_read_only() {
    vm().run(
        r#"
        assert(F.LUA == "lua/any" and F.STRING == "text/plain" and F.JSON == "json/plain")
        assert(F.BYTES == "application/octet-stream" and F.ERROR == "lua/error" and F == payload.format)
        assert(not pcall(function() payload.x = 1 end))
        local ok, e = pcall(function() payload.format.x = 1 end)
        assert(e == "test:5: cannot modify read-only table 'payload.format'")
        "#,
    );
}

#[test]
fn data_is_the_same_value_on_each_call() {
    vm().run(
        r#"
        local t = { 1 }
        local p = payload.new(t)
        assert(p:data() == p:data() and p:data()[1] == 1 and p:unmarshal() == p:data())
        assert(p:get_format() == "lua/any" and payload.new("x"):data() == "x")
        assert(payload.new(nil):data() == nil and payload.new(false):data() == false)
        local e = errors.new("boom")
        assert(payload.new(e):get_format() == "lua/error" and payload.new(e):data() == e)
        assert(payload.new(p) == p)
        local ok, text = pcall(function() payload.new { f = print } end)
        assert(text == "test:10: cannot send a function (argument 1.f)", text)
        local json = p:transcode(F.JSON)
        assert(json:data() ~= t and json:data() == json:data() and json:data()[1] == 1)
        "#,
    );
}

#[test]
fn text_is_that_of_the_data() {
    vm().run(
        r#"
        local function text(v) return tostring(payload.new(v)) end
        assert(text("hello") == "hello" and text(42) == "42" and text(nil) == "nil" and text(1.0) == "1.0")
        assert(text({}):find("^table: 0x") and text(errors.new("boom")) == "boom")
        "#,
    );
}

#[test]
fn values_take_the_forms_that_they_have() {
    vm().run(
        r#"
        local function form(v, f) return payload.new(v):transcode(f) end
        assert(form("s", F.STRING):data() == "s" and form(1, F.STRING):data() == "1")
        assert(form(1.5, F.STRING):data() == "1.5" and form(true, F.STRING):data() == "true")
        assert(form("s\0", F.BYTES):data() == "s\0" and form("s", F.STRING):get_format() == "text/plain")
        internal("cannot transcode a table to `text/plain`", form({}, F.STRING))
        internal("cannot transcode a nil to `text/plain`", form(nil, F.STRING))
        internal("cannot transcode a number to `application/octet-stream`", form(1, F.BYTES))
        internal("unknown payload format `xml`", form(1, "xml"))
        for _, v in ipairs { 1, 2^53 | 0, "x", true, 1.5, math.mininteger } do
            assert(form(v, F.JSON):data() == v and math.type(form(v, F.JSON):data()) == math.type(v))
        end
        assert(tostring(form({ 1, { a = "b" }, {} }, F.JSON)) == '[1,{"a":"b"},[]]')
        assert(form(nil, F.JSON):data() == nil and form({}, F.LUA):get_format() == "lua/any")
        local loop = {}
        loop[1] = loop
        internal("cannot encode a table that contains itself (argument 1[1])", form(loop, F.JSON))
        internal("cannot encode the number inf (argument 1)", form(math.huge, F.JSON))
        assert(form({ 1 }, F.JSON):transcode(F.LUA):data()[1] == 1)
        assert(not pcall(payload.new(1).transcode, 1, "x") and not pcall(payload.new(1).data, {}))
        "#,
    );
}

#[test]
fn a_payload_cannot_be_called_or_changed() {
    vm().run(
        r#"
        local p = payload.new(1)
        local ok, e = pcall(function() return p() end)
        assert(e == "test:3: attempt to call a Payload value", e)
        assert(not pcall(p, p) and not pcall(function() p.x = 1 end) and p.x == nil)
        "#,
    );
}
