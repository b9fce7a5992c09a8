-- Functions of the libraries that call no Lua code give way and are killed, however long they take.
local check = require("check")

local LIES = [[
    local lies = setmetatable({}, { __len = function() return math.maxinteger - 1 end })
    local gives = setmetatable({}, { __index = function(_, key) return "" end })
]]
local BIG = [[
    local big, wide = ("x"):rep(2 << 20), ("\u{20ac}"):rep(1 << 19)
    local list = {}
    for n = 1, 500000 do list[n] = "element" end
]]
local function forever(call)
    return BIG .. "while true do pcall(function() " .. call .. " end) end"
end

for _, case in ipairs({
    { "table.move of nothing", "table.move({}, 1, math.maxinteger - 1, 2)" },
    { "table.move backward", "local t = {} table.move(t, 1, math.maxinteger - 1, 2, t)" },
    { "table.move from a metamethod", LIES .. "table.move(gives, 1, 1 << 60, 1, setmetatable({}, { __newindex = function() end }))" },
    { "table.insert", LIES .. "table.insert(lies, 1, 'x')" },
    { "table.remove", LIES .. "table.remove(lies, 1)" },
    { "table.concat", LIES .. "table.concat(gives, '', 1, 1 << 60)" },
    { "table.move, again and again", forever("table.move(list, 1, #list, 2)") },
    { "table.insert, again and again", forever("table.insert(list, 1, 'x') table.remove(list, 1)") },
    { "table.concat, again and again", forever("return #table.concat(list, ', ')") },
    { "table.unpack, again and again", forever("return select('#', table.unpack(list))") },
    { "string.rep", forever("return #big:rep(4, big)") },
    { "string.upper", forever("return #big:upper()") },
    { "string.lower", forever("return #big:lower()") },
    { "string.reverse", forever("return #big:reverse()") },
    { "utf8.len", forever("return utf8.len(wide)") },
    { "utf8.offset", forever("return utf8.offset(wide, 1 << 18)") },
}) do
    local row, source = table.unpack(case)
    local pid = check.script(source)
    local turns = 0
    for _ = 1, 5 do
        time.sleep("1ms")
        turns = turns + 1
    end
    check.equal(row .. ": others go on", turns, 5)
    check.gives(row .. ": it is told", true, process.cancel(pid, "1ms"))
    check.exit_fails(row .. ": it ends", pid, "Canceled, retryable nil: process terminated: cancel deadline of 1ms exceeded")
end
