-- H3, H54: functions over strings as large as the limit allows.
local case = {}
local long = ("a"):rep(8 << 20)
local function again(f, ...) while true do pcall(f, ...) end end

case["upper"] = function() again(string.upper, long) end
case["lower"] = function() again(string.lower, long) end
case["reverse"] = function() again(string.reverse, long) end
case["plain find"] = function() again(string.find, long, "aaaaaaab", 1, true) end
case["utf8.len"] = function() again(utf8.len, long) end
case["utf8.codepoint"] = function() again(utf8.codepoint, long, 1, 100000) end
case["utf8.codes"] = function() while true do for _ in utf8.codes(long) do end end end
case["byte"] = function() again(string.byte, long, 1, 100000) end
case["rep"] = function() again(string.rep, "a", 8 << 20) end
case["rep of nothing"] = function() again(string.rep, "", math.maxinteger) end
case["rep beyond all"] = function() again(string.rep, "x", 1000000000) end
case["format"] = function() again(string.format, "%s%s", long, "") end
case["compare"] = function()
    local other = ("a"):rep((8 << 20) - 1) .. "b"
    while true do local _ = long < other end
end
case["concat"] = function() while true do local _ = long .. "b" end end

return function(name) return case[name]() end
