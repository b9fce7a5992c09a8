-- time.md §1: durations as arguments.
local check = require("check")

check.ok("time is a global and a module", require("time") == time)
check.raises("the table is read-only", "cannot modify read-only table 'time'", function()
    time.now = nil
end)

local function ns(value)
    local duration, err = time.parse_duration(value)
    return duration and duration:nanoseconds() or err
end
local function invalid(value, message)
    check.fails("bad: " .. tostring(value), "Invalid: " .. message, time.parse_duration(value))
end

check.equal("an integer is nanoseconds", ns(100), 100)
check.equal("so is a float, cut toward zero", ns(1.9), 1)
check.equal("also a negative one", ns(-1.9), -1)
check.equal("a Duration is itself", ns(time.parse_duration("2s")), 2000000000)
check.equal("with constants", ns(100 * time.MILLISECOND), 100000000)
for text, want in check.sorted({
    ["1h30m"] = 5400000000000, ["1.5s"] = 1500000000, [".5s"] = 500000000, ["-2m"] = -120000000000,
    ["+2m"] = 120000000000, ["1ns"] = 1, ["1us"] = 1000, ["1µs"] = 1000, ["1μs"] = 1000, ["1ms"] = 1000000,
    ["1m"] = 60000000000, ["1h"] = 3600000000000, ["0"] = 0, ["-0"] = 0, ["1h2m3s4ms5us6ns"] = 3723004005006,
    ["1s1s"] = 2000000000, ["1.s"] = 1000000000, ["0.000000001s"] = 1, ["2562047h47m16.854775807s"] = math.maxinteger,
    ["-2562047h47m16.854775808s"] = math.mininteger, ["100ms"] = 100000000,
}) do
    local got = ns(text)
    if got ~= want then
        check.equal("text " .. text, got, want)
    end
end
check.ok("texts in all units", true)

for _, text in ipairs({ "", "abc", "-", "+", ".", ".s", "s", "1 s", " 1s", "1s ", "1h 30m", "--1s", "1s-1s", "1e3s", "2562048h",
    "9223372036854775808ns", "99999999999999999999s" }) do
    local duration, err = time.parse_duration(text)
    local want = text == "1 s" and 'time: unknown unit " s" in duration "1 s"'
    if not (duration == nil and errors.is(err, errors.INVALID)) then
        check.ok("bad text '" .. text .. "'", false)
    elseif text == "" or text == "abc" or text == "-" or text == "2562048h" then
        check.equal("bad text '" .. text .. "'", err:message(), 'time: invalid duration "' .. text .. '"')
    end
end
check.ok("bad texts are Invalid", true)
invalid("10", 'time: missing unit in duration "10"')
invalid("1.5", 'time: missing unit in duration "1.5"')
invalid("1d", 'time: unknown unit "d" in duration "1d"')
invalid("1h1x", 'time: unknown unit "x" in duration "1h1x"')
for _, bad in ipairs({ true, {}, print, channel.new(), time.now() }) do
    local _, err = time.parse_duration(bad)
    check.equal("a " .. type(bad) .. " is no duration", err:message(), "duration must be number or string")
end
check.fails("nothing is none", "Invalid: duration must be number or string", time.parse_duration())
check.fails("nil is none", "Invalid: duration must be number or string", time.parse_duration(nil))
for name, number in check.sorted({ NaN = 0 / 0, infinity = math.huge, ["-infinity"] = -math.huge, large = 1e300, ["2^63"] = 2 ^ 63 }) do
    local duration, err = time.parse_duration(number)
    if duration ~= nil or not errors.is(err, errors.INVALID)
        or not err:message():find('^time: invalid duration "') then
        check.ok("bad number " .. name, false, check.show(err))
    end
end
check.ok("bad numbers are Invalid", true)
check.equal("the smallest number", ns(-2 ^ 63), math.mininteger)
