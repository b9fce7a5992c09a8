-- send: results, errors, and what arrives of the payload (section 5).
local check = require("check")

local me = process.pid()
local too_few = "Invalid: send requires at least destination and topic arguments"
check.fails("no argument", too_few, process.send())
check.fails("one argument", too_few, process.send(me))
check.fails("an @ topic", "Invalid: cannot send to @ topics", process.send(me, "@pid"))
check.fails("an @ topic before the destination", "Invalid: cannot send to @ topics",
    process.send("nobody", "@"))
local dead = check.dead()
check.fails("a dead process", "NotFound: process not found: " .. dead, process.send(dead, "t", 1))
check.fails("destination before payload", "NotFound: process not found: " .. dead,
    process.send(dead, "t", print))
check.fails("a payload that cannot cross", "Invalid: cannot send a function (argument 1)",
    process.send(me, "t", print))
check.fails("the second one", "Invalid: cannot send a function (argument 2.jobs[3])",
    process.send(me, "t", 1, { jobs = { 1, 2, print } }))
check.equal("nothing was queued", channel.select({ process.inbox():case_receive(), default = true }).default,
    true)

check.gives("queued", true, process.send(me, "none"))
check.equal("one result", select("#", process.send(me, "none")), 1)
check.equal("no payload", { process.listen("none"):receive() }, { nil, true })
process.send(me, "nil", nil)
check.equal("an explicit nil", { process.listen("nil"):receive() }, { nil, true })
process.send(me, "one", "value")
check.equal("one", process.listen("one"):receive(), "value")
process.send(me, "more", 1, "b", { c = true })
check.equal("more", process.listen("more"):receive(), { 1, "b", { c = true } })
process.send(me, "more", 1, nil, 3)
check.equal("more, with nil", process.listen("more"):receive(), { 1, nil, 3 })

local function payload(...)
    process.send(me, "inbox", ...)
    return process.inbox():receive()
end
check.equal("none: payload() is nil", payload():payload(), nil)
check.equal("one: payload() is a Payload", payload("x"):payload():data(), "x")
check.equal("an explicit nil: payload() is a Payload", payload(nil):payload():data(), nil)
check.equal("an explicit nil has the format of Lua", payload(nil):payload():get_format(), "lua/any")
local several = payload(1, { 2 }, nil):payload()
check.equal("more: an array of Payloads", { several[1]:data(), several[2]:data(), several[3]:data() },
    { 1, { 2 }, nil })

process.send(me, "", "empty topic")
local message = process.inbox():receive()
check.equal("the empty topic is allowed", { message:topic(), message:payload():data() },
    { "", "empty topic" })
process.send(me, "a.*", 1)
process.send(me, "a.b", 2)
check.equal("topics have no patterns", process.listen("a.*"):receive(), 1)
check.equal("topics are bytes", process.inbox():receive():topic(), "a.b")
process.send(me, "bytes \0\255", 3)
check.equal("any bytes", process.listen("bytes \0\255"):receive(), 3)

local inbox = process.listen("inbox")
process.send(me, "inbox", "listened")
check.equal("inbox is an ordinary topic", inbox:receive(), "listened")
process.unlisten(inbox)

local table_ = { n = 1 }
process.send(me, "copy", table_)
table_.n = 2
check.equal("copied when the call is made", process.listen("copy"):receive(), { n = 1 })

assert(process.registry.register("sender"))
process.send("sender", "to name", 1)
check.equal("a name is as good as its PID", process.listen("to name"):receive(), 1)

-- Never waits for the receiver: it does not listen, and does not run meanwhile.
local busy = check.script([[ while true do end ]])
local all = true
for n = 1, 1000 do
    all = all and process.send(busy, "t", n)
end
check.ok("a busy receiver does not hold up the sender", all)
process.terminate(busy)
check.exit_fails("it drops what it has not received", busy, "Internal, retryable nil: process terminated")
