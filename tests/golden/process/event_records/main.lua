-- Lifecycle events and the result record (section 11).
local check = require("check")

process.set_options({ trap_links = true })
local me = process.pid()
local function keys(event)
    local names = {}
    for name in pairs(event) do
        names[#names + 1] = name
    end
    table.sort(names)
    return table.concat(names, " ")
end
local function result(source, ...)
    check.script(source, ...)
    return check.event().result
end

local before = os.time()
local pid = process.spawn_linked_monitored("golden:script", check.HOST, "error('boom', 0)")
local exit, down = check.event(), check.event()
local after = os.time() + 1
for _, case in ipairs({ { "EXIT", exit, "pid.exit" }, { "LINK_DOWN", down, "pid.link.down" } }) do
    local name, event, kind = case[1], case[2], case[3]
    check.equal(name .. ": kind, from", { event.kind, event.from }, { kind, pid })
    check.equal(name .. ": fields", keys(event), "at error from kind result")
    check.ok(name .. ": at", math.type(event.at) == "float" and before <= event.at and event.at <= after)
    check.ok(name .. ": error is result.error", event.error == event.result.error)
    check.equal(name .. ": the error", check.error_text(event.error), "Internal, retryable nil: boom")
    check.equal(name .. ": no value", event.result.value, nil)
end
pid = check.script("return 42")
exit = check.event()
check.equal("a normal EXIT", { keys(exit), exit.result.value, exit.error, exit.result.error },
    { "at from kind result", 42 })
check.ok("result is never nil", result("return nil") ~= nil)
check.equal("of nothing", { result("").value, result("").error }, {})

process.cancel(me)
local cancel = check.event()
check.equal("CANCEL: fields", keys(cancel), "at from kind reason")
check.equal("CANCEL: kind, from, reason", { cancel.kind, cancel.from, cancel.reason },
    { "pid.cancel", me, "" })
process.cancel(me, { deadline = "1h", reason = "why" })
cancel = check.event()
check.equal("CANCEL: all fields", keys(cancel), "at deadline from kind reason")
check.ok("CANCEL: deadline", math.type(cancel.deadline) == "float"
    and math.abs(cancel.deadline - cancel.at - 3600) < 0.001)
exit.extra = 1
check.equal("events are ordinary tables", exit.extra, 1)

-- The record stands for its value.
local r42, r5 = result("return 42"), result("return 5")
print(r42, r42 .. "!", "> " .. r42)
check.equal("tostring", tostring(r42), "42")
check.equal("tostring of a failure", tostring(result("error('boom', 0)")), "boom")
check.equal("concatenation of a failure", "> " .. result("error('boom', 0)"), "> boom")
check.equal("tostring of nothing", tostring(result("return")), "nil")
check.equal("tostring of false", tostring(result("return false")), "false")
check.equal("concatenation of records", r42 .. r5, "425")
check.ok("tostring of a table", tostring(result("return {}")):find("^table: "))
local t = result("return { value = 'v', error = 'e', x = 1, 10, 20 }")
check.equal("value and error are the fields", { t.value.value, t.error }, { "v" })
check.equal("other fields are those of the value", { t.x, t[1], t[2], t.nothing }, { 1, 10, 20 })
check.equal("fields of a value that is no table", { r42.x, r42[1] }, {})
check.equal("length of a table", #t, 2)
check.equal("length of a text", #result("return 'four'"), 4)
check.equal("arithmetic", { r42 + 1, 1 + r42, r42 - r5, r42 * 2, r42 / 2, r42 // 5, r42 % 5, r5 ^ 2, -r5 },
    { 43, 43, 37, 84, 21.0, 8, 2, 25.0, -5 })
check.equal("bits", { r42 & 2, r42 | 1, r42 ~ r5, r42 << 1, r42 >> 1, ~r5, 3 & r42 },
    { 2, 43, 47, 84, 21, -6, 2 })
check.equal("order", { r5 < r42, r42 <= r5, r5 < 6, 6 <= r5, r42 > 1 }, { true, false, true, false, true })
check.equal("order of texts", result("return 'a'") < "b", true)
check.equal("equal values", { r5 == result("return 5"), r5 == r42, r5 == result("return 5.0") },
    { true, false, true })
check.equal("equal, with an error", result("error('x', 0)") == result("error('x', 0)"), false)
check.equal("with a plain value", { r5 == 5, r5.value == 5 }, { false, true })
local seen = {}
for key, value in pairs(t) do
    seen[#seen + 1] = tostring(key) .. "=" .. tostring(value)
end
table.sort(seen)
check.equal("pairs over a table", seen, { "1=10", "2=20", "error=e", "value=v", "x=1" })
seen = {}
for _, value in ipairs(t) do
    seen[#seen + 1] = value
end
check.equal("ipairs over a table", seen, { 10, 20 })
seen = {}
for key, value in pairs(r42) do
    seen[#seen + 1] = tostring(key) .. "=" .. tostring(value)
end
check.equal("pairs over the record itself", seen, { "value=42" })
check.raises("arithmetic on a table is Lua's error", "attempt to perform arithmetic on a table value",
    function() return t + 1 end)
