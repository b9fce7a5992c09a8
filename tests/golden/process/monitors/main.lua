-- Monitors (section 8).
local check = require("check")

local WAITS = [[ return (process.inbox():receive():payload():data()) ]]
local function start(source, ...)
    return assert(process.spawn("golden:script", check.HOST, source or WAITS, ...))
end
local function finish(pid, value)
    assert(process.send(pid, "finish", value))
end

local pid = start()
check.gives("monitor", true, process.monitor(pid))
finish(pid, "done")
check.exits("one EXIT follows", pid, "done")

pid = start()
process.monitor(pid)
process.terminate(pid)
check.exit_fails("however it ends", pid, "Internal, retryable nil: process terminated")

pid = check.dead()
check.fails("a dead target", "NotFound: process not found: " .. pid, process.monitor(pid))

pid = start()
process.monitor(pid)
check.fails("already monitored", "AlreadyExists: already monitoring " .. pid, process.monitor(pid))
check.fails("still", "AlreadyExists: already monitoring " .. pid, process.monitor(pid))
finish(pid)
check.exits("it stays one monitor", pid, nil)
pid = check.script(WAITS)
check.fails("already by spawn_monitored", "AlreadyExists: already monitoring " .. pid, process.monitor(pid))
finish(pid)
check.exits("one EXIT of it", pid, nil)

check.gives("oneself", true, process.monitor(process.pid()))
check.gives("oneself again", true, process.monitor(process.pid()))
check.gives("unmonitor of oneself", true, process.unmonitor(process.pid()))

-- Several watchers.
local watcher = [[
    local target, parent = ...
    process.monitor(target)
    process.send(parent, "watching")
    local event = process.events():receive()
    return { event.kind, event.from == target, event.result.value }
]]
local watching = process.listen("watching")
local target = start()
local watchers = {}
for n = 1, 3 do
    watchers[n] = check.script(watcher, target, process.pid())
end
for _ = 1, 3 do
    check.receive(watching)
end
finish(target, 5)
local told = {}
for _ = 1, 3 do
    local event = check.event()
    told[event.from] = check.show(event.result.value)
end
for n = 1, 3 do
    check.equal("watcher " .. n .. " gets its own EXIT", told[watchers[n]],
        check.show({ "pid.exit", true, 5 }))
end

-- unmonitor.
check.gives("unmonitor of what is not monitored", true, process.unmonitor(start("return")))
check.gives("unmonitor of a dead one", true, process.unmonitor(pid))
check.gives("unmonitor of a PID never given out", true, process.unmonitor("{app:processes|0xfffffff}"))
check.fails("unmonitor of an unknown name",
    "NotFound: could not resolve 'nobody' as PID or registered name", process.unmonitor("nobody"))
pid = start()
process.monitor(pid)
check.gives("unmonitor", true, process.unmonitor(pid))
finish(pid)
repeat until process.send(pid, "is it alive?") == nil
local fence = check.script("return 1")
check.exits("no EXIT arrives any more", fence, 1)

pid = start()
process.monitor(pid)
process.unmonitor(pid)
check.gives("monitor again", true, process.monitor(pid))
finish(pid, 6)
check.exits("and its EXIT comes", pid, 6)

-- One that was queued before stays. Only the end tells that it is queued: the watcher is told by
-- another watcher of the same end, and both ends were sent by the same process.
pid = start()
process.monitor(pid)
process.link(pid)
process.set_options({ trap_links = true })
process.terminate(pid)
repeat until process.send(pid, "is it alive?") == nil
local second = check.event()
process.unmonitor(pid)
check.equal("the EXIT came", { second.kind, second.from }, { process.event.EXIT, pid })
check.equal("then the LINK_DOWN", check.event().kind, process.event.LINK_DOWN)

-- By name.
target = start()
assert(process.registry.register("target", target))
check.gives("monitor by name", true, process.monitor("target"))
check.gives("unmonitor by name", true, process.unmonitor("target"))
check.gives("monitor by name again", true, process.monitor("target"))
finish(target, 7)
check.exits("EXIT names the PID", target, 7)

-- After the EXIT the monitor is gone, and one-way.
target = check.script([[
    local parent = ...
    process.monitor(parent)
    return "watched its parent"
]], process.pid())
check.exits("monitors are one-way", target, "watched its parent")

-- A monitor of a watcher that ends is dropped.
target = start()
watcher = check.script([[ process.monitor(...) return 1 ]], target)
check.exits("the watcher ends", watcher, 1)
process.monitor(target)
finish(target, 8)
check.exits("the target does not mind", target, 8)
