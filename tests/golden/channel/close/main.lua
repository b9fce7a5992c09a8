-- channel.md §3: closing.
local check = require("check")

check.equal("close gives nothing", select("#", channel.new():close()), 0)
do
    local ch = channel.new(2)
    ch:send("a")
    ch:send(nil)
    ch:close()
    check.equal("a closed channel gives what it holds", table.pack(ch:receive()), { n = 2, "a", true })
    check.equal("nil included", table.pack(ch:receive()), { n = 2, nil, true })
    check.equal("then nil, false", table.pack(ch:receive()), { n = 2, nil, false })
    check.equal("at every call", table.pack(ch:receive()), { n = 2, nil, false })
    check.equal("a second close has no effect", select("#", ch:close()), 0)
    check.raises("send on a closed channel", "send on closed channel", ch.send, ch, 1)
    local _, err = pcall(ch.send, ch, 1)
    check.equal("it raises a string with a place", math.type(err) or type(err), "string")
end

do
    local ch, log = channel.new(), {}
    for n = 1, 3 do
        coroutine.spawn(function()
            local v, ok = ch:receive()
            log[#log + 1] = n .. tostring(v) .. tostring(ok)
        end)
    end
    coroutine.spawn(function()
        local result = channel.select({ ch:case_receive() })
        log[#log + 1] = tostring(result.value) .. tostring(result.ok) .. tostring(result.channel == ch)
    end)
    ch:close()
    log[#log + 1] = "closer"
    check.equal("close: receivers in order, then the closer", table.concat(log, " "),
        "1nilfalse 2nilfalse 3nilfalse nilfalsetrue closer")
end

do
    local ch, log = channel.new(), {}
    for n = 1, 2 do
        coroutine.spawn(function()
            local value, err = ch:send(n)
            log[#log + 1] = n .. tostring(value) .. " " .. check.error_text(err)
        end)
    end
    coroutine.spawn(function()
        local value, err = channel.select({ ch:case_send(3) })
        log[#log + 1] = "select " .. tostring(value) .. " " .. check.error_text(err)
    end)
    ch:close()
    log[#log + 1] = "closer"
    check.equal("close: senders in order, then the closer", table.concat(log, ", "),
        "1nil Invalid: send on closed channel, 2nil Invalid: send on closed channel, "
        .. "select nil Invalid: send on closed channel, closer")
    check.equal("their values are dropped", table.pack(ch:receive()), { n = 2, nil, false })
end

do
    local ch = channel.new(1)
    ch:send("kept")
    coroutine.spawn(function()
        ch:send("dropped")
    end)
    ch:close()
    check.equal("what the buffer held is kept", table.pack(ch:receive()), { n = 2, "kept", true })
    check.equal("what waited is dropped", table.pack(ch:receive()), { n = 2, nil, false })
end

do
    local ch, log = channel.new(), {}
    coroutine.spawn(function()
        coroutine.yield()
        log[#log + 1] = "other"
    end)
    ch:close()
    log[#log + 1] = "closer"
    coroutine.yield()
    coroutine.yield()
    check.equal("without waiters the closer goes on", table.concat(log, " "), "closer other")
end
