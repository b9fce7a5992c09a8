-- H18, H22, H28, H29: signals, links, names and timers in great numbers.
local case = {}
local HOST <const> = "app:processes"
local N <const> = 5000

local function target() return assert(process.spawn_linked("hostile:idle", HOST)) end
local function free(pid)
    process.unlink(pid)
    process.terminate(pid)
end

case["monitors"] = function()
    local pid = target()
    for _ = 1, N do
        assert(process.monitor(pid))
        assert(process.unmonitor(pid))
    end
    assert(process.monitor(pid))
    free(pid)
    assert(process.events():receive().from == pid)
    return "fine"
end
case["links"] = function()
    local pid = target()
    for _ = 1, N do
        assert(process.unlink(pid))
        assert(process.link(pid))
    end
    free(pid)
    return "fine"
end
case["cancels"] = function()
    local pid = target()
    for _ = 1, N do assert(process.cancel(pid, { reason = "again", deadline = "1h" })) end
    free(pid)
    return "fine"
end
case["for ever"] = function()
    local pid = target()
    while true do
        process.monitor(pid)
        process.unmonitor(pid)
        process.unlink(pid)
        process.link(pid)
    end
end
case["a circle of links"] = function()
    local ring = {}
    for n = 1, 50 do
        ring[n] = assert(process.spawn_monitored("hostile.crowd:victim", HOST, "links", ring[n - 1]))
        process.listen("ready")
    end
    process.send(ring[1], "link", ring[50])
    time.sleep("10ms")
    process.terminate(ring[25])
    for _ = 1, 50 do assert(process.events():receive().kind == process.event.EXIT) end
    return "fine"
end
case["names"] = function()
    for n = 1, N do assert(process.registry.register("name " .. n)) end
    for _, bad in ipairs({ "", ("x"):rep(256), "a\0b", "\xff", "@x", "{a|0x00001}" }) do
        local done, err = process.registry.register(bad)
        assert(not done and err:kind() == errors.INVALID)
    end
    return "fine"
end
case["timers"] = function()
    for _ = 1, N do
        local timer = time.timer("1h")
        timer:stop()
        timer:stop()
    end
    for _ = 1, N do time.after("1h") end
    time.sleep("1ms")
    return "fine"
end

return function(name) return case[name]() end
