-- Links, of a process that traps (section 9).
local check = require("check")

process.set_options({ trap_links = true })
local me = process.pid()
local FAILS = [[ process.inbox():receive() error("failed", 0) ]]
local ENDS = [[ process.inbox():receive() return "ended" ]]
local function start(source, ...)
    return assert(process.spawn("golden:script", check.HOST, source, ...))
end
local function down(row, pid)
    check.ended(row, check.event(), process.event.LINK_DOWN, pid, nil, "Internal, retryable nil: failed")
end
-- Whatever was sent before by a process that has ended has arrived when this comes.
local function nothing(row)
    local fence = check.script("return 'fence'")
    check.exits(row, fence, "fence")
end

local pid = start(FAILS)
check.gives("link", true, process.link(pid))
check.gives("linked before", true, process.link(pid))
process.send(pid, "go")
down("LINK_DOWN of a failure", pid)
nothing("there was one link")

pid = process.spawn_linked("golden:script", check.HOST, FAILS)
check.gives("linked before by spawn_linked", true, process.link(pid))
process.send(pid, "go")
down("one LINK_DOWN", pid)
nothing("one link")

check.fails("a dead target", "NotFound: process not found: " .. pid, process.link(pid))
nothing("no LINK_DOWN follows")
check.gives("oneself", true, process.link(me))
check.gives("unlink of oneself", true, process.unlink(me))
check.gives("unlink when not linked", true, process.unlink(start("return")))
check.gives("unlink of a dead one", true, process.unlink(pid))
check.gives("unlink of a PID never given out", true, process.unlink("{app:processes|0xfffffff}"))
check.fails("unlink of an unknown name",
    "NotFound: could not resolve 'nobody' as PID or registered name", process.unlink("nobody"))

pid = start(ENDS)
process.link(pid)
process.monitor(pid)
process.send(pid, "go")
check.exits("a normal end", pid, "ended")
nothing("drops the link silently")

pid = start(FAILS)
process.link(pid)
check.gives("unlink", true, process.unlink(pid))
process.monitor(pid)
process.send(pid, "go")
check.exit_fails("an EXIT only", pid, "Internal, retryable nil: failed")
nothing("no LINK_DOWN after unlink")

-- Either side may make it, either side may remove it.
local peer = [[
    local parent, what = ...
    process.set_options({ trap_links = true })
    process[what](parent)
    process.send(parent, "did")
    process.inbox():receive()
    error("failed", 0)
]]
local did = process.listen("did")
pid = start(peer, me, "link")
check.receive(did)
process.send(pid, "go")
down("made by the other side", pid)
pid = process.spawn_linked_monitored("golden:script", check.HOST, peer, me, "unlink")
check.receive(did)
process.send(pid, "go")
check.exit_fails("removed by the other side", pid, "Internal, retryable nil: failed")
nothing("no LINK_DOWN")
pid = process.spawn("golden:script", check.HOST, peer, me, "link")
check.receive(did)
process.unlink(pid)
process.monitor(pid)
process.send(pid, "go")
check.exit_fails("made there, removed here", pid, "Internal, retryable nil: failed")
nothing("no LINK_DOWN")

-- A LINK_DOWN queued before the unlink is still received.
pid = start(FAILS)
process.link(pid)
process.send(pid, "go")
repeat until process.send(pid, "is it alive?") == nil
-- No sign tells that the links have been told, which is the last step of an end.
check.receive(time.after("200ms"))
process.unlink(pid)
down("a LINK_DOWN queued before unlink", pid)

-- Again after an unlink.
pid = start(FAILS)
process.link(pid)
process.unlink(pid)
check.gives("link again", true, process.link(pid))
process.send(pid, "go")
down("its LINK_DOWN", pid)

-- The option is read when the signal is taken in.
pid = check.script([[
    process.set_options({ trap_links = true })
    local child = process.spawn_linked_monitored("golden:script", "app:processes", "error('x', 0)")
    local events = process.events()
    local exit = events:receive()
    time.sleep("200ms") -- LINK_DOWN follows EXIT, and no sign tells that it has arrived
    process.set_options({ trap_links = false })
    return { exit.kind, events:receive().kind }
]])
check.exits("changing it later does not touch one that waits", pid, { "pid.exit", "pid.link.down" })

-- By name.
pid = start(FAILS)
assert(process.registry.register("peer", pid))
check.gives("link by name", true, process.link("peer"))
check.gives("unlink by name", true, process.unlink("peer"))
check.gives("link by name again", true, process.link("peer"))
process.send("peer", "go")
down("LINK_DOWN names the PID", pid)
