-- The `json` module.
local check = require("check")

check.ok("json is a module and a global", require("json") == json)
local encodes = {
    { nil, "null" }, { true, "true" }, { false, "false" }, { 1, "1" }, { -5, "-5" }, { 1.5, "1.5" }, { 1.0, "1.0" },
    { math.maxinteger, "9223372036854775807" }, { math.mininteger, "-9223372036854775808" }, { "text", '"text"' },
    { 'quote " backslash \\ ', '"quote \\" backslash \\\\ "' }, { "\n\t\0", '"\\n\\t\\u0000"' }, { "é", '"é"' },
    { {}, "[]" }, { { 1, 2, 3 }, "[1,2,3]" }, { { a = 1 }, '{"a":1}' }, { { b = 1, a = 2 }, '{"a":2,"b":1}' },
    { { { { } } }, "[[[]]]" }, { { list = { { k = "v" } } }, '{"list":[{"k":"v"}]}' },
}
for _, pair in pairs(encodes) do
    local value, want = pair[1], pair[2]
    if want == nil then
        value, want = nil, pair[2]
    end
    if json.encode(value) ~= want then
        check.equal("encode " .. tostring(want), json.encode(value), want)
    end
end
check.ok("encode", true)
check.equal("encode of nil", json.encode(nil), "null")

local decodes = {
    { "true", true }, { "false", false }, { "1", 1 }, { "-0", -0.0 }, { "1.5", 1.5 }, { "1e3", 1000.0 }, { "1.0", 1.0 }, { '"text"', "text" },
    { '"\\u0041\\n\\/"', "A\n/" }, { '"\\ud83d\\ude00"', "😀" }, { "[]", {} }, { "{}", {} }, { " [ 1 , 2 ] ", { 1, 2 } },
    { '{"a":{"b":[1,"x",true]}}', { a = { b = { 1, "x", true } } } }, { "9223372036854775807", math.maxinteger },
}
for _, pair in ipairs(decodes) do
    local got, err = json.decode(pair[1])
    if check.show(got) ~= check.show(pair[2]) then
        check.equal("decode " .. pair[1], err or got, pair[2])
    end
end
check.ok("decode", true)
check.equal("decode of null", table.pack(json.decode("null")), { n = 1 })
check.equal("integers stay integers", math.type(json.decode("3")), "integer")
check.equal("floats stay floats", math.type(json.decode("3.0")), "float")
check.equal("decode of an error as text", json.decode(errors.new("[1]")), { 1 })

for _, bad in ipairs({ "", "{", "[1,]", "{a:1}", "nul", "'x'", '"\\x"', "[1] 2", "01", "1.", "+1", '"\1"', '"\\ud800"', "NaN", "1e999", ("["):rep(100000) }) do
    local value, err = json.decode(bad)
    if value ~= nil or not errors.is(err, errors.INVALID) or err:retryable() ~= false then
        check.ok("decode of '" .. bad:sub(1, 20) .. "' fails", false, check.show(err or value))
    end
end
check.ok("bad texts are Invalid", true)
print(select(2, json.decode("[1,]")))
print(select(2, json.decode('{"a" 1}')))

local cycle = {}
cycle.self = cycle
local deep = {}
for _ = 1, 100000 do
    deep = { deep }
end
for row, bad in check.sorted({
    ["a function"] = print, ["infinity"] = math.huge, ["NaN"] = 0 / 0, ["a gap"] = { 1, nil, 3 }, ["mixed keys"] = { 1, a = 2 },
    ["a boolean key"] = { [true] = 1 }, ["a cycle"] = cycle, ["a deep table"] = deep, ["a channel"] = { channel.new() },
}) do
    local text, err = json.encode(bad)
    check.ok("encode refuses " .. row, text == nil and errors.is(err, errors.INVALID), check.show(err or text))
end

check.equal("pretty", json.pretty({ a = { 1, 2 }, b = {} }), '{\n  "a": [\n    1,\n    2\n  ],\n  "b": []\n}')
check.equal("indent", json.encode({ 1 }, { indent = 4 }), "[\n    1\n]")
check.equal("indent 0", json.encode({ 1 }, { indent = 0 }), "[1]")
check.fails("a bad indent", "Invalid: indent must be an integer from 0 to 16", json.encode(1, { indent = 17 }))
check.raises("options must be a table", "bad argument #2 to 'encode' (table expected, got number)", json.encode, 1, 2)
check.raises("decode wants a text", "bad argument #1 to 'decode' (string expected, got table)", json.decode, {})

-- What was encoded is decoded to the same.
for _, value in ipairs({ { 1, 2.5, "x", { k = { true, false } } }, "text\0\1\2", math.mininteger, 0.1, 1e300, -0.0 }) do
    if check.show(json.decode(json.encode(value))) ~= check.show(value) then
        check.equal("again", json.decode(json.encode(value)), value)
    end
end
check.ok("texts can be read again", true)
