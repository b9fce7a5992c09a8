-- H53: loops in the library of tables over lengths and elements that lie.
local case = {}
local HUGE <const> = math.maxinteger - 1
local piece = ("x"):rep(1 << 20)
local function lying(n) return setmetatable({}, { __len = function() return n end }) end
local function full()
    return setmetatable({}, {
        __len = function() return HUGE end,
        __index = function() return piece end,
        __newindex = function() end,
    })
end

case["move"] = function() table.move({}, 1, HUGE, 2) end
case["move of what is made up"] = function() table.move(full(), 1, HUGE, 2) end
case["insert"] = function() table.insert(lying(HUGE), 1, "x") end
case["remove"] = function() table.remove(lying(HUGE), 1) end
case["concat of nothing"] = function() while true do pcall(table.concat, lying(HUGE)) end end
case["concat of what is made up"] = function() table.concat(full(), "", 1, HUGE) end
case["unpack"] = function() while true do pcall(table.unpack, {}, 1, 900000) end end
case["unpack of too much"] = function()
    while true do pcall(table.unpack, {}, 1, HUGE) end
end

return function(name) return case[name]() end
