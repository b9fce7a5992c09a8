-- H3, H14: growth without end, up to the limit of the process.
local case = {}

case["table"] = function() local t = {} for n = 1, math.huge do t[n] = n end end
case["doubling"] = function() local s = "x" while true do s = s .. s end end
case["nested tables"] = function() local t while true do t = { t } end end
case["strings"] = function() local t = {} for n = 1, math.huge do t[n] = ("x"):rep(100) .. n end end
case["keys"] = function() local t = {} for n = 1, math.huge do t["key " .. n] = true end end
case["coroutines"] = function()
    local t = {}
    for n = 1, math.huge do t[n] = coroutine.create(function() end) end
end
case["spawned coroutines"] = function()
    while true do coroutine.spawn(function() time.sleep("1h") end) end
end
case["closures"] = function() local t = {} for n = 1, math.huge do t[n] = function() return n end end end
case["upvalues"] = function()
    local t = {}
    for n = 1, math.huge do
        local big = ("x"):rep(10000) .. n
        t[n] = function() return big end
    end
end
case["recursion"] = function() local function f(n) return 1 + f({ n }) end return f() end
case["in a coroutine"] = function() coroutine.wrap(case["table"])() end
case["in a handler"] = function() xpcall(error, case["table"]) error("after it") end
case["rep"] = function() return ("x"):rep(1000000000) end
case["rep of rep"] = function() return (("x"):rep(1000000)):rep(100000000) end

-- These live on, at the limit.
case["caught for ever"] = function() while true do pcall(case["nested tables"]) end end
case["always nearly full"] = function()
    local kept = {}
    pcall(function() for n = 1, math.huge do kept[n] = { n } end end)
    for n = 1, 100 do kept[#kept] = nil end
    while true do pcall(function() return { {}, {}, {} } end) end
end

-- These get their error.
case["caught once"] = function()
    local ok, err = pcall(string.rep, "x", 1000000000)
    assert(not ok and err == "not enough memory", err)
    ok, err = pcall(function() return (("x"):rep(1000000)):rep(100000000) end)
    assert(not ok, err)
    return "fine"
end

return function(name) return case[name]() end
