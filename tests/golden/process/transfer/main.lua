-- Values that cross, in arguments, messages, results and details (section 7).
local check = require("check")

local me = process.pid()
local function sent(...)
    assert(process.send(me, "x", ...))
    return (process.listen("x"):receive())
end

for _, value in ipairs({ true, false, 5, math.mininteger, 1.0, -0.0, math.huge, "", "\0\255\n", "text" }) do
    local got = sent(value)
    check.ok("itself: " .. check.show(value), got == value and math.type(got) == math.type(value))
end
local nan = sent(0 / 0)
check.ok("itself: not a number", nan ~= nan)
check.equal("nil", sent(nil), nil)
local long = string.rep("long ", 100000)
check.ok("a long string", sent(long) == long)

local original = { 1, 2, x = { y = "z" }, [3.5] = true, [false] = "no" }
local copy = sent(original)
check.equal("a table", copy, original)
check.ok("is a new table", copy ~= original and copy.x ~= original.x)
local shared = { 1 }
copy = sent({ shared, shared, again = shared })
check.ok("shared references stay shared", copy[1] == copy[2] and copy.again == copy[1])
local cycle = { name = "cycle" }
cycle.self = cycle
copy = sent(cycle)
check.ok("cycles stay cycles", copy.self == copy and copy ~= cycle)
copy = sent(shared, { shared })
check.ok("shared inside one payload", copy[1] == copy[2][1] or copy[1][1] == 1)
local key = { "key" }
copy = sent({ [key] = key })
local k, v = next(copy)
check.ok("a table as key", type(k) == "table" and k == v)

local calls = 0
local object = setmetatable({ plain = 1 }, {
    __index = function() calls = calls + 1 return 5 end,
    __pairs = function() calls = calls + 1 return next, {} end,
    __len = function() calls = calls + 1 return 9 end,
    __gc = function() calls = calls + 1 end,
})
copy = sent(object)
check.equal("metamethods are not run", calls, 0)
check.equal("metatables are not carried", { copy.plain, copy.other, getmetatable(copy) }, { 1 })

process.send(me, "payload", "inner")
local m = process.listen("payload", { message = true }):receive()
check.equal("a Payload is unwrapped", sent(m:payload()), "inner")
check.equal("also inside tables", sent({ p = payload.new({ 1 }) }), { p = { 1 } })

local err = errors.wrap(errors.new({ message = "bad", kind = "Conflict", retryable = true,
    details = { n = { 1 } } }), "context")
copy = sent(err)
check.equal("an error", { copy:message(), copy:kind(), copy:retryable(), copy:details() },
    { "bad", "Conflict", true, { n = { 1 } } })
check.ok("with its stack text", copy:stack() == err:stack() and copy:stack():find("context", 1, true))
copy = sent({ err = errors.new("plain") })
check.equal("an error in a table", { tostring(copy.err), copy.err:kind(), copy.err:retryable() }, { "plain", "" })

local pid = check.script("return { n = 1 }")
local event = check.event()
copy = sent({ event = event })
check.ok("a result record", copy.event.result.n == 1 and copy.event.result.value.n == 1
    and copy.event.from == pid and copy.event.result == copy.event.result)
check.script("error('failed', 0)")
event = check.event()
copy = sent(event)
check.equal("a result record of a failure", { tostring(copy.result), copy.result.error:kind(), copy.error:message() },
    { "failed", "Internal", "failed" })

local cannot = {
    { "function", print },
    { "function", function() end },
    { "thread", coroutine.create(print) },
    { "Channel", channel.new() },
    { "Timer", time.timer("1h") },
    { "Ticker", time.ticker("1h") },
    { "Message", m },
}
for _, case in ipairs(cannot) do
    local value, failure = process.send(me, "x", case[2])
    check.ok("cannot cross: " .. case[1], value == nil and failure:kind() == "Invalid"
        and failure:message():find("^cannot send a .+ %(argument 1%)$") ~= nil,
        tostring(failure))
    print("", failure)
end
check.fails("by position", "Invalid: cannot send a function (argument 2)", process.send(me, "x", 1, print))
check.fails("in a table", "Invalid: cannot send a function (argument 1.a.b[2])",
    process.send(me, "x", { a = { b = { 1, print } } }))
local bad, failure = process.send(me, "x", { [print] = 1 })
check.ok("as a key", bad == nil and failure:kind() == "Invalid" and failure:message():find("^cannot send a function"),
    tostring(failure))
print("", failure)
check.fails("as an argument of spawn", "Invalid: cannot send a function (argument 1.f)",
    process.spawn("golden:script", check.HOST, { f = print }))

local result = check.script("return { 1, print, { f = print, x = 2 } }")
check.exits("in a result it becomes nil", result, { 1, nil, { x = 2 } })
check.exits("the result itself", check.script("return print"), nil)
check.script("error(errors.new{ message = 'm', details = { f = print, x = 1 } })")
check.equal("in details too", check.event().error:details(), { x = 1 })

local deep = {}
for _ = 1, 200000 do
    deep = { deep }
end
local depth = 0
copy = sent(deep)
while copy do
    copy, depth = copy[1], depth + 1
end
check.equal("any depth is safe", depth, 200001)
pid = check.script("local d = ... local n = 0 while d do d, n = d[1], n + 1 end return n", deep)
check.exits("as an argument too", pid, 200001)
