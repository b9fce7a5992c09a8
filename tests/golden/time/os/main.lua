-- time.md §8: `os`.
local check = require("check")

local names = {}
for name in pairs(os) do
    names[#names + 1] = name
end
table.sort(names)
check.equal("members", table.concat(names, " "), "clock date difftime time")

check.equal("os.time is an integer", math.type(os.time()), "integer")
check.ok("os.time is now", math.abs(os.time() - time.now():unix()) <= 1)
check.equal("os.time of a table", os.time({ year = 2024, month = 1, day = 1, hour = 12 }),
    time.date(2024, 1, 1, 12, 0, 0, 0):unix())
check.equal("parts carry over", os.time({ year = 2024, month = 13, day = 1 }), os.time({ year = 2025, month = 1, day = 1 }))
check.ok("missing parts raise", not pcall(os.time, { year = 2024 }))
check.equal("os.date('!*t')", os.date("!*t", 86400 * 59 + 3661),
    { year = 1970, month = 3, day = 1, hour = 1, min = 1, sec = 1, wday = 1, yday = 60, isdst = false })
check.equal("os.date('*t') and back", os.time(os.date("*t", 1700000000)), 1700000000)
check.equal("formats of Lua", os.date("!%Y-%m-%d %H:%M:%S %j %A %B %%", 0), "1970-01-01 00:00:00 001 Thursday January %")
check.ok("the default format", #os.date() > 10)
check.ok("an unknown format raises", not pcall(os.date, "%Q"))
check.equal("a format as long as it may be", #os.date(("x"):rep(4096)), 4096)
check.raises("a format too long", "bad argument #1 to 'date' (format of at most 4096 bytes expected, got 4097 bytes)",
    function() os.date(("x"):rep(4097)) end)
check.equal("os.clock is a float", math.type(os.clock()), "float")
local before = os.clock()
time.sleep("5ms")
check.ok("os.clock goes on during a sleep", os.clock() - before >= 0.005)
check.ok("os.clock counts from the start of the runtime", os.clock() < 60)
check.equal("os.difftime", os.difftime(5, 2), 3.0)
check.equal("it is a float", math.type(os.difftime(5, 2)), "float")
