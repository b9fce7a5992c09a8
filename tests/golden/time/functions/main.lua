-- time.md §2: functions.
local check = require("check")

do
    local now = time.now()
    check.ok("now is close to os.time", math.abs(now:unix() - os.time()) <= 1)
    check.equal("now is in the local zone", tostring(now:location()), "Local")
    check.ok("now goes on", not time.now():before(now))
end

-- sleep
do
    local before = os.clock()
    check.equal("sleep gives nothing", select("#", time.sleep("20ms")), 0)
    check.ok("sleep takes its time", os.clock() - before >= 0.02)
    before = os.clock()
    check.equal("sleep of 0 gives nothing", select("#", time.sleep(0)), 0)
    time.sleep("-1h")
    time.sleep(-5)
    check.ok("sleep of nothing returns at once", os.clock() - before < 5)
    check.fails("sleep of a bad text", 'Invalid: time: invalid duration "x"', time.sleep("x"))
    check.fails("sleep of nothing at all", "Invalid: duration must be number or string", time.sleep())
    check.fails("sleep of a table", "Invalid: duration must be number or string", time.sleep({}))
    local log = {}
    coroutine.spawn(function()
        time.sleep("5ms")
        log[#log + 1] = "sleeper"
    end)
    log[#log + 1] = "other"
    time.sleep("30ms")
    check.equal("only the calling coroutine waits", table.concat(log, " "), "other sleeper")
    time.sleep(time.parse_duration("1ms"))
    time.sleep(1.5)
    time.sleep(100)
end
do
    local switched = false
    coroutine.spawn(function()
        coroutine.yield()
        switched = true
    end)
    time.sleep(0)
    check.ok("sleep of 0 does not switch coroutines", not switched)
end

-- after, timer, ticker
for _, name in ipairs({ "after", "timer", "ticker" }) do
    local make = time[name]
    check.fails(name .. " of 0", "Invalid: time." .. name .. ": duration must be > 0", make(0))
    check.fails(name .. " of a negative text", "Invalid: time." .. name .. ": duration must be > 0", make("-1s"))
    check.fails(name .. " of a bad text", 'Invalid: time: missing unit in duration "10"', make("10"))
    check.fails(name .. " of nothing", "Invalid: duration must be number or string", make())
    check.fails(name .. " of a boolean", "Invalid: duration must be number or string", make(true))
    check.ok(name .. " of a Duration", make(time.parse_duration("1h")))
end

-- date
do
    local d = time.date(2024, 2, 29, 13, 14, 15, 123456789, time.utc)
    check.equal("date", tostring(d), "2024-02-29 13:14:15.123456789 +0000 UTC")
    check.equal("month 13 is January", tostring(time.date(2023, 13, 1, 0, 0, 0, 0, time.utc)), "2024-01-01 00:00:00 +0000 UTC")
    check.equal("day 0 is the day before", tostring(time.date(2024, 3, 0, 0, 0, 0, 0, time.utc)), "2024-02-29 00:00:00 +0000 UTC")
    check.equal("hours and minutes carry over", tostring(time.date(2024, 1, 1, 25, 61, 61, 1000000000, time.utc)),
        "2024-01-02 02:02:02 +0000 UTC")
    check.equal("negative parts too", tostring(time.date(2024, 1, 1, -1, 0, 0, -1, time.utc)), "2023-12-31 22:59:59.999999999 +0000 UTC")
    check.equal("the zone is local by default", tostring(time.date(2024, 1, 1, 0, 0, 0, 0):location()), "Local")
    check.raises("no Location", "location expected", time.date, 2024, 1, 1, 0, 0, 0, 0, "UTC")
    for n = 1, 7 do
        local parts = { 2024, 1, 1, 0, 0, 0, 0 }
        parts[n] = "1"
        check.raises("part " .. n .. " is no number", "bad argument #" .. n .. " to 'date' (number expected, got string)",
            time.date, table.unpack(parts))
    end
    check.ok("parts are needed", not pcall(time.date, 2024, 1, 1))
end

-- unix
check.equal("unix", tostring(time.unix(1, 5):utc()), "1970-01-01 00:00:01.000000005 +0000 UTC")
check.equal("unix carries nanoseconds over", time.unix(0, 2500000000):unix_nano(), 2500000000)
check.equal("unix before 1970", tostring(time.unix(-1, -1):utc()), "1969-12-31 23:59:58.999999999 +0000 UTC")
check.equal("unix is in the local zone", tostring(time.unix(0, 0):location()), "Local")
check.ok("unix wants two numbers", not pcall(time.unix, 0))
check.ok("unix wants numbers", not pcall(time.unix, "0", 0))

-- load_location, fixed_zone
check.fails("the empty name", "Invalid: empty location name", time.load_location(""))
check.fails("an unknown name", "NotFound: unknown time zone Nowhere/City", time.load_location("Nowhere/City"))
check.fails("a path", "NotFound: unknown time zone ../etc/passwd", time.load_location("../etc/passwd"))
check.equal("a known name", tostring(time.load_location("Europe/Berlin")), "Europe/Berlin")
check.ok("load_location wants a string", not pcall(time.load_location, {}))
check.equal("fixed_zone", tostring(time.unix(0, 0):in_location(time.fixed_zone("EST", -18000))), "1969-12-31 19:00:00 -0500 EST")
check.ok("fixed_zone wants a string", not pcall(time.fixed_zone, {}, 0))
check.ok("fixed_zone wants a number", not pcall(time.fixed_zone, "X", "0"))

-- parse
check.equal("parse with a zone in the text", tostring(time.parse(time.RFC3339, "2024-05-06T07:08:09+02:00"):utc()),
    "2024-05-06 05:08:09 +0000 UTC")
check.equal("parse with a location", tostring(time.parse(time.DATE_TIME, "2024-07-01 12:00:00", time.load_location("America/New_York"))),
    "2024-07-01 12:00:00 -0400 EDT")
check.equal("parse is local otherwise", tostring(time.parse(time.DATE_ONLY, "2024-07-01"):location()), "Local")
check.fails("parse of a bad text", 'Invalid: parsing time "x" as "2006-01-02": cannot parse "x" as "2006"', time.parse(time.DATE_ONLY, "x"))
check.raises("parse with no Location", "location expected", time.parse, time.DATE_ONLY, "2024-07-01", 5)
check.raises("parse wants texts", "bad argument #1 to 'parse' (string expected, got table)", time.parse, {}, "x")

-- Times, durations and locations cross as equal objects.
do
    local zone = time.load_location("Asia/Tokyo")
    assert(process.send(process.pid(), "topic", time.date(2024, 1, 2, 3, 4, 5, 6, zone), time.parse_duration("1.5s"), zone))
    local moment, duration, location = table.unpack((process.listen("topic"):receive()))
    check.equal("a Time crosses", tostring(moment), "2024-01-02 03:04:05.000000006 +0900 JST")
    check.equal("a Duration crosses", tostring(duration), "1.5s")
    check.equal("a Location crosses", tostring(location), "Asia/Tokyo")
end
