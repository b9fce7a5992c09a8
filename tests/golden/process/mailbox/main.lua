-- Which channel a message goes to, and in which order (section 6.1).
local check = require("check")

local me = process.pid()
local function nothing(...)
    return channel.select({ (...):case_receive(), default = true }).default == true
end
local function topics(n)
    local got = {}
    for at = 1, n do
        got[at] = process.inbox():receive():topic()
    end
    return got
end

for _, topic in ipairs({ "a", "b", "a", "c" }) do
    process.send(me, topic, topic)
end
local a = process.listen("a")
check.equal("an open listen channel claims what came before", { (a:receive()), (a:receive()) }, { "a", "a" })
check.equal("the inbox has the rest, in order", topics(2), { "b", "c" })
check.ok("and no more", nothing(process.inbox()) and nothing(a))

-- Inbox first, then listen, then messages; and the other way round.
process.send(me, "late", 1)
local inbox, late = process.inbox(), process.listen("late")
check.ok("the order of the calls does not matter", nothing(inbox) and late:receive() == 1)

process.send(me, "d", 1)
process.send(me, "e", 2)
process.send(me, "d", 3)
local d = process.listen("d")
process.send(me, "d", 4)
check.equal("messages of one channel keep their order", { d:receive(), d:receive(), (d:receive()) },
    { 1, 3, 4 })
check.equal("nobody listens on e", topics(1), { "e" })

-- What has arrived is ready.
process.send(me, "ready", "now")
local ready = process.listen("ready")
check.equal("a select with default sees it", channel.select({ ready:case_receive(), default = true }).value,
    "now")
local timer = time.after("1ns")
check.receive(time.after("2ms"))
process.send(me, "ready", "first")
check.equal("a ready timer later in the table does not win",
    channel.select({ ready:case_receive(), timer:case_receive() }).value, "first")
process.cancel(me, "arrives at once")
check.equal("an event that has arrived is ready",
    channel.select({ process.events():case_receive(), default = true }).value.reason, "arrives at once")

-- Events stay out of the inbox.
local child = check.script("return 2")
repeat until process.send(child, "is it alive?") == nil
check.receive(time.after("2ms"))
check.ok("events never show up in the inbox", nothing(process.inbox()))
check.exits("they wait for events()", child, 2)

-- Kept without limit.
for n = 1, 20000 do
    process.send(me, "many", n)
end
local many, in_order = process.listen("many"), true
for n = 1, 20000 do
    in_order = in_order and many:receive() == n
end
check.ok("twenty thousand are kept", in_order)

-- Events that nobody has read yet wait in order.
local pid = check.script([[
    for n = 1, 3 do process.cancel(process.pid(), "reason " .. n) end
    local reasons = {}
    for n = 1, 3 do reasons[n] = process.events():receive().reason end
    return reasons
]])
check.exits("events wait in order", pid, { "reason 1", "reason 2", "reason 3" })
