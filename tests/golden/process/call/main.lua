-- Request and reply, and delayed sends (section 20).
local check = require("check")

local me = process.pid()
local server = check.script([[
    local inbox = process.inbox()
    local kept = {}
    while true do
        local m = inbox:receive()
        local topic, data = m:topic(), m.payload:data()
        if topic == "double" then m:reply(data * 2)
        elseif topic == "nil" then m:reply(nil)
        elseif topic == "nothing" then m:reply()
        elseif topic == "false" then m:reply(false)
        elseif topic == "table" then m:reply({ got = data, from = m:from() })
        elseif topic == "fail" then m:reply(nil, "no way")
        elseif topic == "error" then
            m:reply(nil, errors.new{ message = "busy", kind = "Unavailable", retryable = true, details = { n = 1 } })
        elseif topic == "twice" then
            process.send(m:from(), "first", (m:reply(1)))
            process.send(m:from(), "second", select(2, m:reply(2)))
        elseif topic == "bad" then
            process.send(m:from(), "bad", select(2, m:reply(print)))
            m:reply("good")
        elseif topic == "keep" then kept[#kept + 1] = m
        elseif topic == "answer kept" then
            local answers = {}
            for n, message in ipairs(kept) do answers[n] = { message:reply(n) } end
            m:reply(answers)
            kept = {}
        elseif topic == "die" then error("died", 0)
        elseif topic == "end" then return "ended"
        elseif topic == "not a call" then process.send(m:from(), "not a call", select(2, m:reply(1)))
        end
    end
]])

check.gives("an answer", 42, process.call(server, "double", 21))
check.gives("nil", nil, process.call(server, "nil", 1))
check.gives("nothing", nil, process.call(server, "nothing", 1))
check.gives("false", false, process.call(server, "false", 1))
check.gives("a table", { got = { 1 }, from = me }, process.call(server, "table", { 1 }))
check.gives("without payload", { from = me }, process.call(server, "table"))
check.fails("an error text", "Internal: no way", process.call(server, "fail", 1))
local value, err = process.call(server, "error", 1)
check.fails("an error object", "Unavailable, retryable: busy", value, err)
check.equal("with its details", err:details(), { n = 1 })
check.gives("twice", 1, process.call(server, "twice"))
check.equal("reply gives true", check.receive(process.listen("first")), true)
err = check.receive(process.listen("second"))
check.equal("already answered", check.error_text(err), "Invalid: already answered")
check.gives("a value that cannot cross is not an answer", "good", process.call(server, "bad"))
check.equal("but an error", check.error_text(check.receive(process.listen("bad"))),
    "Invalid: cannot send a function (argument 1)")
process.send(server, "not a call")
check.equal("reply to a message", check.error_text(check.receive(process.listen("not a call"))),
    "Invalid: not a call")

check.fails("no answer in time", "Timeout: no reply within 10ms", process.call(server, "keep", 1, "10ms"))
check.fails("a number is nanoseconds", "Timeout: no reply within 1ms", process.call(server, "keep", 1, 1000000))
check.fails("a Duration", "Timeout: no reply within 1.5ms",
    process.call(server, "keep", 1, time.parse_duration("1.5ms")))
check.fails("at once", "Timeout: no reply within 0s", process.call(server, "keep", 1, 0))
local answers = process.call(server, "answer kept")
check.equal("late answers find a caller that lives", answers, { { true }, { true }, { true }, { true } })
check.gives("and are dropped", 4, process.call(server, "double", 2))
check.fails("a bad time-out", 'Invalid: time: invalid duration "soon"', process.call(server, "double", 1, "soon"))
check.fails("no duration", "Invalid: duration must be number or string", process.call(server, "double", 1, {}))
check.gives("nil is the default", 4, process.call(server, "double", 2, nil))

-- Side by side, from several coroutines; only the caller waits.
local done = channel.new(50)
for n = 1, 50 do
    coroutine.spawn(function() done:send(process.call(server, "double", n) == 2 * n) end)
end
local right = 0
for _ = 1, 50 do
    right = right + (check.receive(done) and 1 or 0)
end
check.equal("fifty calls side by side", right, 50)

-- A caller that is gone.
local caller = check.script([[ process.call(..., "keep", 1) ]], server)
process.terminate(caller)
check.exit_fails("the caller ends", caller, "Internal, retryable nil: process terminated")
-- It may have ended before it called.
answers = process.call(server, "answer kept")
check.ok("its answer finds nobody", #answers == 0 or check.error_text(answers[1][2]) == "NotFound: caller is gone")

-- The target ends.
check.fails("the target fails", "Unavailable, retryable: process ended before replying: " .. server,
    process.call(server, "die"))
check.exit_fails("its own EXIT comes too", server, "Internal, retryable nil: died")
check.fails("a dead target", "NotFound: process not found: " .. server, process.call(server, "double", 1))
local quiet = check.script("process.inbox():receive() return 'no answer'")
check.fails("the target ends normally", "Unavailable, retryable: process ended before replying: " .. quiet,
    process.call(quiet, "x"))
check.exits("its EXIT", quiet, "no answer")
check.fails("an unknown name", "NotFound: could not resolve 'nobody' as PID or registered name",
    process.call("nobody", "x"))
check.fails("an @ topic", "Invalid: cannot send to @ topics", process.call(me, "@x"))
check.fails("a payload that cannot cross", "Invalid: cannot send a function (argument 1)",
    process.call(me, "x", print))

-- By name, and on a listen channel in Message mode.
local named = check.script([[
    process.registry.register("server")
    local calls = process.listen("ask", { message = true })
    process.send(..., "ready")
    local m = calls:receive()
    m:reply("answer to " .. tostring(m.payload))
    return "served"
]], me)
check.receive(process.listen("ready"))
check.gives("by name, on a listen channel", "answer to question", process.call("server", "ask", "question"))
check.exits("it looks like any other message", named, "served")

-- Oneself, from another coroutine.
coroutine.spawn(function() process.listen("self", { message = true }):receive():reply("from me") end)
check.gives("oneself", "from me", process.call(me, "self"))

-- send_after.
local topic = process.listen("later")
local data = { n = 1 }
local timer = process.send_after("5ms", me, "later", data)
data.n = 2
check.equal("send_after: copied now", check.receive(topic), { n = 1 })
check.equal("stop after it has fired", timer:stop(), false)
timer = process.send_after("1h", me, "later", "never")
check.equal("stop before", timer:stop(), true)
check.equal("stop again", timer:stop(), false)
process.send_after("1ms", me, "later", "sent")
check.equal("what was stopped is not sent", check.receive(topic), "sent")
process.send_after("2ms", me, "later", "second")
process.send_after("1ms", me, "later", "first")
check.equal("in the order of their times", { check.receive(topic), (check.receive(topic)) }, { "first", "second" })
process.send_after(0, me, "later", "at once")
check.equal("zero", check.receive(topic), "at once")
process.send_after("1ms", me, "later", 1, "b", nil)
check.equal("several values", check.receive(topic), { 1, "b" })
process.send_after("1ms", me, "later")
check.equal("none", { check.receive(topic) }, { nil, true })
local message = process.listen("from", { message = true })
process.send_after("1ms", me, "from")
check.equal("the sender", check.receive(message):from(), me)
check.fails("bad duration", 'Invalid: time: unknown unit "d" in duration "1d"', process.send_after("1d", me, "t"))
check.fails("a payload", "Invalid: cannot send a function (argument 1)", process.send_after("1ms", me, "t", print))
check.fails("@ topic", "Invalid: cannot send to @ topics", process.send_after("1ms", me, "@t"))
assert(process.registry.register("self"))
process.send_after("1ms", "self", "later", "by name")
check.equal("by name", check.receive(topic), "by name")

-- An hour that nobody stops does not keep the process alive.
process.send_after("1h", me, "later")
print("ok main ends")
