-- H14: many processes, none above its own limit, that hold too much together. Some of them end, and
-- one that is small goes on beside them.
local HOST <const> = "hostile:tight"
local TOO_MUCH <const> = "total memory limit of 32MB of host hostile:tight exceeded"
local N <const> = 12
local N_ENDED <const> = 5

local function start(...)
    return assert(process.spawn_monitored("hostile.memory:modest", HOST, ...))
end

return function(how)
    local small, events = start("small", 1), process.events()
    local piece = ("x"):rep(4 << 20)
    local bytes = { mailboxes = 1, arguments = 1, ["growing for ever"] = 1 }
    local alive = {}
    for _ = 1, N do
        local pid = start(how, bytes[how] or 8 << 20, how == "arguments" and piece .. piece or nil)
        alive[pid] = true
        if how == "mailboxes" then
            for _ = 1, 2 do process.send(pid, "piece", piece) end
        end
    end
    for _ = 1, how == "arguments" and 1 or N_ENDED do
        local event = events:receive()
        local failure = event.result.error
        assert(alive[event.from], "the small one has ended")
        assert(failure and failure:kind() == errors.LIMIT_EXCEEDED, tostring(failure))
        assert(failure:message() == TOO_MUCH, failure:message())
        alive[event.from] = nil
    end
    assert(process.call(small, "ping", nil, "20s") == "pong")
    alive[small] = true
    for pid in pairs(alive) do process.terminate(pid) end
    for _ in pairs(alive) do events:receive() end
    return "fine"
end
