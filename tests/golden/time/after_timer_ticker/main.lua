-- time.md §4: channels that yield times.
local check = require("check")

local function is_time(value)
    return type(value) == "userdata" and tostring(value):find("^%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d") ~= nil
end
local function due_between(row, moment, from, to)
    check.ok(row, not moment:before(from) and not moment:after(to), tostring(moment))
end

-- after
do
    local started = time.now()
    local late = time.after("5ms")
    check.equal("after gives a channel", tostring(late):sub(1, 8), "channel:")
    local moment, ok = late:receive()
    check.ok("it yields a Time, true", is_time(moment) and ok == true)
    -- The wall clock may be slewed meanwhile.
    due_between("that of the firing", moment, started:add("4ms"), time.now():add("1ms"))
    check.equal("once", table.pack(late:receive()), { n = 2, nil, false })
    check.equal("then nil, false at every call", table.pack(late:receive()), { n = 2, nil, false })
    late = time.after("1ms")
    time.sleep("10ms")
    moment, ok = late:receive()
    check.ok("one value is buffered", is_time(moment) and ok)
    check.equal("and the channel is closed behind it", table.pack(late:receive()), { n = 2, nil, false })
end

-- timer
do
    local timer = time.timer("5ms")
    check.ok("response() is channel()", timer:response() == timer:channel())
    check.ok("the same object each time", rawequal(timer:response(), timer:response()))
    local moment, ok = timer:response():receive()
    check.ok("a timer yields a Time, true", is_time(moment) and ok == true)
    check.equal("and closes", table.pack(timer:response():receive()), { n = 2, nil, false })
    check.equal("stop of a fired timer", timer:stop(), false)
    check.equal("reset of a fired timer", timer:reset("1ms"), false)
    check.equal("which changes nothing", table.pack(timer:response():receive()), { n = 2, nil, false })
end
do
    local timer = time.timer("1h")
    check.equal("stop of a pending timer", timer:stop(), true)
    check.equal("closes the channel", table.pack(timer:response():receive()), { n = 2, nil, false })
    check.equal("stop again", timer:stop(), false)
    check.equal("reset of a stopped timer", timer:reset("1ms"), false)
    timer = time.timer("1h")
    local got
    coroutine.spawn(function()
        got = table.pack(timer:response():receive())
    end)
    timer:stop()
    coroutine.yield()
    check.equal("stop wakes who waits", got, { n = 2, nil, false })
end
do
    local timer, started = time.timer("1h"), os.clock()
    check.equal("reset of a pending timer", timer:reset("5ms"), true)
    local _, ok = timer:response():receive()
    check.ok("re-arms it from now", ok and os.clock() - started >= 0.005)
    timer = time.timer("1h")
    timer:reset("2h")
    started = os.clock()
    timer:reset(time.parse_duration("40ms"))
    timer:response():receive()
    check.ok("also to a later time", os.clock() - started >= 0.04)
    timer = time.timer("1h")
    check.raises("reset to 0", "timer:reset: duration must be > 0", timer.reset, timer, 0)
    check.raises("reset to a negative duration", "timer:reset: duration must be > 0", timer.reset, timer, "-1s")
    check.raises("reset to a bad text", 'timer:reset: time: invalid duration "x"', timer.reset, timer, "x")
    check.raises("reset to nothing", "timer:reset: duration must be number or string", timer.reset, timer)
    check.equal("a bad reset leaves it pending", timer:stop(), true)
    check.ok("timers are no tickers", not pcall(time.ticker("1h").stop, timer))
end
do
    -- A timer that fired and was not read keeps its value.
    local timer = time.timer("1ms")
    time.sleep("10ms")
    check.equal("stop of a fired timer that nobody read", timer:stop(), false)
    local _, ok = timer:response():receive()
    check.equal("its value is still there", ok, true)
end

-- ticker
do
    local ticker = time.ticker("2ms")
    check.ok("response() is channel()", rawequal(ticker:response(), ticker:channel()))
    local last
    for n = 1, 5 do
        local moment, ok = ticker:response():receive()
        if not (ok and is_time(moment) and (last == nil or not moment:before(last))) then
            check.ok("tick " .. n, false)
        end
        last = moment
    end
    check.ok("ticks are times in order", true)
    check.equal("stop of a ticker", ticker:stop(), true)
    check.equal("again", ticker:stop(), true)
    local _, ok
    repeat
        _, ok = ticker:response():receive()
    until not ok
    check.ok("closes the channel", true)
    check.equal("a ticker has no reset", ticker.reset, nil)
end
do
    -- Each turn is longer than a period and takes in what is due, on a busy machine too.
    local ticker = time.ticker("1ms")
    for _ = 1, 60 do time.sleep("2ms") end
    ticker:stop()
    local n = 0
    while select(2, ticker:response():receive()) do
        n = n + 1
    end
    check.equal("16 ticks are buffered, further ones dropped", n, 16)
end
do
    local started = os.clock()
    local ticker = time.ticker("10ms")
    for _ = 1, 5 do
        ticker:response():receive()
    end
    check.ok("a ticker keeps its period", os.clock() - started >= 0.05)
    ticker:stop()
end

-- Several at once are delivered in order of their due times, whatever waits for them. When a wait began
-- is known from the clock before it, and from that of the next one, which began later.
local function in_order(row, n_waits, delay_of, wait)
    local began, order, done = {}, {}, channel.new()
    for n = 1, n_waits do
        began[n] = os.clock()
        coroutine.spawn(function()
            local moment = wait(n, delay_of(n))
            order[#order + 1] = { n = n, moment = moment and moment:unix_nano() }
            if #order == n_waits then
                done:close()
            end
        end)
    end
    began[n_waits + 1] = os.clock()
    -- Many are due before the process looks again.
    while os.clock() - began[1] < 0.004 do
    end
    done:receive()
    local function earliest(n)
        return began[n] + delay_of(n) / time.SECOND
    end
    local function latest(n)
        return began[n + 1] + delay_of(n) / time.SECOND
    end
    -- Whether `early` may not come before `due`, which was due before it.
    local function is_wrong(early, due)
        if early.moment and due.moment then
            return early.moment < due.moment
        end
        -- Who was interrupted before it received did not wait: it goes on before who is woken.
        return not early.moment
    end
    for at = 1, n_waits do
        for later = at + 1, n_waits do
            local first, second = order[at], order[later]
            if latest(second.n) < earliest(first.n) and is_wrong(first, second) then
                check.ok(row, false, first.n .. " came before " .. second.n)
                return
            end
        end
    end
    check.ok(row, true)
end
in_order("timers fire in order of their due times", 50, function(n)
    return n * 7919 % 51 * 100 * time.MICROSECOND + 1
end, function(_, delay)
    return (time.after(delay):receive())
end)
in_order("sleeps end in order of their due times", 50, function(n)
    return (51 - n) * 100 * time.MICROSECOND
end, function(_, delay)
    time.sleep(delay)
end)
in_order("so do sleeps and timers side by side", 50, function(n)
    return (51 - n) * 100 * time.MICROSECOND
end, function(n, delay)
    if n % 2 == 0 then
        time.sleep(delay)
    else
        return (time.after(delay):receive())
    end
end)
do
    local timers = {}
    for n = 1, 50 do
        timers[n] = time.after("2ms")
    end
    time.sleep("10ms")
    local fired = 0
    for n = 1, 50 do
        fired = fired + (channel.select({ timers[n]:case_receive(), default = true }).ok and 1 or 0)
    end
    check.equal("timers run whether or not anybody waits", fired, 50)
end

-- select
do
    local slow, quick = time.after("1h"), time.after("2ms")
    local result = channel.select({ slow:case_receive(), quick:case_receive() })
    check.ok("select on timers", result.channel == quick and is_time(result.value))
end

-- Others run, messages come in, while one coroutine sleeps.
do
    local inbox = process.listen("while-asleep")
    process.send_after("2ms", process.pid(), "while-asleep", "came")
    time.sleep("20ms")
    check.equal("messages are kept during a sleep",
        channel.select({ inbox:case_receive(), default = true }).value, "came")
    local pid = check.script("time.sleep('1h')")
    process.terminate(pid)
    check.exit_fails("terminate ends a sleeper", pid, "Internal, retryable nil: process terminated")
    pid = check.script("time.sleep('1h')")
    process.cancel(pid, 5)
    check.exit_fails("so does a cancel deadline", pid,
        "Canceled, retryable nil: process terminated: cancel deadline of 5ms exceeded")
    pid = check.script([[
        process.spawn_linked("golden:script", "app:processes", "error('down')")
        time.sleep("1h")
    ]])
    check.exit_fails("so does LINK_DOWN", pid, "Internal, retryable nil: linked process failed")
end
