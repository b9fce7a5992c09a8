local used = {}
for name, library in pairs({ string = string, table = table, math = math, utf8 = utf8, coroutine = coroutine,
    os = os, debug = debug, process = process, channel = channel, errors = errors, payload = payload,
    time = require("time"), json = require("json"), logger = require("logger") }) do
    used[name] = {}
    for member, value in pairs(library) do
        used[name][member] = type(value)
    end
end
return function()
    for name, members in pairs(used) do
        local library = name == "json" and require("json") or name == "logger" and require("logger") or _ENV[name]
        for member, kind in pairs(members) do
            assert(type(library[member]) == kind, name .. "." .. member)
        end
    end
    assert(("x"):rep(3) == "xxx" and table.concat({ 1, 2 }, ",") == "1,2" and math.max(1, 2) == 2)
    assert(("abc"):gsub("b", string.upper) == "aBc" and utf8.len("äö") == 2)
    assert(require("json").decode(require("json").encode({ 1, { a = 2 } }))[2].a == 2)
    local ch = channel.new(1)
    ch:send(1)
    assert(ch:receive() == 1)
    local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end)
    assert(co(1) == 2 and co(4) == 8)
    time.sleep("1ms")
    return "ok"
end
