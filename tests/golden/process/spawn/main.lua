-- Spawning: what each variant adds, and the order of things before the first step (section 4).
local check = require("check")

local quiet = check.script([[ return ... ]], "a", 2)
check.exits("arguments go to the program", quiet, "a")

local me = process.pid()
local echo = [[
    local parent = ...
    process.send(parent, "args", select("#", ...), ...)
]]
check.script(echo, me, nil, 3, { x = 1 }, nil)
local got = check.receive(process.listen("args"))
check.equal("trailing and inner nils are arguments", got, { 5, me, nil, 3, { x = 1 } })
check.event()

-- spawn: nothing.
local pid = process.spawn("golden:script", check.HOST, [[ error("alone") ]])
check.ok("spawn gives a PID", pid:match("^{app:processes|0x%x+}$"))
-- spawn_monitored: one EXIT. Nothing of the first one comes.
local fence = check.script("return 1")
check.exits("spawn: neither side learns of the other's end", fence, 1)

process.set_options({ trap_links = true })
-- spawn_linked: LINK_DOWN on failure only.
pid = process.spawn_linked("golden:script", check.HOST, [[ error("linked", 0) ]])
check.ended("spawn_linked: LINK_DOWN of a failure", check.event(), process.event.LINK_DOWN, pid, nil,
    "Internal, retryable nil: linked")
pid = process.spawn_linked("golden:script", check.HOST, [[
    process.send(..., "ended")
]], me)
check.receive(process.listen("ended"))
fence = check.script("return 2")
check.exits("spawn_linked: nothing of a normal end", fence, 2)

-- spawn_linked_monitored: EXIT, then LINK_DOWN.
pid = process.spawn_linked_monitored("golden:script", check.HOST, [[ error("both", 0) ]])
check.ended("spawn_linked_monitored: first EXIT", check.event(), process.event.EXIT, pid, nil,
    "Internal, retryable nil: both")
check.ended("spawn_linked_monitored: then LINK_DOWN", check.event(), process.event.LINK_DOWN, pid, nil,
    "Internal, retryable nil: both")
pid = process.spawn_linked_monitored("golden:script", check.HOST, [[ return "fine" ]])
check.exits("spawn_linked_monitored: EXIT of a normal end", pid, "fine")
fence = check.script("return 3")
check.exits("spawn_linked_monitored: no LINK_DOWN of a normal end", fence, 3)

-- However fast the child ends, its EXIT comes.
local n_exits, pids = 0, {}
for n = 1, 500 do
    pids[check.script("return")] = n
end
for _ = 1, 500 do
    local event = check.event()
    if event.kind == process.event.EXIT and pids[event.from] then
        pids[event.from] = nil
        n_exits = n_exits + 1
    end
end
check.equal("no EXIT is missed", n_exits, 500)

-- Messages before the first step are kept.
local all = true
for n = 1, 200 do
    pid = check.script([[ return process.listen("early"):receive() ]])
    process.send(pid, "early", n)
    local event = check.event()
    all = all and event.from == pid and event.result.value == n
end
check.ok("what is sent after spawn is kept", all)

-- A child inherits nothing.
assert(process.registry.register("parent_name"))
process.listen("topic of the parent")
pid = check.script([[ return process.get_options().trap_links ]])
check.exits("options start fresh", pid, false)
pid = check.script([[ return process.registry.lookup("parent_name") ]])
check.exits("names stay with the parent", pid, me)
pid = check.script([[
    process.send(process.pid(), "topic of the parent")
    return process.inbox():receive():topic()
]])
check.exits("subscriptions start fresh", pid, "topic of the parent")
