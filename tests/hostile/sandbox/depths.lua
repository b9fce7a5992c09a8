-- H13: whatever calls itself ends with an error that can be caught, and with the stack of its worker
-- whole.
local case = {}
local function caught(f, ...)
    local ok, err = pcall(f, ...)
    assert(not ok, "it ended")
    assert(type(err) == "string" or type(err) == "userdata", type(err))
    return "fine"
end

case["recursion"] = function() return caught(function() local function f() return 1 + f() end f() end) end
case["pcall"] = function()
    local function f() return assert(pcall(f)) end
    return caught(f)
end
case["xpcall"] = function()
    local function f() return assert(xpcall(f, function(err) return err end)) end
    return caught(f)
end
case["wrap"] = function()
    local function f() return coroutine.wrap(f)() end
    return caught(f)
end
case["metamethod"] = function()
    local t = setmetatable({}, { __add = function(a) return a + 1 end })
    return caught(function() return t + 1 end)
end
case["chain of __index"] = function()
    local t = {}
    for _ = 1, 10000 do t = setmetatable({}, { __index = t }) end
    return caught(function() return t.x end)
end
case["tostring"] = function()
    local t = {}
    setmetatable(t, { __tostring = function() return tostring(t) end })
    return caught(tostring, t)
end
case["gsub"] = function()
    local function f(s) return (s:gsub(".", f)) end
    return caught(f, "x")
end
case["sort"] = function()
    local function f() table.sort({ 2, 1 }, f) end
    return caught(f)
end
case["load"] = function()
    for _, nested in ipairs({ "(", "{", "- ", "not ", "a[", "f(", "function f() ", "if x then ", "do ", "x.x=" }) do
        local f, err = load("return " .. nested:rep(100000))
        assert(not f and type(err) == "string")
    end
    return "fine"
end
case["close"] = function()
    local function f()
        local _ <close> = setmetatable({}, { __close = f })
    end
    return caught(f)
end
case["json"] = function()
    local t, result, err = {}, nil, nil
    for _ = 1, 100000 do t = { t } end
    result, err = json.encode(t)
    assert(not result and err)
    result, err = json.decode(("["):rep(1000000))
    assert(not result and err)
    result, err = json.decode(('{"a":'):rep(100000))
    assert(not result and err)
    return "fine"
end
case["message"] = function()
    local t = {}
    for _ = 1, 200000 do t = { t } end
    assert(process.send(process.pid(), "topic", t))
    local back, n = process.listen("topic"):receive(), 0
    while back[1] do back, n = back[1], n + 1 end
    assert(n == 200000)
    return "fine"
end
case["pattern"] = function()
    local ok = pcall(string.find, ("x"):rep(300000), ("x-"):rep(300000) .. "y")
    return ok ~= nil and "fine"
end

return function(name) return case[name]() end
