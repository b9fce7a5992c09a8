-- H15, H16, H48: copies of values that take some tenths of a second, without a memory limit.
local case = {}

-- Numbers by the million, and one long string many times.
local function large(n_numbers, n_strings)
    local numbers, strings = { 1.5 }, {}
    while #numbers < n_numbers do
        table.move(numbers, 1, #numbers, #numbers + 1)
    end
    local text = ("x"):rep(100000)
    for n = 1, n_strings do strings[n] = text end
    return { numbers, strings }
end

case["encoded"] = function()
    local value = large(1 << 23, 1000)
    return function() payload.new(value) end
end
case["encoded, with metatables"] = function()
    local value = setmetatable(large(1 << 21, 1000), {})
    return function() payload.new(value) end
end
case["encoded, of many tables"] = function()
    local value = {}
    for n = 1, 300000 do value[n] = { n } end
    return function() payload.new(value) end
end
case["sent and received"] = function()
    local value, me, topic = large(1 << 21, 1000), process.pid(), process.listen("topic")
    return function()
        process.send(me, "topic", value)
        topic:receive()
    end
end
case["a string, sent and received"] = function()
    local value, me, topic = ("x"):rep(64 << 20), process.pid(), process.listen("topic")
    return function()
        process.send(me, "topic", value)
        topic:receive()
    end
end
case["arguments and results"] = function()
    local value = large(1 << 21, 1000)
    return function() process.exec("hostile:echo", "app:processes", value) end
end
case["json.encode"] = function()
    local few, value = { 0.1, 123456.789, "\1\2\3", { x = true } }, {}
    for n = 1, 11 do few = { few, few, few, n } end
    value = { few, few, few }
    return function() assert(json.encode(value)) end
end
case["json.encode of many keys"] = function()
    local value = {}
    for n = 1, 300000 do value[n * 7919 % 1000003 .. ""] = n end
    return function() assert(json.encode(value)) end
end
case["json.encode of one string"] = function()
    local value = ("\1ä"):rep(7 << 20)
    return function() assert(json.encode(value)) end
end
case["json.decode"] = function()
    local text = "[" .. ('[1.25,"ab\\n"],'):rep(1 << 19) .. "0]"
    return function() assert(json.decode(text)) end
end
case["json.decode of one string"] = function()
    local text = '"' .. ("\\u00e4x"):rep(8 << 20) .. '"'
    return function() assert(json.decode(text)) end
end

return function(name, watcher)
    local step = case[name]()
    if watcher then process.send(watcher, "ready") end
    while true do step() end
end
