-- process.md §18: memory_limit.
local check = require("check")
local EXCEEDED <const> = "LimitExceeded, retryable nil: memory limit of 1MB exceeded"

local function limited(source, ...)
    return assert(process.spawn_monitored("app:script", check.HOST, source, ...))
end
local function exceeds(row, source)
    check.exit_fails(row, limited(source), EXCEEDED)
end
local function gives(row, want, source, ...)
    check.exits(row, limited(source, ...), want)
end

exceeds("table growth", "local t = {} for n = 1, 1e9 do t[n] = n end")
exceeds("string doubling", "local s = 'x' while true do s = s .. s end")
exceeds("many tables", "local t = {} while true do t = { t } end")
exceeds("many strings", "local t = {} for n = 1, 1e9 do t[n] = 'string number ' .. n end")
exceeds("many coroutines", "local t = {} for n = 1, 1e9 do t[n] = coroutine.create(print) end")
exceeds("many spawned coroutines", "local ch = channel.new() while true do coroutine.spawn(function() ch:receive() end) end")
exceeds("many closures", "local t = {} for n = 1, 1e9 do t[n] = function() return n end end")
exceeds("many channels", "local t = {} for n = 1, 1e9 do t[n] = channel.new() end")
exceeds("many timers", "local t = {} for n = 1, 1e9 do t[n] = time.after('1h') end")
exceeds("many names", "for n = 1, 1e9 do assert(process.registry.register('name ' .. n)) end")
exceeds("many delayed messages", "for n = 1, 1e9 do assert(process.send_after('1h', process.pid(), 't')) end")
exceeds("large delayed messages", "for n = 1, 50 do assert(process.send_after('1h', process.pid(), 't', ('x'):rep(100000))) end")
exceeds("delayed messages with large topics", "for n = 1, 50 do assert(process.send_after('1h', process.pid(), ('x'):rep(100000))) end")
exceeds("a builder with many messages", "local b = process.with_options({}) for n = 1, 50 do b = b:with_message('t', ('x'):rep(100000)) end")
exceeds("a full channel", "local ch = channel.new(1 << 30) for n = 1, 1e9 do ch:send(n) end")
exceeds("string.rep", "return #('x'):rep(1 << 28)")
exceeds("string.rep of a string.rep", "return (('x'):rep(1 << 18)):rep(1 << 18)")
exceeds("table.concat", "local t = {} for n = 1, 100 do t[n] = ('x'):rep(1000) end while true do t[1] = table.concat(t) end")
exceeds("gsub that grows", "local s = 'xxxxxxxxxx' while true do s = s:gsub('x', 'xxxxxxxxxx') end")
exceeds("gsub by a function", "local s = ('x'):rep(100) while true do s = s:gsub('x', function(c) return c .. c end) end")
exceeds("string.format", "local s = 'x' while true do s = ('%s%s'):format(s, s) end")
exceeds("table.pack of unpack", "local t = {} while true do t = table.pack(table.unpack(t, 1, #t + 10000)) t[#t + 1] = 1 t = { t } end")
exceeds("deep recursion", "local function f(n) return 1 + f({ n }) end f()")
exceeds("json of much", "local t = {} for n = 1, 2000 do t[n] = {} end local s = {} while true do s[#s + 1] = table.concat(s) .. 'x' end")
exceeds("in a coroutine", "coroutine.wrap(function() local t = {} while true do t = { t } end end)()")
exceeds("in a spawned coroutine", "coroutine.spawn(function() local t = {} while true do t = { t } end end) time.sleep('1h')")

-- Not enough memory can be caught.
gives("caught by pcall", "not enough memory", [[
    local ok, err = pcall(function() local t = {} while true do t = { t } end end)
    assert(not ok)
    return err
]])
gives("caught from string.rep", "not enough memory", [[
    local ok, err = pcall(string.rep, "x", 1 << 28)
    return err
]])
gives("a large request is refused at once, the rest goes on", 100, [[
    local caught = 0
    for _ = 1, 100 do
        if not pcall(string.rep, "x", 1 << 30) then
            caught = caught + 1
        end
    end
    return caught
]])
gives("delayed messages that were sent or stopped, and builders that are gone, do not count", 60, [[
    local taken, inbox = 0, process.inbox()
    for _ = 1, 30 do
        assert(process.send_after("1ms", process.pid(), "t", ("x"):rep(100000)))
        assert(process.send_after("1h", process.pid(), "t", ("x"):rep(100000)):stop())
        process.with_message("t", ("x"):rep(100000))
        taken = taken + #inbox:receive():payload():data() // 50000
    end
    return taken
]])
-- Results that are written in stretches: caught, and there is room as before.
for _, case in ipairs({
    { "string.rep with a separator", "return ('x'):rep(1 << 19, (','):rep(1 << 10))" },
    { "string.upper", "local s = ('x'):rep(600000) return s:upper()" },
    { "string.lower", "local s = ('x'):rep(600000) return s:lower()" },
    { "string.reverse", "local s = ('x'):rep(600000) return s:reverse()" },
    { "table.concat of long strings", "local t = {} for n = 1, 100 do t[n] = ('x'):rep(50000) end return table.concat(t)" },
    { "table.concat of one string", "local s, t = ('x'):rep(50000), {} for n = 1, 2000 do t[n] = s end return table.concat(t)" },
    { "table.concat by a metamethod", "return table.concat(setmetatable({}, { __index = function() return 'x' end }), '', 1, 1 << 60)" },
    { "table.move", "local t = {} for n = 1, 60000 do t[n] = n end return #table.move(t, 1, 60000, 60001)" },
    { "table.move by a metamethod", "return table.move(setmetatable({}, { __index = function() return 'x' end }), 1, 1 << 60, 1, {})" },
    { "table.unpack", "local t = {} return table.unpack(t, 1, 900000)" },
}) do
    gives("caught from " .. case[1], "not enough memory, 300000", ([[
        local ok, err = pcall(function() %s end)
        return tostring(err) .. ", " .. #("x"):rep(150000):upper():rep(2)
    ]]):format(case[2]))
end
gives("caught by xpcall, without its handler", "not enough memory", [[
    local _, handled = xpcall(function() local t = {} while true do t = { t } end end, function(err) return "handled " .. tostring(err) end)
    return handled
]])
gives("in a coroutine that is resumed", "not enough memory", [[
    local co = coroutine.create(function() local t = {} while true do t = { t } end end)
    local ok, err = coroutine.resume(co)
    return err
]])
gives("garbage does not count", 5000, [[
    local n = 0
    for _ = 1, 5000 do
        local s = ("x"):rep(10000 + _)
        n = n + (#s > 0 and 1 or 0)
    end
    return n
]])
gives("after being caught, all is as before", 200, [[
    for _ = 1, 20 do
        pcall(function() local t = {} while true do t = { t } end end)
    end
    local n = 0
    for _ = 1, 200 do
        time.sleep("1us")
        n = n + 1
    end
    return n
]])
gives("what was caught leaves room", true, [[
    pcall(function() local t = {} while true do t[#t + 1] = {} end end)
    collectgarbage()
    return collectgarbage("count") < 512
]])

-- Others are unaffected: one process at its limit does not disturb its neighbours.
do
    local hog = limited([[ local keep = {} pcall(function() while true do keep[#keep + 1] = ("x"):rep(100) .. #keep end end)
        while true do pcall(string.rep, "y", 100000) end ]])
    local turns = 0
    for _ = 1, 20 do
        time.sleep("1ms")
        turns = turns + 1
    end
    check.equal("a process at its limit lets others run", turns, 20)
    process.terminate(hog)
    check.exit_fails("and can be killed", hog, "Internal, retryable nil: process terminated")
end
check.exits("an unlimited process has no such limit", check.script("return #('x'):rep(1 << 24)"), 1 << 24)

-- The builder's limit comes before the entry's.
do
    local pid = process.with_options({ memory_limit = 8 << 20 }):spawn_monitored("app:script", check.HOST, "return #('x'):rep(4 << 20)")
    check.exits("a higher limit of the builder", pid, 4 << 20)
    pid = process.with_options({ memory_limit = 512 << 10 }):spawn_monitored("app:script", check.HOST, "return #('x'):rep(1 << 20)")
    check.exit_fails("a lower limit of the builder", pid, "LimitExceeded, retryable nil: memory limit of 512KB exceeded")
end
