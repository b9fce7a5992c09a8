-- channel.md §5.1: C functions that cannot be suspended.
local check = require("check")

local never = channel.new()
local function refused(row, call, c_function, run)
    local worked, err = pcall(run)
    local want = "cannot wait in '" .. call .. "' inside C function '" .. c_function .. "'"
    local got = tostring(err)
    check.ok(row, not worked and got:sub(-#want) == want, "expected " .. want .. ", got " .. got)
end

local function receive()
    return never:receive()
end

refused("__tostring under tostring", "receive", "tostring", function()
    return tostring(setmetatable({}, { __tostring = receive }))
end)
refused("__tostring under print", "receive", "print", function()
    print(setmetatable({}, { __tostring = receive }))
end)
refused("__tostring under string.format", "receive", "format", function()
    return ("%s"):format(setmetatable({}, { __tostring = receive }))
end)
refused("__index under ipairs", "receive", "for iterator", function()
    for _ in ipairs(setmetatable({}, { __index = receive })) do
        return
    end
end)
refused("a reader of load", "receive", "load", function()
    return assert(load(receive))
end)
refused("a close handler under coroutine.close", "receive", "close", function()
    local co = coroutine.create(function()
        local guard <close> = setmetatable({}, { __close = receive })
        coroutine.yield()
        return guard
    end)
    coroutine.resume(co)
    local _, err = coroutine.close(co)
    error(err, 0)
end)
refused("a coroutine in such a function", "receive", "tostring", function()
    return tostring(setmetatable({}, {
        __tostring = function()
            return coroutine.wrap(receive)()
        end,
    }))
end)
refused("a pcall in such a function", "receive", "tostring", function()
    return tostring(setmetatable({}, {
        __tostring = function()
            local _, err = pcall(receive)
            error(err, 0)
        end,
    }))
end)

-- The handler of xpcall: its error replaces the error.
do
    local _, err = xpcall(error, function()
        local _, inner = pcall(receive)
        return inner
    end, "x")
    check.ok("a message handler of xpcall",
        tostring(err):find("cannot wait in 'receive' inside C function 'xpcall'", 1, true), tostring(err))
end

-- Each call that waits names itself.
local function under(run)
    return function()
        return tostring(setmetatable({}, {
            __tostring = function()
                return tostring(run())
            end,
        }))
    end
end
refused("send", "send", "tostring", under(function()
    return never:send(1)
end))
refused("select", "select", "tostring", under(function()
    return channel.select({ never:case_receive() })
end))
refused("time.sleep", "sleep", "tostring", under(function()
    time.sleep("1ms")
end))
refused("process.exec", "exec", "tostring", under(function()
    return process.exec("golden:script", check.HOST, "return 1")
end))
refused("process.call", "call", "tostring", under(function()
    return process.call(process.pid(), "topic", 1)
end))

-- What need not wait goes on.
local function worked(row, run, want)
    check.equal(row, tostring(setmetatable({}, { __tostring = run })), want)
end
local ready = channel.new(1)
worked("send with room", function()
    return tostring(ready:send(1))
end, "true")
worked("receive of a buffered value", function()
    return tostring(ready:receive())
end, "1")
worked("select with a default", function()
    return tostring(channel.select({ never:case_receive() }, true).default)
end, "true")
worked("select of a ready case", function()
    ready:send("s")
    return channel.select({ ready:case_receive() }).value
end, "s")
worked("sleep of nothing", function()
    time.sleep(0)
    return "slept"
end, "slept")
worked("a coroutine that does not wait", function()
    local co = coroutine.wrap(function()
        coroutine.yield("yielded")
    end)
    return co()
end, "yielded")

check.ok("the process goes on", pcall(time.sleep, "1ms"))
