-- What the failure of a linked process does to one that does not trap (section 9).
local check = require("check")

local KILLED = "Internal, retryable nil: linked process failed"
local me = process.pid()
local started = process.listen("started")

-- A monitored process in some state, linked to one that is then told to fail.
local function victim(row, body)
    local failing = assert(process.spawn("golden:script", check.HOST,
        [[ process.inbox():receive() error("boom") ]]))
    local pid = check.script([[
        local failing, parent = ...
        assert(process.link(failing))
        process.send(parent, "started")
    ]] .. body, failing, me)
    check.receive(started)
    process.send(failing, "go")
    check.exit_fails(row, pid, KILLED)
end

victim("waits in its events", [[ process.events():receive() error("not killed") ]])
victim("never called events", [[ process.inbox():receive() error("not killed") ]])
victim("sleeps", [[ time.sleep("1h") ]])
victim("computes", [[ while true do end ]])
victim("computes in pcall", [[ while true do pcall(function() while true do end end) end ]])
victim("computes in a sort", [[
    while true do table.sort({ 3, 2, 1 }, function(a, b) return a < b end) end
]])
victim("waits in pcall", [[ while true do pcall(function() process.inbox():receive() end) end ]])
victim("waits in exec", [[ process.exec("golden:script", "app:processes", "time.sleep('50ms')") error("not killed") ]])
victim("waits in a coroutine", [[
    coroutine.spawn(function() process.inbox():receive() end)
    channel.new():receive()
]])
victim("waits in a closing variable", [[
    local guard <close> = setmetatable({}, { __close = function() process.inbox():receive() end })
    error("own failure")
]])

-- Runs down chains.
local CHAIN = [[
    local source, depth, parent = ...
    process.send(parent, "pid", process.pid())
    if depth > 0 then
        assert(process.spawn_linked("golden:script", "app:processes", source, source, depth - 1, parent))
        time.sleep("1h")
    end
    process.inbox():receive()
    error("end of the chain")
]]
local first = check.script(CHAIN, CHAIN, 5, me)
local pids = process.listen("pid")
local nodes = {}
for n = 1, 6 do
    nodes[n] = check.receive(pids)
    process.monitor(nodes[n])
end
process.send(nodes[6], "go")
local causes = {}
for _ = 1, 6 do
    local event = check.event()
    causes[event.from] = check.error_text(event.error)
end
local killed = 0
for _, cause in pairs(causes) do
    killed = killed + (cause == KILLED and 1 or 0)
end
check.equal("runs up a chain: killed", killed, 5)
check.equal("the cause", causes[nodes[6]], "Internal, retryable nil: script:8: end of the chain")
check.equal("the head", causes[first], KILLED)

-- Across stars.
local center = assert(process.spawn("golden:script", check.HOST, [[ process.inbox():receive() error("center") ]]))
for _ = 1, 10 do
    check.script([[
        local center, parent = ...
        process.link(center)
        process.send(parent, "started")
        process.inbox():receive()
    ]], center, me)
end
for _ = 1, 10 do
    check.receive(started)
end
process.send(center, "go")
killed = 0
for _ = 1, 10 do
    killed = killed + (check.error_text(check.event().error) == KILLED and 1 or 0)
end
check.equal("runs across a star", killed, 10)

-- Normal ends leave the other side alone.
local child
local parent = check.script([[
    local top = ...
    process.send(top, "pid", process.spawn_linked("golden:script", "app:processes",
        "return (process.inbox():receive():payload():data())"))
    return "parent ends"
]], me)
child = check.receive(pids)
check.exits("a parent that ends normally", parent, "parent ends")
check.gives("leaves its child running", true, process.monitor(child))
process.send(child, "go", "child ends")
check.exits("until it ends itself", child, "child ends")
parent = check.script([[
    local pid = process.spawn_linked_monitored("golden:script", "app:processes", "return 1")
    return process.events():receive().kind
]])
check.exits("a child that ends normally leaves its parent alone", parent, "pid.exit")

-- Every failure runs over links, kills too.
for _, how in ipairs({ "terminate", "cancel" }) do
    local target = assert(process.spawn("golden:script", check.HOST, "process.inbox():receive()"))
    local linked = check.script([[
        local target, parent = ...
        process.link(target)
        process.send(parent, "started")
        process.events():receive()
    ]], target, me)
    check.receive(started)
    process[how](target, 0)
    check.exit_fails("a " .. how .. " is a failure", linked, KILLED)
end
