-- channel.md §5.2: when nothing could ever wake a coroutine.
local check = require("check")
local BLOCKED = "Internal, retryable nil: all coroutines blocked with no pending operations"

local function deadlocks(row, source)
    check.exit_fails(row .. " is a deadlock", check.script(source), BLOCKED)
end
local function lives(row, source)
    local pid = check.script(source)
    local result = channel.select({ process.events():case_receive(), time.after("50ms"):case_receive() })
    check.ok(row .. " is none", result.channel ~= process.events())
    check.equal("it lives: " .. row, process.terminate(pid), true)
    check.event()
end

deadlocks("receive on a channel that nobody has", "channel.new():receive()")
deadlocks("send that nobody receives", "channel.new():send(1)")
deadlocks("select on such channels", [[
    local a, b = channel.new(), channel.new()
    channel.select({ a:case_receive(), b:case_send(1) })
]])
deadlocks("select of nothing", "channel.select({})")
deadlocks("several coroutines", [[
    local a, b = channel.new(), channel.new()
    coroutine.spawn(function() a:receive() end)
    coroutine.spawn(function() b:receive() end)
    a:receive()
]])
deadlocks("a wait in a coroutine in a pcall", [[
    pcall(coroutine.wrap(function() channel.new():receive() end))
]])
deadlocks("after the last timer fired", [[
    local late = time.after("1ms")
    channel.new():receive(late)
]])
deadlocks("after a sleep", [[
    coroutine.spawn(function() time.sleep("1ms") end)
    channel.new():receive()
]])
deadlocks("after the ticker stopped", [[
    local ticker = time.ticker("1ms")
    ticker:response():receive()
    ticker:stop()
    channel.new():receive()
]])
deadlocks("after unlisten", [[
    process.unlisten(process.inbox())
    channel.new():receive()
]])
deadlocks("after an operation", [[
    process.exec("golden:script", "app:processes", "return")
    channel.new():receive()
]])

lives("a process that waits for messages", "process.inbox():receive()")
lives("a process that waits for a topic", "process.listen('topic'):receive()")
lives("a process that waits for events", "process.events():receive()")
lives("an open inbox that nobody reads", "process.inbox() channel.new():receive()")
lives("a pending timer", "local t = time.timer('1h') channel.new():receive(t)")
lives("a ticker", "local t = time.ticker('1h') channel.new():receive(t)")
lives("a sleep", "coroutine.spawn(function() time.sleep('1h') end) channel.new():receive()")
lives("a pending operation", [[
    coroutine.spawn(function()
        process.exec("golden:script", "app:processes", "process.inbox():receive()")
    end)
    channel.new():receive()
]])
lives("a delayed message", [[
    process.send_after("1h", process.pid(), "topic")
    channel.new():receive()
]])
