-- total_memory_limit of a host: the largest of its processes ends.
local check = require("check")
local TIGHT <const> = "app:tight"
local EXCEEDED <const> = "LimitExceeded, retryable nil: total memory limit of 8MB of host app:tight exceeded"
local ready = process.listen("ready")

-- A process that will be too much, or that others will.
local function start(bytes, how)
    return assert(process.spawn_monitored("app:hog", TIGHT, bytes, how))
end
-- One for which there is room, when it holds what it is to hold.
local function started(bytes, how)
    local pid = assert(process.spawn_monitored("app:hog", TIGHT, bytes, how, process.pid()))
    check.receive(ready, "hog")
    return pid
end
local function script(source)
    return assert(process.spawn_monitored("golden:script", TIGHT, source))
end
local function ends(row, pid)
    check.exit_fails(row, pid, EXCEEDED)
end

return function()
    local small = started(1 << 20, "answer")
    for _, how in ipairs({ "wait", "sleep", "loop", "survive", "in_a_callback" }) do
        local middle = started(3 << 20, "wait")
        ends("the largest ends: " .. how, start(5 << 20, how))
        assert(process.send(middle, "end"))
        check.exits("the next one does not: " .. how, middle, 3 << 20)
    end
    check.gives("nor does a small one", "pong", process.call(small, "ping", nil, "20s"))

    local largest = started(4 << 20, "wait")
    local busy = start(3 << 20, "loop")
    ends("it need not be the last that grew", largest)
    ends("beside one that loops", start(4 << 20, "wait"))
    ends("small objects", script("local t = {} for n = 1, 1e9 do t[n] = { n } end"))
    ends("one large request", script("local s = ('x'):rep(1 << 26) while true do end"))
    ends("names", script("for n = 1, 1e9 do assert(process.registry.register('name ' .. n)) end"))
    ends("timers", script("local t = {} for n = 1, 1e9 do t[n] = time.after('1h') end"))

    local piece = ("x"):rep(1 << 20)
    for _, how in ipairs({ "sleep", "loop" }) do
        local pid = started(1, how)
        for _ = 1, 9 do process.send(pid, "piece", piece) end
        ends("messages that wait: " .. how, pid)
    end
    check.gives("the small one lives", "pong", process.call(small, "ping", nil, "20s"))
    for _, pid in ipairs({ small, busy }) do
        process.terminate(pid)
        check.event()
    end
end
