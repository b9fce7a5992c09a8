-- unlisten: what happens to receivers and to what has not been received (section 6.3).
local check = require("check")

local me = process.pid()
local function nothing(ch)
    return channel.select({ ch:case_receive(), default = true }).default == true
end

local a = process.listen("a")
process.send(me, "before", 0)
process.send(me, "a", 1)
process.send(me, "b", 2)
process.send(me, "a", 3)
check.gives("a listen channel", true, process.unlisten(a))
check.equal("later receivers", { a:receive() }, { nil, false })
local got = {}
for n = 1, 4 do
    local message = process.inbox():receive()
    got[n] = message:topic() .. message:payload():data()
end
check.equal("its messages belong to the inbox, in order", got, { "before0", "a1", "b2", "a3" })
process.send(me, "a", 4)
check.equal("later ones too", process.inbox():receive():payload():data(), 4)
local again = process.listen("a")
check.ok("a later listen makes a new channel", again ~= a)
process.send(me, "a", 5)
check.equal("that works", again:receive(), 5)
check.fails("an old one is not found", "NotFound: channel not found", process.unlisten(a))
check.equal("the failure is false", (process.unlisten(a)), false)

local switched = process.listen("s", { message = true })
process.unlisten(switched)
process.send(me, "s", 1)
check.equal("a new channel is in plain mode", process.listen("s"):receive(), 1)

local inbox = process.inbox()
process.send(me, "kept", 1)
check.gives("the inbox", true, process.unlisten(inbox))
check.equal("receive on it", { inbox:receive() }, { nil, false })
check.ok("a new one", process.inbox() ~= inbox)
check.equal("undelivered messages are kept", process.inbox():receive():topic(), "kept")

local events = process.events()
local pid = check.script("return 7")
repeat until process.send(pid, "is it alive?") == nil
check.gives("events", true, process.unlisten(events))
check.equal("receive on it", { events:receive() }, { nil, false })
check.exits("events are kept", pid, 7)

local waiting, woken = process.listen("waiting"), channel.new(3)
for _ = 1, 2 do
    coroutine.spawn(function() woken:send({ waiting:receive() }) end)
end
coroutine.spawn(function()
    local result = channel.select({ waiting:case_receive() })
    woken:send({ result.value, result.ok, result.channel == waiting })
end)
process.unlisten(waiting)
check.equal("waiting receivers", { check.receive(woken), check.receive(woken), (check.receive(woken)) },
    { { nil, false }, { nil, false }, { nil, false, true } })

check.fails("another channel", "NotFound: channel not found", process.unlisten(channel.new()))
check.fails("a timer's channel", "NotFound: channel not found", process.unlisten(time.after("1h")))
check.raises("not a channel", "bad argument #1 to 'unlisten' (channel expected, got string)",
    process.unlisten, "a")
check.raises("no argument", "bad argument #1 to 'unlisten' (channel expected, got no value)",
    process.unlisten)
check.ok("nothing is left", nothing(process.inbox()))
