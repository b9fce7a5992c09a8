-- time.md §7: layouts.
local check = require("check")

local t = time.date(2024, 3, 5, 15, 4, 9, 120340000, time.fixed_zone("CET", 3600))
local formats = {
    { "2006 06", "2024 24" }, { "01 1 Jan January", "03 3 Mar March" }, { "02 _2 2", "05  5 5" }, { "002 __2", "065  65" },
    { "Mon Monday", "Tue Tuesday" }, { "15 03 3 PM pm", "15 03 3 PM pm" }, { "04 4 05 5", "04 4 09 9" },
    { "05.000 05,000", "09.120 09,120" }, { "05.999 05,999999", "09.12 09,12034" }, { "05.000000000", "09.120340000" },
    { "MST", "CET" }, { "-0700 -07:00 -07", "+0100 +01:00 +01" }, { "Z0700 Z07:00 Z07", "+0100 +01:00 +01" },
    { "plain text: no elements", "plain text: no elements" }, { "", "" }, { "2006-01-02T15:04:05", "2024-03-05T15:04:09" },
    { time.RFC3339, "2024-03-05T15:04:09+01:00" }, { time.RFC3339NANO, "2024-03-05T15:04:09.12034+01:00" },
    { time.RFC822, "05 Mar 24 15:04 CET" }, { time.RFC822Z, "05 Mar 24 15:04 +0100" },
    { time.RFC850, "Tuesday, 05-Mar-24 15:04:09 CET" }, { time.RFC1123, "Tue, 05 Mar 2024 15:04:09 CET" },
    { time.RFC1123Z, "Tue, 05 Mar 2024 15:04:09 +0100" }, { time.KITCHEN, "3:04PM" }, { time.STAMP, "Mar  5 15:04:09" },
    { time.STAMP_MILLI, "Mar  5 15:04:09.120" }, { time.STAMP_MICRO, "Mar  5 15:04:09.120340" },
    { time.STAMP_NANO, "Mar  5 15:04:09.120340000" }, { time.DATE_TIME, "2024-03-05 15:04:09" },
    { time.DATE_ONLY, "2024-03-05" }, { time.TIME_ONLY, "15:04:09" },
}
for _, pair in ipairs(formats) do
    if t:format(pair[1]) ~= pair[2] then
        check.equal("format " .. pair[1], t:format(pair[1]), pair[2])
    end
end
check.ok("formats", true)
check.equal("Z for UTC", t:utc():format("Z0700 Z07:00 Z07 -0700"), "Z Z Z +0000")
check.equal("midnight and noon", time.date(2024, 1, 1, 0, 0, 0, 0, time.utc):format("3PM") .. time.date(2024, 1, 1, 12, 0, 0, 0, time.utc):format("3pm"),
    "12AM12pm")

-- What is formatted can be read again.
for _, layout in ipairs({ time.RFC3339NANO, time.RFC3339, time.RFC1123Z, time.RFC822Z, "2006-01-02 15:04:05.000000000 -0700", "2006 002 15:04:05.999999999 Z07:00" }) do
    local text = t:format(layout)
    local read, err = time.parse(layout, text)
    if not read or read:format(layout) ~= text then
        check.ok("again: " .. layout, false, check.show(err or read:format(layout)))
    end
end
check.ok("texts can be read again", true)

local function parse(layout, text)
    local read, err = time.parse(layout, text, time.utc)
    return read and tostring(read) or err:message()
end
check.equal("missing parts", parse("15:04", "07:08"), "0000-01-01 07:08:00 +0000 UTC")
check.equal("a fraction that the layout has not", parse("15:04:05", "01:02:03.25"), "0000-01-01 01:02:03.25 +0000 UTC")
check.equal("an unknown abbreviation counts as offset 0", parse("2006-01-02 MST", "2024-01-02 XYZ"), "2024-01-02 00:00:00 +0000 XYZ")
check.equal("month out of range", parse("2006-01-02", "2024-13-02"),
    'parsing time "2024-13-02": month out of range')
check.equal("day out of range", parse("2006-01-02", "2023-02-29"), 'parsing time "2023-02-29": day out of range')
check.equal("extra text", parse("2006", "2024x"), 'parsing time "2024x": extra text: "x"')
check.equal("another text", parse("2006-01-02", "2024/01/02"),
    'parsing time "2024/01/02" as "2006-01-02": cannot parse "/01/02" as "-"')
check.equal("PM", parse("3:04PM", "3:04AM"), "0000-01-01 03:04:00 +0000 UTC")
check.equal("12 AM", parse("3:04PM", "12:04AM"), "0000-01-01 00:04:00 +0000 UTC")
check.equal("month names in any case", parse("Jan 2 2006", "MAR 5 2024"), "2024-03-05 00:00:00 +0000 UTC")
check.equal("as long as it may be", #time.unix(0, 0):format(("x"):rep(4096)), 4096)
check.raises("too long", "bad argument #1 to 'format' (layout of at most 4096 bytes expected, got 4097 bytes)",
    function() time.unix(0, 0):format(("x"):rep(4097)) end)
check.raises("too long to parse", "bad argument #1 to 'parse' (layout of at most 4096 bytes expected, got 4097 bytes)",
    function() time.parse(("x"):rep(4097), "x") end)
