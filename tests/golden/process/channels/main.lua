-- The channels on the mailbox (section 6.2).
local check = require("check")

local me = process.pid()
check.fails("listen on the empty topic", "Invalid: topic cannot be empty", process.listen(""))
check.fails("listen on an @ topic", "Invalid: cannot listen to @ topics", process.listen("@events"))
check.raises("listen without topic", "bad argument #1 to 'listen' (string expected, got no value)",
    process.listen)

check.ok("inbox() is one object", process.inbox() == process.inbox())
check.ok("events() is one object", process.events() == process.events())
check.ok("listen() is one object per topic", process.listen("a") == process.listen("a"))
check.ok("topics have their own channels", process.listen("a") ~= process.listen("b"))
check.ok("the three differ", process.inbox() ~= process.events() and process.events() ~= process.listen("a"))

process.send(me, "a", 1)
local result = channel.select({ process.inbox():case_receive(), process.listen("a"):case_receive() })
check.ok("select reports that object", result.channel == process.listen("a") and result.value == 1)

process.send(me, "a", "plain")
check.equal("plain: the payload itself", process.listen("a"):receive(), "plain")
process.send(me, "m", "message")
local message = process.listen("m", { message = true }):receive()
check.equal("message mode: a Message", { message:topic(), message:from(), message:payload():data() },
    { "m", me, "message" })

-- Switching.
local s = process.listen("s")
process.send(me, "s", 1)
process.send(me, "s", 2)
check.equal("before the switch", s:receive(), 1)
check.ok("the second listen gives the same object", process.listen("s", { message = true }) == s)
check.equal("switched for everything still to be received", s:receive():payload():data(), 2)
process.listen("s")
process.send(me, "s", 3)
check.equal("a later call does not switch back", s:receive():payload():data(), 3)
for n, option in ipairs({ { message = false }, { message = 1 }, { message = "true" }, { other = true }, {} }) do
    process.send(me, "p" .. n, n)
    check.equal("only true counts, " .. n, process.listen("p" .. n, option):receive(), n)
end
process.send(me, "q", 1)
check.equal("options that are no table", process.listen("q", true):receive(), 1)

for _, case in ipairs({ { "inbox", process.inbox() }, { "events", process.events() }, { "listen", s } }) do
    local name, ch = case[1], case[2]
    check.raises("send on " .. name, "channel is receive-only", ch.send, ch, 1)
    check.raises("case_send on " .. name, "channel is receive-only", ch.case_send, ch, 1)
    check.raises("close of " .. name, "channel is receive-only", ch.close, ch)
end
