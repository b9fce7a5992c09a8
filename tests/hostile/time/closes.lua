-- H10, H11, H12: what runs at an end. Loops in `<close>` variables are ended by a deadline.
local case = {}
local function closing(f) return setmetatable({}, { __close = f }) end
local function loop() while true do end end
local function sleep() time.sleep("1h") end

case["loop at a return"] = function() local _ <close> = closing(loop) end
case["sleep at a return"] = function() local _ <close> = closing(sleep) end
case["loop at an error"] = function()
    local _ <close> = closing(loop)
    error("first")
end
case["loop in the grace of a cancel"] = function()
    local _ <close> = closing(loop)
    process.events():receive()
end
case["loop in coroutine.close"] = function()
    local co = coroutine.create(function()
        local _ <close> = closing(loop)
        coroutine.yield()
    end)
    coroutine.resume(co)
    coroutine.close(co)
end
case["loop under pcall"] = function()
    while true do pcall(function() local _ <close> = closing(loop) end) end
end
case["loops of many"] = function()
    for _ = 1, 100 do
        coroutine.spawn(function()
            local _ <close> = closing(loop)
            error("first")
        end)
    end
    sleep()
end

-- These end by themselves.
case["error at a return"] = function()
    local _ <close> = closing(function() error("in the close", 0) end)
    return "fine"
end
case["send at a return"] = function()
    local topic, me = process.listen("topic"), process.pid()
    do
        local _ <close> = closing(function() process.send(me, "topic", "closed") end)
    end
    return topic:receive()
end
case["coroutine.close"] = function()
    local co = coroutine.create(function()
        local _ <close> = closing(function() error("in the close", 0) end)
        coroutine.yield()
    end)
    coroutine.resume(co)
    local closed, err = coroutine.close(co)
    assert(not closed and err == "in the close")
    assert(coroutine.close(co) and coroutine.status(co) == "dead")
    local outer = coroutine.wrap(function(self) return pcall(coroutine.close, self) end)
    assert(not outer(coroutine.running()), "a coroutine that waits for another is not closed")
    for n = 1, 3 do
        local closed <close> = closing(function() _G.closed = n end)
        if closed then goto next end
        ::next::
    end
    assert(_G.closed == 3)
    return "fine"
end
case["finalizers"] = function()
    local mt
    local function bad()
        _G.kept = setmetatable({}, mt)
        process.send(process.pid(), "finalizer")
        error("in a finalizer")
    end
    mt = { __gc = function() bad() while true do end end }
    local keep = {}
    for n = 1, 1000 do keep[n] = setmetatable({}, mt) end
    keep = nil
    collectgarbage()
    setmetatable(_G, mt)
    return _G.kept == nil and "fine"
end

return function(name) return case[name]() end
