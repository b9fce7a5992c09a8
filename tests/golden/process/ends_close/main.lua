-- The steps of an end (section 12.2).
local check = require("check")

local me = process.pid()
local function guard(what)
    return ([[
        local parent = ...
        local guard <close> = setmetatable({}, { __close = function()
            process.send(parent, "closed", %q)
        end })
    ]]):format(what)
end
local closed = process.listen("closed")
local pid = check.script(guard("return") .. "return 1", me)
check.exits("a normal end", pid, 1)
check.equal("closes", check.receive(closed), "return")
pid = check.script(guard("error") .. "error('x', 0)", me)
check.exit_fails("an error", pid, "Internal, retryable nil: x")
check.equal("closes", check.receive(closed), "error")
pid = check.script(guard("kill") .. "process.inbox():receive()", me)
process.terminate(pid)
check.exit_fails("a kill", pid, "Internal, retryable nil: process terminated")
check.equal("does not close", channel.select({ closed:case_receive(), default = true }).default, true)

local waits = [[
    local parent = ...
    local guard <close> = setmetatable({}, { __close = function()
        process.send(parent, "closing")
        process.send(parent, "closed", (process.listen("go on"):receive()))
    end })
    return "result"
]]
local closing = process.listen("closing")
pid = check.script(waits, me)
check.receive(closing)
check.gives("while it closes it lives", true, process.send(pid, "go on", "received"))
check.equal("and receives", check.receive(closed), "received")
check.exits("then it ends", pid, "result")
pid = check.script(waits, me)
check.receive(closing)
process.terminate(pid)
check.exit_fails("a kill then decides the result", pid, "Internal, retryable nil: process terminated")
pid = check.script([[
    local guard <close> = setmetatable({}, { __close = function() error("in close", 0) end })
    return "result"
]])
check.exit_fails("an error in close", pid, "Internal, retryable nil: in close")

-- The PID stops resolving and the names are free before anybody is told.
local all = true
for n = 1, 100 do
    pid = check.script([[
        process.registry.register("short-lived")
        process.registry.register("short-lived too")
    ]])
    local event = check.event()
    all = all and event.from == pid and process.send(pid, "x") == nil
        and process.registry.lookup("short-lived") == nil
        and process.registry.lookup("short-lived too") == nil
end
check.ok("who sees the EXIT finds the PID dead and its names free", all)

-- Other coroutines do not close.
pid = check.script([[
    local parent = ...
    coroutine.spawn(function()
        local guard <close> = setmetatable({}, { __close = function() process.send(parent, "closed", "other") end })
        process.inbox():receive()
    end)
    return 2
]], me)
check.exits("the other coroutines are killed", pid, 2)
check.equal("without closing", channel.select({ closed:case_receive(), default = true }).default, true)
pid = check.script([[
    local parent = ...
    setmetatable({}, { __gc = function() process.send(parent, "closed", "gc") end })
    collectgarbage()
]], me)
check.exits("__gc", pid, nil)
check.equal("never runs", channel.select({ closed:case_receive(), default = true }).default, true)

-- Its timers stop with it. On a slow machine one may fire before the end; then this is tried again.
local attempt, before = 0, nil
repeat
    attempt, before = attempt + 1, os.clock()
    pid = check.script([[
        local parent, topic = ...
        process.send_after("100ms", parent, topic)
    ]], me, "from the grave " .. attempt)
    check.event()
until os.clock() - before < 0.1
check.receive(time.after("110ms"))
local grave = process.listen("from the grave " .. attempt)
check.equal("its timer is stopped", channel.select({ grave:case_receive(), default = true }).default, true)
