-- cancel: its argument, its event, its deadline (section 13).
local check = require("check")

local me = process.pid()
local function start(source, ...)
    return check.script(source, me, ...)
end
local OBEYS = [[
    local event = process.events():receive()
    return { event.kind, event.from, event.reason, event.deadline and event.deadline - event.at }
]]
local IGNORES = [[ process.inbox():receive() ]]

-- What the event shows; the deadline in seconds.
local function event(row, arg, reason, deadline)
    local pid = start(OBEYS)
    check.gives(row, true, process.cancel(pid, arg))
    local exit = check.event()
    local got = exit.result.value
    check.equal(row .. ": event", { got[1], got[2], got[3] }, { "pid.cancel", me, reason })
    local close = (got[4] == nil) == (deadline == nil) and math.abs((got[4] or 0) - (deadline or 0)) < 0.001
    check.ok(row .. ": deadline", close, "got " .. tostring(got[4]))
end
event("absent", nil, "", nil)
event("milliseconds", 5000, "", 5)
event("fractions of them", 2500.5, "", 2.5005)
event("a duration text", "90s", "", 90)
event("a duration text, several units", "1m30s", "", 90)
event("a Duration", time.parse_duration("2h"), "", 7200)
event("any other text", "please stop", "please stop", nil)
event("a text that is no duration after all", "10", "10", nil)
event("the empty text", "", "", nil)
event("a table with nothing", {}, "", nil)
event("a table with a reason", { reason = "tidy up" }, "tidy up", nil)
event("a table with milliseconds", { deadline = 5000 }, "", 5)
event("a table with a text", { deadline = "5s", reason = "r" }, "r", 5)
event("a table with a Duration", { deadline = time.parse_duration("5s") }, "", 5)

local bad = {
    { true, "cancel expects a deadline, a reason or a table, got boolean" },
    { print, "cancel expects a deadline, a reason or a table, got function" },
    { channel.new(), nil },
    { -1, nil }, { -0.5, nil }, { 0 / 0, nil }, { math.huge, nil }, { -math.huge, nil },
    { 1e19, nil }, { math.maxinteger, nil }, { "-5s", nil },
    { { deadline = "soon" }, nil }, { { deadline = "" }, nil }, { { deadline = -1 }, nil },
    { { deadline = {} }, nil }, { { deadline = true }, nil }, { { reason = {} }, nil },
    { { reason = true }, nil }, { { other = 1 }, nil }, { { 5 }, nil }, { { deadline = "5s", after = 1 }, nil },
    { time.parse_duration("-1s"), nil },
}
local unharmed = start(IGNORES)
for _, case in ipairs(bad) do
    local value, err = process.cancel(unharmed, case[1])
    check.ok("bad: " .. tostring(err), value == nil and err:kind() == "Invalid" and err:retryable() == false
        and (case[2] == nil or err:message() == case[2]))
end
process.send(unharmed, "go")
check.exits("nothing was queued", unharmed, nil)

local dead = unharmed
check.fails("a dead target", "NotFound: process not found: " .. dead, process.cancel(dead, "1s"))
check.fails("a dead target, deadline 0", "NotFound: process not found: " .. dead, process.cancel(dead, 0))

-- Nothing is forced without deadline.
local pid = start([[
    local parent = ...
    process.inbox():receive()
    return "not noticed"
]])
process.cancel(pid)
process.cancel(pid, "a reason")
process.send(pid, "go")
check.exits("who does not read events does not notice", pid, "not noticed")

-- Passed deadlines.
local function passed(row, arg, message)
    pid = start(IGNORES)
    process.cancel(pid, arg)
    check.exit_fails(row, pid, "Canceled, retryable nil: process terminated: cancel deadline of " .. message)
end
passed("deadline, number", 10, "10ms exceeded")
passed("deadline, fraction", 1.5, "1.5ms exceeded")
passed("deadline, text", "20ms", "20ms exceeded")
passed("deadline, text of seconds", "0.01s", "10ms exceeded")
passed("deadline, tiny", "1ns", "1ns exceeded")
passed("deadline and reason", { deadline = 5, reason = "too slow" }, "5ms exceeded: too slow")
passed("deadline 0", 0, "0s exceeded")
passed("deadline 0, text", "0s", "0s exceeded")
passed("deadline 0 and reason", { deadline = 0, reason = "now" }, "0s exceeded: now")
pid = start("while true do end")
process.cancel(pid, "5ms")
check.exit_fails("of one that computes", pid,
    "Canceled, retryable nil: process terminated: cancel deadline of 5ms exceeded")
pid = start([[ process.events():receive() process.inbox():receive() ]])
process.cancel(pid, "5ms")
check.exit_fails("of one that saw it but goes on", pid,
    "Canceled, retryable nil: process terminated: cancel deadline of 5ms exceeded")

local saw = process.listen("saw")
pid = start([[
    local parent = ...
    coroutine.spawn(function() process.events():receive() process.send(parent, "saw", true) end)
    process.send(parent, "saw", false)
    channel.new():receive()
]])
check.receive(saw)
process.cancel(pid, 0)
check.exit_fails("deadline 0 kills now", pid,
    "Canceled, retryable nil: process terminated: cancel deadline of 0s exceeded")
check.equal("no code sees the CANCEL", channel.select({ saw:case_receive(), default = true }).default, true)

-- Several cancels.
local several = [[
    local events, deadlines = process.events(), {}
    process.inbox():receive()
    for n = 1, 4 do
        local event = events:receive()
        deadlines[n] = event.deadline and math.floor(event.deadline - event.at + 0.5)
    end
    return deadlines
]]
pid = start(several)
process.cancel(pid)
process.cancel(pid, "100s")
process.cancel(pid, "1000s")
process.cancel(pid, "a reason")
process.send(pid, "go")
check.exits("each queues its event, with the deadline in force", pid, { nil, 100, 100, 100 })
-- A flood: whether its events are read as they come or wait, those of one canceller share a place in the end.
for _, opening in ipairs({ "process.events()", "" }) do
    pid = start(opening .. [[ process.listen("go"):receive()
        local events, reasons = process.events(), {}
        repeat
            reasons[#reasons + 1] = events:receive().reason
        until reasons[#reasons] == "last"
        return { #reasons, reasons[1], reasons[1023] }
    ]])
    for n = 1, 5000 do process.cancel(pid, "no. " .. n) end
    process.cancel(pid, "last")
    process.send(pid, "go")
    check.exits(opening == "" and "a flood before events() is called" or "a flood after", pid, { 1024, "no. 1", "no. 1023" })
end
pid = start(several)
process.cancel(pid, "100s")
process.cancel(pid, "50s")
process.cancel(pid)
process.cancel(pid, "200s")
process.send(pid, "go")
check.exits("the earliest wins", pid, { 100, 50, 50, 50 })
pid = start(IGNORES)
process.cancel(pid, { deadline = "10s", reason = "first" })
process.cancel(pid, { deadline = "10ms", reason = "second" })
process.cancel(pid)
check.exit_fails("the text is that of the earliest", pid,
    "Canceled, retryable nil: process terminated: cancel deadline of 10ms exceeded: second")

-- Oneself.
pid = start([[
    process.cancel(process.pid(), "mine")
    local event = process.events():receive()
    return { event.from == process.pid(), event.reason }
]])
check.exits("oneself", pid, { true, "mine" })
pid = start([[
    local parent = ...
    pcall(process.cancel, process.pid(), 0)
    process.send(parent, "saw", "returned")
]])
check.exit_fails("oneself with deadline 0", pid,
    "Canceled, retryable nil: process terminated: cancel deadline of 0s exceeded")
check.equal("does not return", channel.select({ saw:case_receive(), default = true }).default, true)

-- A deadline does not outlive the process, and a number is milliseconds, not nanoseconds.
pid = start([[ process.events():receive() return "in time" ]])
process.cancel(pid, 3600000)
check.exits("obeyed in time", pid, "in time")
assert(process.registry.register("by name", start(OBEYS)))
check.gives("by name", true, process.cancel("by name"))
check.equal("reaches it", check.event().result.value[1], "pid.cancel")
