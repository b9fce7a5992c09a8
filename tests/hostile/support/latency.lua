-- For the bench: how late a kill is seen behind its deadline, and how late a sleeper beside it wakes
-- up. Lists of seconds.
local HOST <const> = "app:processes"
local be = {}

-- As for the tests: these may hold what they want, and say when they are at it.
local UNLIMITED <const> = { ["hostile.time:copies"] = true }
local READY <const> = UNLIMITED

local function start(entry, case, memory_limit)
    local watcher = READY[entry] and process.pid() or nil
    local ready = process.listen("ready")
    local spawner = process.with_options({ memory_limit = not UNLIMITED[entry] and memory_limit or nil })
    local pid = assert(spawner:spawn_monitored(entry, HOST, case, watcher))
    if READY[entry] then ready:receive() end
    return pid
end

function be.kills(n, ...)
    local list, events = {}, process.events()
    for i = 1, n do
        local pid = start(...)
        time.sleep("10ms")
        local began = os.clock()
        assert(process.cancel(pid, "10ms"))
        events:receive()
        list[i] = os.clock() - began - 0.01
    end
    return list
end

function be.sleeps(n, ...)
    local list, pid = {}, start(...)
    for i = 1, n do
        local began = os.clock()
        time.sleep("1ms")
        list[i] = os.clock() - began - 0.001
    end
    process.terminate(pid)
    process.events():receive()
    return list
end

return function(what, ...) return be[what](...) end
