-- Limits of processes (section 18).
local check = require("check")

local me = process.pid()
local ready = process.listen("ready")
local function start(id, host, what)
    local pid = assert(process.spawn_monitored("app:" .. id, host or check.HOST, me, what))
    if not what then
        check.receive(ready)
    end
    return pid
end
local function finish(row, pid, want)
    process.cancel(pid)
    check.exits(row, pid, want)
end

local FULL = "RateLimited, retryable: mailbox full"
local pid = start("reject")
check.gives("reject: first", true, process.send(pid, "t", 1))
check.gives("reject: second, another topic", true, process.send(pid, "u", 2))
check.fails("reject: third", FULL, process.send(pid, "t", 3))
check.fails("reject: fourth", FULL, process.send(pid, "v", 4))
finish("reject: events are not counted", pid, { 1, 2 })

pid = start("drop_new")
for n = 1, 4 do
    check.gives("drop_new: " .. n, true, process.send(pid, "t", n))
end
finish("drop_new: the first two", pid, { 1, 2 })

pid = start("drop_old")
for n = 1, 5 do
    check.gives("drop_old: " .. n, true, process.send(pid, "t", n))
end
finish("drop_old: the last two", pid, { 4, 5 })

pid = start("kill")
process.send(pid, "t", 1)
process.send(pid, "t", 2)
check.gives("kill: the sender gets true", true, process.send(pid, "t", 3))
check.exit_fails("kill: the receiver", pid,
    "LimitExceeded, retryable nil: process terminated: mailbox limit of 2 messages exceeded")

-- Room again.
pid = start("reject")
process.send(pid, "t", 1)
process.send(pid, "t", 2)
check.fails("full", FULL, process.send(pid, "t", 3))
finish("what is received makes room", pid, { 1, 2 })

-- Where limits come from.
pid = start("plain")
for n = 1, 100 do
    process.send(pid, "t", 0)
end
process.cancel(pid)
check.equal("no limit by default", #check.event().result, 100)
pid = start("plain", "app:strict")
for n = 1, 3 do
    process.send(pid, "t", n)
end
check.fails("the limit of the host, on_full is reject", FULL, process.send(pid, "t", 4))
finish("three", pid, { 1, 2, 3 })
pid = start("drop_new", "app:strict")
for n = 1, 3 do
    process.send(pid, "t", n)
end
finish("the entry's goes before the host's", pid, { 1, 2 })
pid = process.with_options({ mailbox = { max_messages = 1, on_full = "drop_old" } })
    :spawn_monitored("app:drop_new", "app:strict", me)
check.receive(ready)
for n = 1, 3 do
    process.send(pid, "t", n)
end
finish("the builder's before both", pid, { 3 })
pid = process.with_options({ mailbox = { max_messages = 1 } }):with_message("t", 1):with_message("t", 2)
    :with_message("t", 3):spawn_monitored("app:plain", check.HOST, me)
check.receive(ready)
check.fails("no room for others", FULL, process.send(pid, "t", 4))
finish("with_message is never refused", pid, { 1, 2, 3 })

pid = process.with_options({ mailbox = { max_messages = 1 } }):with_message("t", 1):with_message("t", 2)
    :with_message("t", 3):spawn_monitored("golden:script", check.HOST, [[
        local t = process.listen("t")
        for _ = 1, 3 do
            t:receive()
        end
        process.send(..., "ready")
        return process.listen("more"):receive()
    ]], me)
check.receive(ready)
check.gives("there is room once they are received", true, process.send(pid, "more", "room"))
check.exits("and it is used", pid, "room")

-- Memory.
check.exit_fails("memory, uncaught", start("small", nil, "grow"),
    "LimitExceeded, retryable nil: memory limit of 2MB exceeded")
check.exits("memory, caught", start("small", nil, "catch"), "not enough memory")
check.exit_fails("one large string", start("small", nil, "one string"),
    "LimitExceeded, retryable nil: memory limit of 2MB exceeded")
check.exit_fails("memory limit of the host", start("plain", "app:strict", "grow"),
    "LimitExceeded, retryable nil: memory limit of 1MB exceeded")
pid = process.with_options({ memory_limit = "3MB" }):spawn_monitored("app:small", check.HOST, me, "grow")
check.exit_fails("memory limit of a builder, a text", pid,
    "LimitExceeded, retryable nil: memory limit of 3MB exceeded")
pid = process.with_options({ memory_limit = 1536 * 1024 }):spawn_monitored("app:small", check.HOST, me, "grow")
check.exit_fails("a number of bytes", pid,
    "LimitExceeded, retryable nil: memory limit of 1536KB exceeded")

pid = start("small")
local value, err = process.send(pid, "t", string.rep("x", 3000000))
check.ok("a message larger than the limit", value == nil and err:kind() == "LimitExceeded"
    and err:retryable() == false and err:message():find("^message too large: ") ~= nil, tostring(err))
print("", err)
local accepted = 0
local big = string.rep("x", 100000)
while accepted < 1000 do
    value, err = process.send(pid, "t", big)
    if not value then
        break
    end
    accepted = accepted + 1
end
check.fails("messages meet on_full: reject", FULL, value, err)
check.ok("after as many as fit", 10 < accepted and accepted <= 20, "accepted " .. accepted)
process.cancel(pid)
check.event()

pid = start("small_kill")
for _ = 1, 30 do
    process.send(pid, "t", big)
end
check.exit_fails("on_full: kill, by size", pid,
    "LimitExceeded, retryable nil: process terminated: mailbox limit of 2MB exceeded")

pid = start("small_drop_old")
for n = 1, 30 do
    check.gives("on_full: drop_old, by size: " .. n, true, process.send(pid, "t", string.rep("x", 100000 + n)))
end
process.cancel(pid)
local event = check.event()
local sizes = event.result.value or {}
check.ok("the oldest are dropped", #sizes > 10 and #sizes <= 20 and sizes[#sizes] == 100030,
    #sizes .. " " .. tostring(event.error))
