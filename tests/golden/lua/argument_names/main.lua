-- Functions whose caller has no name for them are called by the name that the libraries have for
-- them, as in Lua.
local function show(f, ...)
    print(select(2, pcall(f, ...)))
end

show(tostring)
show(string.rep)
show(string.find)
show(coroutine.spawn, 5)
show(coroutine.wrap, 5)
show(table.sort, 5)
show(math.random, {})
show(os.date, {})
show(require, {})
show(rawset, 5)
show(load)
show(channel.new, {})
show(errors.is, 5)
show(errors.wrap, 5)
show(json.decode)
show(logger.info)
show(process.registry.register, {})
show(time.date, {})
show(channel.new(0).send, 5)
show(errors.new("x").message, 5)
show(coroutine.wrap(coroutine.spawn), 5)
print(select(2, pcall(function() coroutine.spawn(5) end)))
print(select(2, pcall(function() channel.new({}) end)))

-- What waits inside of a C function is told as it was called.
local waits = setmetatable({}, { __tostring = function() return time.sleep("1ms") end })
print(pcall(tostring, waits))
print(pcall(string.format, "%s", waits))
