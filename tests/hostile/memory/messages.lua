-- H15, H17: messages that are too large or too many for who gets them.
local case = {}
local HOST <const> = "app:processes"

case["larger than the receiver"] = function()
    local pid = assert(process.spawn_linked("hostile.memory:hoarder", HOST))
    local bomb = ("x"):rep(8 << 20)
    for _ = 1, 100 do
        local sent, err = process.send(pid, "bomb", bomb)
        assert(not sent and err:kind() == errors.LIMIT_EXCEEDED, tostring(err))
    end
    process.unlink(pid)
    process.terminate(pid)
    return "fine"
end
case["more than the receiver has room for"] = function()
    local pid = assert(process.spawn_linked("hostile.memory:hoarder", HOST))
    local piece, n = ("x"):rep(10000), 0
    for _ = 1, 10000 do
        local sent, err = process.send(pid, "piece", piece)
        n = n + (sent and 1 or 0)
        assert(sent or err:kind() == errors.RATE_LIMITED, tostring(err))
    end
    assert(n > 50 and n < 110, n)
    process.unlink(pid)
    process.terminate(pid)
    return "fine"
end
case["more than its mailbox takes"] = function()
    local pid = assert(process.spawn_linked("hostile.memory:bounded", HOST))
    for n = 1, 100000 do assert(process.send(pid, "topic", n)) end
    process.unlink(pid)
    process.terminate(pid)
    return "fine"
end
case["for ever"] = function()
    local pid = assert(process.spawn_linked("hostile.memory:bounded", HOST))
    while true do process.send(pid, "topic", "x") end
end
case["to itself"] = function() while true do process.send(process.pid(), "topic", "x") end end
case["on ever new topics"] = function()
    for n = 1, math.huge do process.listen("topic " .. n) end
end

local function a_million_times(text)
    local all = {}
    for n = 1, 1000000 do all[n] = text end
    return all
end
case["one string a million times"] = function()
    process.send(process.pid(), "topic", a_million_times(("x"):rep(1 << 20)))
end
case["one string a million times, in JSON"] = function()
    json.encode(a_million_times(("x"):rep(1 << 10)))
end

return function(name) return case[name]() end
