-- channel.md §3: send and receive, and in which order coroutines run.
local check = require("check")

-- Runs functions side by side and gives what they logged, joined.
local function trace(...)
    local log = {}
    local function note(text)
        log[#log + 1] = text
    end
    for _, run in ipairs({ ... }) do
        run(note)
    end
    for _ = 1, 20 do
        coroutine.yield()
    end
    return table.concat(log, " ")
end

check.equal("send gives true", { channel.new(1):send("v") }, { true })
do
    local ch = channel.new(1)
    ch:send("v")
    check.equal("receive gives the value and true", { ch:receive() }, { "v", true })
end
do
    local ch = channel.new(2)
    ch:send(nil)
    ch:send()
    check.equal("nil can be sent", table.pack(ch:receive()), { n = 2, [2] = true })
    check.equal("no value is nil", table.pack(ch:receive()), { n = 2, [2] = true })
end
do
    local ch = channel.new(3)
    for n = 1, 3 do
        ch:send(n)
    end
    check.equal("values come out in order", { ch:receive(), (ch:receive()), (ch:receive()) }, { 1, 2, 3 })
end

-- The queue is: sender, receiver, others.
check.equal("send, a receiver waits: sender, then receiver go to the end", trace(function(note)
    local ch = channel.new()
    coroutine.spawn(function()
        note("r:" .. ch:receive())
    end)
    coroutine.spawn(function()
        coroutine.yield()
        note("other")
    end)
    note("before")
    ch:send("v")
    note("sender")
end), "before other sender r:v")

check.equal("send, room in the buffer: the sender goes on", trace(function(note)
    local ch = channel.new(1)
    coroutine.spawn(function()
        coroutine.yield()
        note("other")
    end)
    ch:send("v")
    note("sender")
end), "sender other")

check.equal("waiting senders are served in order", trace(function(note)
    local ch = channel.new()
    for n = 1, 3 do
        coroutine.spawn(function()
            ch:send(n)
            note("s" .. n)
        end)
    end
    for _ = 1, 3 do
        note("r" .. ch:receive())
    end
end), "r1 s1 r2 s2 r3 s3")

check.equal("receive, values buffered: the receiver goes on, the first sender moves up", trace(function(note)
    local ch = channel.new(1)
    ch:send("a")
    coroutine.spawn(function()
        ch:send("b")
        note("sent b")
    end)
    coroutine.spawn(function()
        ch:send("c")
        note("sent c")
    end)
    note(ch:receive())
    note(ch:receive())
    note(ch:receive())
end), "a b c sent b sent c")

check.equal("receive, a sender waits: receiver, then sender go to the end", trace(function(note)
    local ch = channel.new()
    coroutine.spawn(function()
        ch:send("v")
        note("sender")
    end)
    coroutine.spawn(function()
        coroutine.yield()
        note("other")
    end)
    note("r:" .. ch:receive())
end), "other r:v sender")

check.equal("waiting receivers are served in order, selects too", trace(function(note)
    local ch = channel.new()
    for n = 1, 4 do
        coroutine.spawn(function()
            if n % 2 == 0 then
                note(n .. ":" .. channel.select({ ch:case_receive() }).value)
            else
                note(n .. ":" .. ch:receive())
            end
        end)
    end
    for value = 1, 4 do
        ch:send("v" .. value)
    end
end), "1:v1 2:v2 3:v3 4:v4")

-- A coroutine keeps control where nothing says that it loses it.
check.equal("a buffered exchange does not switch", trace(function(note)
    local ch = channel.new(5)
    coroutine.spawn(function()
        coroutine.yield()
        note("other")
    end)
    for n = 1, 5 do
        ch:send(n)
    end
    for _ = 1, 5 do
        ch:receive()
    end
    channel.select({ ch:case_receive(), default = true })
    note("main")
end), "main other")

-- Methods want a channel.
for _, method in ipairs({ "send", "receive", "close", "case_send", "case_receive" }) do
    check.raises(
        method .. " on a number",
        "bad argument #1 to '" .. method .. "' (channel expected, got number)",
        function()
            local ch = channel.new()
            ch[method](5)
        end
    )
end
check.raises("send on a timer", "bad argument #1 to 'send' (channel expected, got Timer)", function()
    channel.new().send(time.timer("1h"))
end)
check.raises("ch.send()", "bad argument #1 to 'send' (channel expected, got no value)", function()
    channel.new().send()
end)

-- The loop idiom.
do
    local ch, sum = channel.new(), 0
    coroutine.spawn(function()
        for n = 1, 100 do
            ch:send(n)
        end
        ch:close()
    end)
    while true do
        local v, ok = ch:receive()
        if not ok then
            break
        end
        sum = sum + v
    end
    check.equal("a loop until the channel is closed", sum, 5050)
end

-- Who became runnable first runs first.
check.equal("a sender that moves up runs before who yields later", trace(function(note)
    local ch = channel.new(1)
    ch:send("a")
    coroutine.spawn(function()
        ch:send("b")
        note("sender")
    end)
    ch:receive()
    coroutine.yield()
    note("receiver")
end), "sender receiver")
