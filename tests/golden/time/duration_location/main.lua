-- time.md §6: Duration and Location.
local check = require("check")

local function d(value)
    return assert(time.parse_duration(value))
end
local long = d("1h30m45.123456789s")
check.equal("nanoseconds", long:nanoseconds(), 5445123456789)
check.equal("microseconds", long:microseconds(), 5445123456)
check.equal("milliseconds", long:milliseconds(), 5445123)
check.equal("cut toward zero", { d("-1.9ms"):milliseconds(), d("-1.9us"):microseconds() }, { -1, -1 })
check.equal("seconds", d("1.5s"):seconds(), 1.5)
check.equal("minutes", d("90s"):minutes(), 1.5)
check.equal("hours", d("30m"):hours(), 0.5)
check.equal("integers and floats", { math.type(long:milliseconds()), math.type(d("1s"):seconds()), math.type(d("1h"):hours()) },
    { "integer", "float", "float" })

local texts = {
    { "1h30m45s", "1h30m45s" }, { "1.5s", "1.5s" }, { "100ms", "100ms" }, { 0, "0s" }, { "-2m", "-2m0s" }, { "1h", "1h0m0s" },
    { "60s", "1m0s" }, { "1h1s", "1h0m1s" }, { "1.5ms", "1.5ms" }, { 1, "1ns" }, { 999, "999ns" }, { 1000, "1µs" }, { 1500, "1.5µs" },
    { "1m0.5s", "1m0.5s" }, { "-1.5h", "-1h30m0s" }, { math.maxinteger, "2562047h47m16.854775807s" },
    { math.mininteger, "-2562047h47m16.854775808s" }, { "0.000000001s", "1ns" }, { "1.000000001s", "1.000000001s" }, { -1, "-1ns" },
}
for _, pair in ipairs(texts) do
    if tostring(d(pair[1])) ~= pair[2] then
        check.equal("text of " .. pair[1], tostring(d(pair[1])), pair[2])
    end
end
check.ok("texts of durations", true)

for name, run in check.sorted({
    ["<"] = function() return d(1) < d(2) end,
    ["-"] = function() return d(1) - d(2) end,
    ["+"] = function() return d(1) + 1 end,
    [".."] = function() return "x" .. d(1) end,
    ["field"] = function() d(1).x = 1 end,
}) do
    check.ok("raises: " .. name, not pcall(run))
end
check.ok("== compares identity", d(1) ~= d(1) and long == long)
check.ok("methods want a Duration", not pcall(long.seconds, 5) and not pcall(long.seconds, time.now()))

for name, location in check.sorted({
    ["America/New_York"] = time.load_location("America/New_York"), UTC = time.utc, Local = time.localtz,
    EST = time.fixed_zone("EST", -18000),
}) do
    check.equal("string of " .. name, location:string(), name)
    check.equal("tostring of " .. name, tostring(location), name)
end
check.equal("load_location('UTC')", tostring(time.load_location("UTC")), "UTC")
check.equal("load_location('Local')", tostring(time.load_location("Local")), "Local")
check.equal("a zone without a name", tostring(time.unix(0, 0):in_location(time.fixed_zone("", 19800))), "1970-01-01 05:30:00 +0530 +0530")
check.ok("a Location cannot be changed", not pcall(function()
    time.utc.x = 1
end))
