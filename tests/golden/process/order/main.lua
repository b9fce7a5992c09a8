-- What is promised about the order of things (section 19).
local check = require("check")

process.set_options({ trap_links = true })
local me = process.pid()
local events = process.events()

-- 1: one sender, one receiver.
local sender = [[
    local to = ...
    for n = 1, 1000 do
        process.send(to, n % 3 == 0 and "a" or n % 3 == 1 and "b" or "c", n)
    end
]]
local pid = check.script(sender, me)
local in_order = true
for n = 1, 1000 do
    local message = check.receive(process.inbox())
    in_order = in_order and message:payload():data() == n
end
check.ok("messages of all topics, in the order of sending", in_order)
check.exits("then the EXIT", pid, nil)

-- Several senders: each keeps its order.
local last = {}
for _ = 1, 8 do
    last[check.script(sender, me)] = 0
end
in_order = true
for _ = 1, 8000 do
    local message = check.receive(process.inbox())
    local n = message:payload():data()
    in_order = in_order and n == last[message:from()] + 1
    last[message:from()] = n
end
check.ok("eight senders at once, each in its order", in_order)
for _ = 1, 8 do
    check.event()
end

-- 1, 2: signals of every kind. What was sent before the end has arrived with the EXIT.
local all = true
for n = 1, 200 do
    pid = process.spawn_linked_monitored("golden:script", check.HOST, [[
        local to, n = ...
        for k = 1, 5 do process.send(to, "t", n * 10 + k) end
        error("end")
    ]], me, n)
    local exit = check.event()
    local topic = process.listen("t")
    for k = 1, 5 do
        local result = channel.select({ topic:case_receive(), default = true })
        all = all and result.value == n * 10 + k
    end
    local down = check.event()
    -- 5: EXIT before LINK_DOWN.
    all = all and exit.kind == process.event.EXIT and down.kind == process.event.LINK_DOWN
        and exit.from == pid and down.from == pid
end
check.ok("an EXIT comes after every message, LINK_DOWN after EXIT", all)

-- A kill comes after the messages that were sent before it.
all = true
for n = 1, 100 do
    pid = check.script([[
        local to = ...
        local topic = process.listen("t")
        while true do process.send(to, "echo", (topic:receive())) end
    ]], me)
    process.send(pid, "t", n)
    process.cancel(pid, "a reason")
    all = all and check.receive(process.listen("echo")) == n
    process.terminate(pid)
    all = all and check.event().from == pid
end
check.ok("a kill comes in its turn", all)

-- CANCEL and messages.
pid = check.script([[
    local parent = ...
    local events, inbox, got = process.events(), process.inbox(), {}
    process.listen("go"):receive()
    for n = 1, 3 do
        got[#got + 1] = events:receive().reason
    end
    return got
]], me)
process.cancel(pid, "one")
process.cancel(pid, "two")
process.cancel(pid, "three")
process.send(pid, "go")
check.exits("CANCELs keep their order", pid, { "one", "two", "three" })

-- 3: exactly one EXIT per monitor, whatever happens at the same time.
local counts, n_monitors = {}, 0
for n = 1, 200 do
    pid = assert(process.spawn("golden:script", check.HOST, "return 1"))
    if process.monitor(pid) then
        n_monitors = n_monitors + 1
        counts[pid] = 0
    end
end
for _ = 1, n_monitors do
    local event = check.event()
    counts[event.from] = counts[event.from] + 1
end
local fence = check.script("return 'fence'")
check.exits("nothing more", fence, "fence")
local exactly = true
for _, count in pairs(counts) do
    exactly = exactly and count == 1
end
check.ok("exactly one EXIT per successful monitor", exactly)

-- Unlike it, a monitor that is removed at the same time gives none or one.
local removed = {}
for n = 1, 200 do
    pid = check.script("return 1")
    if n % 2 == 0 then
        coroutine.yield()
    end
    process.unmonitor(pid)
    removed[pid] = 0
end
fence = check.script("return 'fence'")
repeat
    local event = check.event()
    if removed[event.from] then
        removed[event.from] = removed[event.from] + 1
    end
until event.from == fence
local most = 0
for _, count in pairs(removed) do
    most = math.max(most, count)
end
check.ok("never two", most <= 1)

-- 4: whoever sees an EXIT or LINK_DOWN finds the names free, also by with_name.
all = true
for n = 1, 100 do
    pid = process.with_name("service"):spawn_linked("golden:script", check.HOST, "error('x')")
    local down = check.event()
    all = all and down.from == pid and process.registry.lookup("service") == nil
end
check.ok("a name can be used again at once", all)

-- 6: what is in place before the first step.
all = true
for n = 1, 100 do
    pid = process.with_name("placed"):with_message("t", "built"):spawn_monitored("golden:script", check.HOST, [[
        local t = process.listen("t")
        return { process.registry.lookup("placed") == process.pid(), (t:receive()), (t:receive()) }
    ]])
    process.send(pid, "t", "sent")
    local event = check.event()
    all = all and event.from == pid and check.show(event.result.value) == check.show({ true, "built", "sent" })
end
check.ok("name and messages before the first step, what is sent comes later", all)

-- 7: select takes the first ready case.
process.send(me, "x", "x")
process.send(me, "y", "y")
local x, y = process.listen("x"), process.listen("y")
check.equal("select takes the first ready case of its table",
    channel.select({ y:case_receive(), x:case_receive() }).value, "y")
check.equal("then the other", channel.select({ y:case_receive(), x:case_receive() }).value, "x")

-- 8 and causality through one process: a relay forwards in order.
pid = check.script([[
    local to = ...
    local topic = process.listen("relay")
    for n = 1, 1000 do process.send(to, "relayed", (topic:receive())) end
]], me)
for n = 1, 1000 do
    process.send(pid, "relay", n)
end
in_order = true
local relayed = process.listen("relayed")
for n = 1, 1000 do
    in_order = in_order and check.receive(relayed) == n
end
check.ok("a relay keeps the order", in_order)
check.exits("and ends", pid, nil)
