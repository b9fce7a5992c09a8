-- channel.md §4.2: which case is taken.
local check = require("check")

local a, b, never = channel.new(9), channel.new(9), channel.new()

do
    a:send(1)
    b:send(2)
    local result = channel.select({ b:case_receive(), a:case_receive() })
    check.equal("the first ready case is taken", result.value, 2)
    a:receive()
end
do
    local starved = true
    for n = 1, 9 do
        a:send(n)
        b:send(n)
    end
    for _ = 1, 9 do
        starved = starved and channel.select({ a:case_receive(), b:case_receive() }).channel == a
    end
    check.ok("an always-ready early case starves later ones", starved)
    for _ = 1, 9 do
        b:receive()
    end
end

-- When a receive case is ready.
do
    local ch = channel.new(1)
    ch:send(1)
    check.equal("a value is buffered", channel.select({ ch:case_receive(), default = true }).value, 1)
    coroutine.spawn(function()
        never:send("w")
    end)
    check.equal("a sender waits", channel.select({ never:case_receive(), default = true }).value, "w")
    ch:close()
    check.equal("the channel is closed", channel.select({ ch:case_receive(), default = true }).ok, false)
end
do
    process.send(process.pid(), "here", "message")
    local result = channel.select({ process.listen("here"):case_receive(), default = true })
    check.equal("a message has arrived", result.value, "message")
    process.send(process.pid(), "elsewhere", "message")
    local late = time.after("1ns")
    time.sleep("1ms")
    result = channel.select({ process.inbox():case_receive(), late:case_receive() })
    check.ok("an arrived message wins over a ready timer behind it", result.channel == process.inbox())
    check.ok("the timer is ready too", channel.select({ late:case_receive(), default = true }).ok)
    process.cancel(process.pid())
    result = channel.select({ process.events():case_receive(), default = true })
    check.equal("an event has arrived", result.value.kind, process.event.CANCEL)
end

-- When a send case is ready.
do
    local ch = channel.new(1)
    check.equal("room in the buffer", channel.select({ ch:case_send(1), default = true }).ok, true)
    check.equal("no room", channel.select({ ch:case_send(2), default = true }).default, true)
    local got
    coroutine.spawn(function()
        got = never:receive()
    end)
    check.equal("a receiver waits", channel.select({ never:case_send("x"), default = true }).value, "x")
    coroutine.yield()
    check.equal("it gets the value", got, "x")
    ch:close()
    check.equal("a closed channel is never ready", channel.select({ ch:case_send(2), default = true }).default, true)
    a:send("other")
    check.equal("and does not raise",
        channel.select({ ch:case_send(2), a:case_receive() }).value, "other")
end

-- A select that waits completes exactly once and leaves no trace.
do
    local c, d, results = channel.new(), channel.new(), {}
    coroutine.spawn(function()
        results[#results + 1] = channel.select({ c:case_receive(), d:case_receive() }).value
    end)
    d:send("d")
    coroutine.yield()
    check.equal("one case completes", results, { "d" })
    check.equal("the others are withdrawn", channel.select({ c:case_send("c"), default = true }).default, true)
    check.equal("so is the one that completed", channel.select({ d:case_send("d"), default = true }).default, true)
end
do
    local c, log = channel.new(), {}
    coroutine.spawn(function()
        local result = channel.select({ c:case_send("s"), never:case_receive() })
        log[#log + 1] = result.value
    end)
    check.equal("a waiting send is received", (c:receive()), "s")
    coroutine.yield()
    check.equal("and seen by the select", log, { "s" })
    check.equal("its other case is gone", channel.select({ never:case_send(1), default = true }).default, true)
end

-- A select that pairs at once hands over as a plain call does.
do
    local c, log = channel.new(), {}
    coroutine.spawn(function()
        local value = c:receive()
        log[#log + 1] = "r" .. value
    end)
    coroutine.spawn(function()
        coroutine.yield()
        log[#log + 1] = "other"
    end)
    channel.select({ c:case_send(1) })
    log[#log + 1] = "sender"
    coroutine.yield()
    check.equal("a select that pairs loses control", table.concat(log, " "), "other sender r1")
end

-- Time-outs.
do
    local late = time.after("5ms")
    local result = channel.select({ never:case_receive(), late:case_receive() })
    check.ok("a time-out ends a select", result.channel == late and result.ok)
    result = channel.select({ late:case_receive(), default = true })
    check.ok("a used-up timer stays ready, closed", result.channel == late and result.ok == false)
end
