-- H32, H35, H36, H37, H49, H51: what is replaced is replaced here only, what is dangerous is absent.
local case = {}

case["everything replaced"] = function()
    local keep = { pairs = pairs, rawset = rawset, error = error, time = time, globals = _G }
    local function bad() keep.error("replaced", 0) end
    getmetatable("").__index = bad
    getmetatable("").__len = bad
    for _, library in keep.pairs({ string, table, math, coroutine, os, debug, utf8 }) do
        for name in keep.pairs(library) do keep.rawset(library, name, bad) end
    end
    for name in keep.pairs(keep.globals) do keep.globals[name] = bad end
    keep.time.sleep("1ms") -- what is ours does not look at it
    return "fine"
end
case["no globals"] = function()
    local sleep, globals = time.sleep, _G
    setmetatable(globals, { __index = function() end, __newindex = function() end })
    for name in pairs(globals) do globals[name] = nil end
    sleep("1ms")
    return "fine"
end
case["after the others"] = function()
    assert(("x"):rep(3):upper() == "XXX" and #"xxx" == 3 and _G.pairs == pairs)
    assert(table.concat({ 1, 2 }, ",") == "1,2" and tostring(1) == "1" and not getmetatable(_G))
    return "fine"
end
case["what is ours is read-only"] = function()
    for _, t in ipairs({ process, channel, time, errors, payload, process.event, process.registry }) do
        assert(not pcall(function() t.new_member = 1 end))
        assert(not pcall(setmetatable, t, {}))
        assert(not pcall(rawset, t, "new_member", 1))
    end
    return "fine"
end
case["absent"] = function()
    for _, name in ipairs({ "io", "package", "dofile", "loadfile", "loadstring", "ffi", "jit", "net", "fs", "exec" }) do
        assert(rawget(_G, name) == nil, name)
        assert(not pcall(require, name), name)
    end
    for name in pairs(debug) do assert(name == "traceback", name) end
    for _, name in ipairs({ "exit", "execute", "remove", "rename", "getenv", "setlocale", "tmpname" }) do
        assert(os[name] == nil, name)
    end
    assert(not string.dump)
    for _, name in ipairs({ "../x", "/etc/passwd", "globals", "hostile.sandbox:globals", "" }) do
        assert(not pcall(require, name), name)
    end
    return "fine"
end
case["bytecode"] = function()
    for _, mode in ipairs({ "t", "b", "bt" }) do
        local f, err = load("\27Lua\x55\0", "=x", mode)
        assert(not f and type(err) == "string")
    end
    assert(not load(function() return nil end) == false)
    return "fine"
end
case["hashes"] = function()
    -- Keys that stock Lua would put into one chain.
    local t = {}
    for n = 1, 20000 do t[("\0"):rep(n % 40) .. n] = n end
    for n = 1, 20000 do t[n * 4096] = n end
    for n = 1, 20000 do t[n * 2.0 ^ 40] = n end
    return "fine"
end

return function(name) return case[name]() end
