-- time.md §4: nothing fires early.
local check = require("check")

local early = 0
local done = channel.new()
local N <const> = 200
for n = 1, N do
    coroutine.spawn(function()
        local delay = (n * 7919 % 2000 + 1) * 10 * time.MICROSECOND
        local started = os.clock()
        if n % 3 == 0 then
            time.sleep(delay)
        elseif n % 3 == 1 then
            time.after(delay):receive()
        else
            time.timer(delay):response():receive()
        end
        if os.clock() - started < delay / time.SECOND - 1e-9 then
            early = early + 1
        end
        done:send(true)
    end)
end
for _ = 1, N do
    done:receive()
end
check.equal("none of " .. N .. " waits was too short", early, 0)

-- A ticker: its n-th tick is not before n periods.
local started = os.clock()
local ticker = time.ticker("500us")
for n = 1, 40 do
    ticker:response():receive()
    if os.clock() - started < n * 0.0005 - 1e-9 then
        early = early + 1
    end
end
check.equal("no tick came early", early, 0)

-- A message later.
started = os.clock()
process.send_after("3ms", process.pid(), "topic")
process.listen("topic"):receive()
check.ok("no delayed message came early", os.clock() - started >= 0.003)

-- The wall clock of a firing is not before the due time either.
local due = time.now():add("2ms")
local fired = time.after("2ms"):receive()
check.ok("the Time of firing is the due time or later", not fired:before(due:add("-1ms")))
