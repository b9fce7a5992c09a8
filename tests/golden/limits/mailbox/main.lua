-- process.md §18: mailbox limits.
local check = require("check")
local ready = process.listen("ready")

local function start(entry)
    local pid = assert(process.spawn_monitored(entry, check.HOST, process.pid()))
    check.receive(ready)
    return pid
end
local FULL <const> = "RateLimited, retryable: mailbox full"

for _, entry in ipairs({ "app:plain", "app:reject" }) do
    local pid = start(entry)
    for n = 1, 3 do
        check.equal(entry .. " takes message " .. n, process.send(pid, "t", n), true)
    end
    check.fails(entry .. " rejects the next", FULL, process.send(pid, "t", 4))
    check.fails(entry .. " rejects every topic", FULL, process.send(pid, "other", 5))
    check.equal(entry .. " still gets events", process.cancel(pid), true)
    check.exits(entry .. " receives the first", pid, "t1 t2 t3")
end
do
    local pid = start("app:drop_new")
    for n = 1, 6 do
        check.equal("drop_new: send " .. n, process.send(pid, "t", n), true)
    end
    process.cancel(pid)
    check.exits("drop_new receives the first", pid, "t1 t2 t3")
end
do
    local pid = start("app:drop_old")
    for n = 1, 6 do
        check.equal("drop_old: send " .. n, process.send(pid, "t", n), true)
    end
    process.cancel(pid)
    check.exits("drop_old receives the last", pid, "t4 t5 t6")
end
do
    local pid = start("app:kill")
    for n = 1, 3 do
        check.equal("kill: send " .. n, process.send(pid, "t", n), true)
    end
    check.equal("kill: the sender gets true", process.send(pid, "t", 4), true)
    check.exit_fails("the receiver is killed", pid,
        "LimitExceeded, retryable nil: process terminated: mailbox limit of 3 messages exceeded")
end
do
    local pid = start("app:unlimited")
    for n = 1, 5000 do
        assert(process.send(pid, "t", n))
    end
    process.cancel(pid)
    check.equal("unlimited by default", #check.event().result.value > 5000 * 5, true)
end
do
    -- What is received makes room.
    local pid = start("app:reject")
    for n = 1, 3 do
        process.send(pid, "t", n)
    end
    check.fails("full", FULL, process.send(pid, "t", 4))
    process.cancel(pid)
    check.event()
    pid = check.script([[
        local parent = ...
        local inbox = process.inbox()
        process.send(parent, "ready")
        for _ = 1, 10 do
            inbox:receive()
            process.send(parent, "ready")
        end
        return "done"
    ]], process.pid())
    check.receive(ready)
    for n = 1, 10 do
        process.send(pid, "t", n)
        check.receive(ready)
    end
    check.exits("a receiver that keeps up", pid, "done")
end
do
    -- The builder: limits, and messages that no limit refuses.
    local builder = process.with_options({ mailbox = { max_messages = 1, on_full = "drop_new" } })
        :with_message("a", 1):with_message("b", 2):with_message("c", 3)
    local pid = assert(builder:spawn_monitored("app:unlimited", check.HOST, process.pid()))
    check.receive(ready)
    check.equal("a message to the full mailbox", process.send(pid, "d", 4), true)
    process.cancel(pid)
    check.exits("messages of the builder are never refused", pid, "a1 b2 c3")
    for _, bad in ipairs({ { mailbox = 5 }, { mailbox = { max_messages = -1 } }, { mailbox = { on_full = "explode" } }, { memory_limit = -1 }, { 5 } }) do
        check.ok("a bad option raises", not pcall(process.with_options, bad))
    end
end

-- The bytes of undelivered messages count for the memory limit, and meet the same policies.
local CHUNK <const> = ("x"):rep(300 << 10)
do
    local pid = start("app:bytes_kill")
    for n = 1, 4 do
        check.equal("bytes, kill: send " .. n, process.send(pid, "t", CHUNK), true)
    end
    check.exit_fails("bytes, kill: the receiver", pid,
        "LimitExceeded, retryable nil: process terminated: mailbox limit of 1MB exceeded")
end
for entry, want in check.sorted({ ["app:bytes_drop_new"] = "^first t t?[ t]*$", ["app:bytes_drop_old"] = "^t t?[ t]*last$" }) do
    local pid = start(entry)
    process.send(pid, "first", "")
    for _ = 1, 8 do
        assert(process.send(pid, "t", CHUNK))
    end
    if entry == "app:bytes_drop_old" then
        process.send(pid, "last", "")
    end
    process.cancel(pid)
    local topics = tostring(check.event().result)
    local _, n_chunks = topics:gsub("%f[%w]t%f[%W]", "")
    check.ok(entry .. " stays within its limit", topics:find(want) and n_chunks <= 3, topics)
end
