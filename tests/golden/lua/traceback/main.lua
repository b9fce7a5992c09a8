-- errors.md §3: a traceback ends with the program's own code.
local function show(text)
    print((text:gsub("0x%x+", "<address>")))
end

local function deep(n)
    return n > 0 and deep(n - 1) .. "" or debug.traceback("deep")
end

show(debug.traceback("main"))
show(debug.traceback("beyond", 50))
show(debug.traceback(nil, 1))
print(debug.traceback({}) ~= nil, debug.traceback(true), debug.traceback(7, 9))
show(deep(60):gsub("in upvalue 'deep'\n", "in deep\n"))
show(errors.new("made"):stack())
show(select(2, xpcall(function() error("raised") end, debug.traceback)))
show(select(2, xpcall(function() error("raised") end, function(e) return debug.traceback(e) end)))
print(pcall(debug.traceback, "x", {}))

local created = coroutine.create(function() coroutine.yield() end)
coroutine.resume(created)
show(debug.traceback(created, "created"))
show(debug.traceback(created, nil, 7))

local done = channel.new(1)
coroutine.spawn(function()
    local here = coroutine.running()
    show(debug.traceback(here, "spawned, by its thread"))
    show(debug.traceback("spawned"))
    coroutine.wrap(function() show(debug.traceback(here, "spawned, from another")) end)()
    done:send(true)
end)
done:receive()
error("the end")
