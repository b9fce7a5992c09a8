-- H41: prints and logs without end.
local case = {}
case["print"] = function() while true do print("line") end end
case["one long line"] = function()
    local long = ("x"):rep(4 << 20)
    while true do print(long) end
end
case["log"] = function() while true do require("logger").info("line") end end
case["failing __tostring"] = function()
    for _ = 1, 100 do
        assert(not pcall(print, setmetatable({}, { __tostring = function() error("x") end })))
    end
    return "fine"
end

return function(name) return case[name]() end
