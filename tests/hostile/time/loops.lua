-- H5, H6, H7, H38: endless loops, and those that catch what would end them.
local case = {}
local function loop() while true do end end

case["while"] = loop
case["goto"] = function() ::again:: goto again end
case["for"] = function() for _ = 1, math.maxinteger do end end
case["calls"] = function() local function f() return f() end return f() end
case["generic for"] = function() for _ in function() return 1 end do end end

case["pcall"] = function() while true do pcall(loop) end end
case["pcall of error"] = function() while true do pcall(error, "again") end end
case["pcall in pcall"] = function()
    local function deeper(n) while true do pcall(n == 0 and loop or deeper, n - 1) end end
    deeper(100)
end
case["pcall of itself"] = function() local function f() pcall(f) pcall(f) end f() end

case["handler that loops"] = function() xpcall(error, loop) end
case["handler that errors"] = function()
    while true do xpcall(error, function() error("again") end) end
end
case["handler that calls xpcall"] = function()
    local function handler() while true do xpcall(error, handler) end end
    xpcall(error, handler)
end
case["loop under a handler"] = function() while true do xpcall(loop, loop) end end

case["collectgarbage of all kinds"] = function()
    collectgarbage("stop")
    collectgarbage("generational")
    while true do
        for _, what in ipairs({ "step", "collect", "count", "incremental", "setpause" }) do
            collectgarbage(what)
        end
    end
end

return function(name) return case[name]() end
