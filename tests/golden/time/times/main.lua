-- time.md §5: Time.
local check = require("check")

local t = time.date(2024, 2, 29, 13, 14, 15, 123456789, time.utc)
local function shown(moment)
    return tostring(moment)
end

check.equal("text", shown(t), "2024-02-29 13:14:15.123456789 +0000 UTC")
check.equal("add a text", shown(t:add("1h")), "2024-02-29 14:14:15.123456789 +0000 UTC")
check.equal("add a number", shown(t:add(-123456789)), "2024-02-29 13:14:15 +0000 UTC")
check.equal("add a Duration", shown(t:add(time.parse_duration("24h"))), "2024-03-01 13:14:15.123456789 +0000 UTC")
check.equal("add changes nothing", shown(t), "2024-02-29 13:14:15.123456789 +0000 UTC")
check.ok("add of a bad duration raises", not pcall(t.add, t, "x") and not pcall(t.add, t) and not pcall(t.add, t, {}))
check.equal("sub", tostring(t:add("90m"):sub(t)), "1h30m0s")
check.equal("sub gives a negative one too", tostring(t:sub(t:add("1ms"))), "-1ms")
check.ok("sub wants a Time", not pcall(t.sub, t, 5))
check.equal("add_date", shown(t:add_date(1, 1, 1)), "2025-03-30 13:14:15.123456789 +0000 UTC")
check.equal("31 Jan + 1 month", shown(time.date(2023, 1, 31, 0, 0, 0, 0, time.utc):add_date(0, 1, 0)), "2023-03-03 00:00:00 +0000 UTC")
check.equal("in a leap year", shown(time.date(2024, 1, 31, 0, 0, 0, 0, time.utc):add_date(0, 1, 0)), "2024-03-02 00:00:00 +0000 UTC")
check.equal("backwards", shown(t:add_date(-1, -1, -1)), "2023-01-28 13:14:15.123456789 +0000 UTC")

local same = t:in_location(time.fixed_zone("X", 3600))
check.equal("in_location", shown(same), "2024-02-29 14:14:15.123456789 +0100 X")
check.ok("equal compares instants", t:equal(same) and same:equal(t) and not t:equal(t:add(1)))
check.ok("after, before", t:add(1):after(t) and not t:after(t) and t:before(t:add(1)) and not t:before(same))
check.ok("== compares identity", t == t and t ~= t:add(0))
check.equal("utc", shown(same:utc()), shown(t))
check.ok("in_local", t:in_local():equal(t) and tostring(t:in_local():location()) == "Local")
check.equal("location", tostring(same:location()) .. tostring(t:location()), "XUTC")

check.equal("format", t:format("2006/01/02"), "2024/02/29")
check.equal("format_rfc3339", t:format_rfc3339(), "2024-02-29T13:14:15Z")
check.equal("with a zone", same:format_rfc3339(), "2024-02-29T14:14:15+01:00")
check.equal("unix", t:unix(), 1709212455)
check.equal("unix_nano", t:unix_nano(), 1709212455123456789)
check.equal("date", table.pack(t:date()), { n = 3, 2024, 2, 29 })
check.equal("clock", table.pack(t:clock()), { n = 3, 13, 14, 15 })
check.equal("parts", { t:year(), t:month(), t:day(), t:hour(), t:minute(), t:second(), t:nanosecond() },
    { 2024, 2, 29, 13, 14, 15, 123456789 })
check.equal("weekday", t:weekday(), time.THURSDAY)
check.equal("sunday", time.date(2024, 3, 3, 0, 0, 0, 0, time.utc):weekday(), time.SUNDAY)
check.equal("year_day", t:year_day(), 60)
check.equal("the last day of a leap year", time.date(2024, 12, 31, 0, 0, 0, 0, time.utc):year_day(), 366)
check.ok("is_zero", time.date(1, 1, 1, 0, 0, 0, 0, time.utc):is_zero() and not t:is_zero() and not time.unix(0, 0):is_zero())
check.equal("the zero time", shown(time.date(1, 1, 1, 0, 0, 0, 0, time.utc)), "0001-01-01 00:00:00 +0000 UTC")

local second = time.parse_duration("1s")
check.equal("round down", shown(t:round(second)), "2024-02-29 13:14:15 +0000 UTC")
check.equal("round up", shown(t:add("400ms"):round(second)), "2024-02-29 13:14:16 +0000 UTC")
check.equal("truncate", shown(t:add("800ms"):truncate(second)), "2024-02-29 13:14:15 +0000 UTC")
check.equal("truncate to an hour", shown(t:truncate(time.parse_duration("1h"))), "2024-02-29 13:00:00 +0000 UTC")
check.equal("round to 0 gives t", shown(t:round(time.parse_duration(0))), shown(t))
check.equal("truncate to less than 0 gives t", shown(t:truncate(time.parse_duration("-1s"))), shown(t))
check.raises("round wants a Duration", "duration expected", t.round, t, "1s")
check.raises("truncate wants a Duration", "duration expected", t.truncate, t, 1000)

for name, run in check.sorted({
    ["<"] = function() return t < same end,
    ["-"] = function() return t - same end,
    [".."] = function() return "x" .. t end,
    ["field"] = function() t.x = 1 end,
    ["#"] = function() return #t end,
}) do
    check.ok("raises: " .. name, not pcall(run))
end
check.equal("an unknown field", t.nothing, nil)
check.ok("methods want a Time", not pcall(t.unix, 5) and not pcall(t.unix) and not pcall(t.unix, time.utc))
check.equal("is userdata", type(t), "userdata")

-- Zones with summer time.
local berlin = time.load_location("Europe/Berlin")
check.equal("winter", shown(time.date(2024, 1, 1, 12, 0, 0, 0, berlin)), "2024-01-01 12:00:00 +0100 CET")
check.equal("summer", shown(time.date(2024, 7, 1, 12, 0, 0, 0, berlin)), "2024-07-01 12:00:00 +0200 CEST")
check.equal("a day in which the clock changes", tostring(time.date(2024, 3, 31, 12, 0, 0, 0, berlin):sub(
    time.date(2024, 3, 30, 12, 0, 0, 0, berlin))), "23h0m0s")
check.equal("add_date keeps the clock", shown(time.date(2024, 3, 30, 12, 0, 0, 0, berlin):add_date(0, 0, 1)),
    "2024-03-31 12:00:00 +0200 CEST")
