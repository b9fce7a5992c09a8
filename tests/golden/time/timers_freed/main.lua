-- time.md §4: a timer whose channel nobody can reach is freed with it.
local check = require("check")

local tasks = channel.new(1)
local function turn(n)
    tasks:send(n)
    local result = channel.select({ tasks:case_receive(), time.after("60s"):case_receive() })
    assert(result.value == n)
    time.timer("60s")
    time.ticker("60s")
end

for n = 1, 2000 do
    turn(n)
end
collectgarbage()
local before = collectgarbage("count")
local highest = before
for n = 1, 20000 do
    turn(n)
    highest = math.max(highest, collectgarbage("count"))
end
collectgarbage()
local after = collectgarbage("count")
check.ok("fresh timers in every turn of a loop are freed", after < before + 16, before .. " KB, then " .. after .. " KB")
check.ok("the heap stays bounded meanwhile", highest < before * 4 + 512, highest .. " KB")

-- A timer that a coroutine waits for is reachable, though nothing else knows it.
local got
coroutine.spawn(function()
    got = select(2, time.after("20ms"):receive())
end)
collectgarbage()
collectgarbage()
time.sleep("40ms")
check.equal("a timer that somebody waits for fires", got, true)

-- So is one behind a case or a Timer.
local case = time.after("5ms"):case_receive()
local timer = time.timer("5ms")
collectgarbage()
check.ok("a timer behind a case fires", channel.select({ case }).ok)
check.ok("a timer behind a Timer fires", select(2, timer:response():receive()))

-- A channel outlives its Timer, and what a Timer fired before anybody asked is there for who asks later.
local channels = {}
for n = 1, 20 do
    channels[n] = time.timer("2ms"):response()
end
local unasked = {}
for n = 1, 20 do
    unasked[n] = time.timer("2ms")
    time.timer("2ms")
end
collectgarbage()
time.sleep("10ms")
collectgarbage()
local n_received = 0
for n = 1, 20 do
    n_received = n_received + (select(2, channels[n]:receive()) and 1 or 0)
    n_received = n_received + (select(2, unasked[n]:channel():receive()) and 1 or 0)
    n_received = n_received + (select(2, unasked[n]:channel():receive()) and 1 or 0)
end
check.equal("each fires once, whenever its channel is asked for", n_received, 40)

-- With all timers freed a process with nothing else to wait for is deadlocked at once.
local pid = check.script([[
    for _ = 1, 100 do
        time.after("1h")
        time.timer("1h")
        time.timer("1h"):channel()
        time.timer("1h"):reset("2h")
        time.ticker("1h")
    end
    collectgarbage()
    channel.new():receive()
]])
check.exit_fails("freed timers keep nobody alive", pid,
    "Internal, retryable nil: all coroutines blocked with no pending operations")
