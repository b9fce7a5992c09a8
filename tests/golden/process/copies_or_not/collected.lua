-- All kinds of objects made by the top level, used with a full collection after every step.
local log = {}
local function step(value)
    log[#log + 1] = tostring(value)
    collectgarbage()
end

local shared = 0
local function add(n) shared = shared + n return shared end
local function read() return shared end

local Point = {}
Point.__index = Point
Point.__eq = function(a, b) return a.x == b.x end
Point.__lt = function(a, b) return a.x < b.x end
Point.__add = function(a, b) return setmetatable({ x = a.x + b.x }, Point) end
Point.__concat = function(a, b) return tostring(a.x or a) .. "&" .. tostring(b.x or b) end
Point.__close = function(point) log[#log + 1] = "closed " .. point.x end
function Point.new(x) return setmetatable({ x = x }, Point) end

local one, two = Point.new(1), Point.new(2)
local names, weak = {}, setmetatable({}, { __mode = "v" })
for n = 1, 40 do
    names["name" .. n] = ("long name "):rep(5) .. n
end
weak.kept, weak.lost = one, {}
local chain = nil
for n = 1, 50 do
    chain = { n = n, next = chain }
end
local late = setmetatable({}, { __index = function(t, key) t[key] = key .. "!" return t[key] end })

return function()
    log = {}
    step(add(2) + add(3))
    step(read())
    step((one + two).x)
    step(one == Point.new(1))
    step(one < two)
    step(one .. two .. "three")
    step(weak.kept == one)
    step(weak.lost == nil)
    weak.lost = {}
    collectgarbage()
    step(weak.lost == nil)
    do
        local guard <close> = Point.new(7)
        step(guard.x)
    end
    -- A text that is made again is the key that came with the top level.
    for n = 1, 40, 13 do
        step(names["na" .. "me" .. n] == ("long name "):rep(5) .. n)
        names["name" .. n] = nil
    end
    local sum, link = 0, chain
    while link do
        sum, link = sum + link.n, link.next
        if sum % 7 == 0 then collectgarbage() end
    end
    step(sum)
    chain = chain.next.next
    step(chain.n)
    step(late.a .. late.b .. late.a)
    local numbers = coroutine.wrap(function()
        for n = 1, 3 do
            local made = { n, add }
            coroutine.yield(made[2](made[1]))
        end
    end)
    step(numbers())
    step(numbers())
    local made = {}
    for n = 1, 300 do
        made[n] = function() return n + shared end
        if n % 30 == 0 then collectgarbage() end
    end
    step(made[300]())
    step(select("#", table.unpack(made)))
    step(pcall(error, setmetatable({}, { __tostring = function() return "an error" end })))
    step(load("local n = ... return n * 2")(21))
    step(#table.concat(log, ","))
    return log
end
