-- channel.md §4.1: what `select` takes.
local check = require("check")

local a, b, full = channel.new(1), channel.new(1), channel.new()
local function bad(row, want, ...)
    check.raises(row, want, channel.select, ...)
end

do
    a:send(1)
    local result = channel.select{ a:case_receive() }
    check.equal("select{…}", result.value, 1)
    a:send(2)
    check.equal("select({…})", channel.select({ a:case_receive() }).value, 2)
end
bad("nothing", "bad argument #1 to 'select' (table expected, got no value)")
bad("a number", "bad argument #1 to 'select' (table expected, got number)", 5)
bad("a case alone", "bad argument #1 to 'select' (table expected, got channel.case)", a:case_receive())
bad("a string among the cases", "bad argument #1 to 'select' (case expected at index 2, got string)",
    { a:case_receive(), "x" })
bad("a channel among the cases", "bad argument #1 to 'select' (case expected at index 1, got channel)", { a })
bad("false among the cases", "bad argument #1 to 'select' (case expected at index 3, got boolean)",
    { a:case_receive(), b:case_receive(), false })
bad("a named value that is no case", "bad argument #1 to 'select' (case expected at 'stop', got boolean)",
    { stop = true })
bad("a value behind a gap", "bad argument #1 to 'select' (case expected at index 5, got number)",
    { [1] = a:case_receive(), [5] = 5 })
bad("default = 1 raises", "bad argument #1 to 'select' (boolean expected at 'default', got number)",
    { default = 1 })
check.ok("default 'x' as second argument raises", not pcall(channel.select, {}, "x"))

check.equal("default = true", channel.select({ full:case_receive(), default = true }), { default = true, ok = true })
check.equal("second argument true", channel.select({ full:case_receive() }, true), { default = true, ok = true })
check.equal("no case, default", channel.select({}, true), { default = true, ok = true })
check.equal("no case, default in the table", channel.select({ default = true }), { default = true, ok = true })
do
    a:send(3)
    check.equal("default = false is none", channel.select({ a:case_receive(), default = false }).value, 3)
    a:send(3)
    check.equal("second argument false is none", channel.select({ a:case_receive() }, false).value, 3)
    a:send(3)
    check.equal("a ready case wins over the default", channel.select({ a:case_receive(), default = true }).value, 3)
end

-- Gaps are skipped, the order stays ascending.
do
    a:send("a")
    b:send("b")
    local result = channel.select({ [7] = a:case_receive(), [3] = b:case_receive(), [2] = full:case_receive() })
    check.equal("index 3 before index 7", result.value, "b")
    check.equal("then index 7", channel.select({ [7] = a:case_receive(), [3] = b:case_receive() }).value, "a")
end
do
    a:send("a")
    b:send("b")
    local result = channel.select({ first = a:case_receive(), b:case_receive() })
    check.equal("the array comes before names", result.value, "b")
    result = channel.select({ stop = a:case_receive(), b:case_receive() })
    check.ok("a named case works", result.channel == a and result.value == "a")
    for _, key in ipairs({ 0, -1, 1.5, true, {} }) do
        a:send("odd")
        local name = type(key) == "table" and "{}" or tostring(key)
        check.equal("key " .. name .. " is a named case",
            channel.select({ full:case_receive(), [key] = a:case_receive() }).value, "odd")
    end
end

-- The same channel in several cases, one case in several selects.
do
    local case = a:case_receive()
    a:send(1)
    check.equal("a case in a select", channel.select({ case, case }).value, 1)
    a:send(2)
    check.equal("the case again", channel.select({ case }).value, 2)
    check.equal("both ends of one channel do not pair",
        channel.select({ full:case_send(1), full:case_receive(), default = true }).default, true)
    check.equal("nor in the other order",
        channel.select({ full:case_receive(), full:case_send(1), default = true }).default, true)
    local got
    coroutine.spawn(function()
        got = channel.select({ full:case_send("own"), full:case_receive() })
    end)
    check.equal("while it waits, others pair with it", (full:receive()), "own")
    coroutine.yield()
    check.equal("and it sees its send", { got.value, got.ok }, { "own", true })
end
do
    local case = a:case_send("again")
    channel.select({ case })
    check.equal("a send case sends", (a:receive()), "again")
    channel.select({ case })
    check.equal("each time", (a:receive()), "again")
end

-- Many cases.
do
    local cases, many = {}, 5000
    for n = 1, many do
        cases[n] = channel.new():case_receive()
    end
    a:send("last")
    cases[many + 1] = a:case_receive()
    check.equal("thousands of cases", channel.select(cases).value, "last")
end
