-- H9: loops in coroutines.
local case = {}
local function loop() while true do end end

-- Calls itself by way of `start`, so often, then the function.
local function nest(start, n, inner)
    if n == 0 then return inner() end
    return start(function() return nest(start, n - 1, inner) end)
end
local function by_wrap(f) return coroutine.wrap(f)() end
local function by_resume(f) return coroutine.resume(coroutine.create(f)) end

case["resume"] = function() by_resume(loop) end
case["wrap"] = function() by_wrap(loop) end
case["spawn"] = function()
    coroutine.spawn(loop)
    time.sleep("1h")
end
case["many spawned"] = function()
    for _ = 1, 100 do coroutine.spawn(loop) end
    time.sleep("1h")
end
case["nested resumes"] = function() nest(by_resume, 190, loop) end
case["nested wraps"] = function() nest(by_wrap, 190, loop) end
case["nested, under pcall"] = function() while true do pcall(nest, by_wrap, 100, loop) end end
case["iterator"] = function()
    for _ in coroutine.wrap(function() while true do coroutine.yield(1) end end) do end
end
case["loop in an iterator"] = function() for _ in coroutine.wrap(loop) do end end
case["in a sort"] = function()
    table.sort({ 3, 2, 1 }, function() return by_wrap(loop) end)
end
case["in a metamethod under tostring"] = function()
    return tostring(setmetatable({}, { __tostring = function() return by_wrap(loop) end }))
end
case["new ones without end"] = function() while true do by_wrap(function() return 1 end) end end

return function(name) return case[name]() end
