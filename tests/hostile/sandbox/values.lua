-- H12, H16, H39: values that cannot cross, and objects in wrong hands.
local case = {}

case["cannot cross"] = function()
    local me = process.pid()
    local bad = { print, coroutine.create(print), channel.new(), time.timer("1h"), process.events() }
    for n, value in ipairs(bad) do
        local sent, err = process.send(me, "topic", { deep = { { value } } })
        assert(not sent and err:message():find("cannot send a .+ %(argument 1.deep%[1%]%[1%]%)"), n)
        sent, err = process.send(me, "topic", { [value] = 1 })
        assert(not sent and err:kind() == errors.INVALID, n)
        sent, err = process.spawn("hostile:echo", "app:processes", value)
        assert(not sent and err:kind() == errors.INVALID, n)
    end
    return "fine"
end
case["no code runs"] = function()
    local function fail() error("a metamethod ran") end
    local lying = setmetatable({ 1, 2 }, { __pairs = fail, __index = fail, __len = fail, __metatable = fail })
    local cyclic = {}
    cyclic[cyclic], cyclic.self, cyclic.lying = cyclic, cyclic, lying
    local topic = process.listen("topic")
    assert(process.send(process.pid(), "topic", cyclic))
    local got = topic:receive()
    assert(got[got] == got and got.self == got and got.lying[2] == 2 and not getmetatable(got.lying))
    return "fine"
end
case["wrong self"] = function()
    local objects = { channel.new(), time.timer("1h"), time.now(), errors.new("x"), payload.new(1), time.utc,
        time.parse_duration("1s"), process.with_name("x"), coroutine.create(print), {}, "x", 1, true }
    local n = 0
    for _, owner in ipairs(objects) do
        local mt = type(owner) == "userdata" and getmetatable(owner)
        for _, name in ipairs({ "send", "receive", "close", "stop", "reset", "message", "kind", "data", "spawn",
            "format", "string", "sub", "add", "__gc", "__close", "__index" }) do
            local found, method = pcall(function() return owner[name] end)
            if found and type(method) == "function" and name ~= "receive" then
                for _, other in ipairs(objects) do
                    if other ~= owner then pcall(method, other) end
                    n = n + 1
                end
                pcall(method)
                pcall(method, nil, nil, nil)
            end
        end
        assert(type(mt) ~= "table", "no metatable of ours is given out")
    end
    assert(n > 0)
    return "fine"
end
case["as keys and errors"] = function()
    local keys = {}
    for _, object in ipairs({ channel.new(), time.timer("1h"), errors.new("x"), payload.new(1) }) do
        keys[object] = true
        local ok, err = pcall(error, object)
        assert(not ok and keys[err])
        assert(not pcall(function() return object.x.y end))
        assert(not pcall(function() object.x = 1 end))
    end
    return "fine"
end
case["after the end"] = function()
    local ch = channel.new(1)
    ch:close()
    assert(not pcall(ch.close, ch) or true)
    assert(not pcall(ch.send, ch, 1))
    local _, ok = ch:receive()
    assert(ok == false)
    local co = coroutine.create(print)
    coroutine.close(co)
    assert(not coroutine.resume(co))
    return "fine"
end

return function(name) return case[name]() end
