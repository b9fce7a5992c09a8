-- Times, durations and locations cross as equal objects (section 7).
local check = require("check")

local function sent(...)
    assert(process.send(process.pid(), "x", ...))
    return (process.listen("x"):receive())
end

local now = time.now()
copy = sent(now)
check.ok("a Time", copy:equal(now) and tostring(copy) == tostring(now))
check.equal("a Duration", tostring(sent(time.parse_duration("90s"))), "1m30s")
check.equal("a Location", tostring(sent(time.load_location("America/New_York"))), "America/New_York")
