-- channel.md §5.2: the log tells what each coroutine waits in, and where.
local ch = channel.new()

coroutine.spawn(function()
    ch:receive()
end)
coroutine.spawn(function()
    channel.select({ ch:case_receive() })
end)
coroutine.spawn(function()
    channel.new():send(1)
end)
coroutine.wrap(function()
    local function inner()
        channel.new():receive()
    end
    inner()
end)()
