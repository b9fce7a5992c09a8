-- channel.md §1, §5: coroutines of a process.
local check = require("check")

do
    local log = {}
    local function note(text)
        log[#log + 1] = text
    end
    local thread = coroutine.spawn(function(...)
        note("args" .. select("#", ...))
        coroutine.yield()
        note("second")
    end)
    note("caller")
    check.equal("spawn gives a thread", type(thread), "thread")
    coroutine.yield()
    coroutine.yield()
    check.equal("the new coroutine runs first, up to its first wait", table.concat(log, " "), "args0 caller second")
end
check.raises("spawn wants a function", "bad argument #1 to 'coroutine.spawn' (function expected, got number)",
    coroutine.spawn, 5)
check.raises("spawn of nothing", "bad argument #1 to 'coroutine.spawn' (function expected, got no value)", coroutine.spawn)

do
    local log = {}
    for n = 1, 3 do
        coroutine.spawn(function()
            for turn = 1, 2 do
                coroutine.yield()
                log[#log + 1] = n .. "." .. turn
            end
        end)
    end
    for _ = 1, 5 do
        coroutine.yield()
    end
    check.equal("runnable coroutines run in order", table.concat(log, " "), "1.1 2.1 3.1 1.2 2.2 3.2")
end
do
    local log = {}
    coroutine.spawn(function()
        log[#log + 1] = "a"
        coroutine.spawn(function()
            log[#log + 1] = "b"
            coroutine.yield()
            log[#log + 1] = "b2"
        end)
        log[#log + 1] = "a2"
    end)
    log[#log + 1] = "main"
    coroutine.yield()
    coroutine.yield()
    check.equal("a coroutine spawns another", table.concat(log, " "), "a b a2 main b2")
end

check.equal("yield in the main coroutine gives nothing", select("#", coroutine.yield(1, 2, 3)), 0)
check.equal("yield under a C function names no place, as in Lua", { pcall(tostring, setmetatable({}, {
    __tostring = function()
        coroutine.yield()
    end,
})) }, { false, "attempt to yield across a C-call boundary" })
do
    local n
    coroutine.spawn(function()
        n = select("#", coroutine.yield("dropped"))
    end)
    coroutine.yield()
    coroutine.yield()
    check.equal("yield in a spawned coroutine gives nothing", n, 0)
end
do
    local thread = coroutine.spawn(function()
        return "result", coroutine.yield()
    end)
    coroutine.yield()
    coroutine.yield()
    check.equal("an ended coroutine is dead, its results are dropped", coroutine.status(thread), "dead")
end

-- Threads of the process cannot be resumed or closed.
do
    local block = channel.new()
    local thread = coroutine.spawn(function()
        block:receive()
    end)
    local main = coroutine.running()
    check.equal("resume of a spawned thread", { coroutine.resume(thread) },
        { false, "cannot resume a spawned coroutine" })
    check.equal("resume of the main thread", { coroutine.resume(main) },
        { false, "cannot resume a spawned coroutine" })
    check.raises("close of a spawned thread", "cannot close a spawned coroutine", coroutine.close, thread)
    check.raises("close of the main thread", "cannot close a spawned coroutine", coroutine.close, main)
    check.equal("a waiting coroutine is suspended", coroutine.status(thread), "suspended")
    local inside = coroutine.wrap(function()
        return coroutine.resume(main)
    end)
    check.equal("resume of the main thread from a coroutine", { inside() },
        { false, "cannot resume a spawned coroutine" })
    block:close()
end

-- Lua's own coroutines are as in Lua.
do
    local co = coroutine.create(function(a, b)
        local c = coroutine.yield(a + b)
        local d, e = coroutine.yield(c * 2)
        return d .. e
    end)
    check.equal("status before", coroutine.status(co), "suspended")
    check.equal("first resume", { coroutine.resume(co, 1, 2) }, { true, 3 })
    check.equal("second resume", { coroutine.resume(co, 10) }, { true, 20 })
    check.equal("last resume", { coroutine.resume(co, "x", "y") }, { true, "xy" })
    check.equal("status after", coroutine.status(co), "dead")
    check.equal("resume of a dead coroutine", { coroutine.resume(co) }, { false, "cannot resume dead coroutine" })
end
do
    local co = coroutine.create(function()
        error("oops", 0)
    end)
    check.equal("an error", { coroutine.resume(co) }, { false, "oops" })
    check.equal("makes it dead", coroutine.status(co), "dead")
    local object = errors.new("object")
    co = coroutine.create(function()
        error(object)
    end)
    local _, err = coroutine.resume(co)
    check.ok("an error object stays itself", err == object)
end
do
    local seen
    local outer = coroutine.create(function()
        local me = coroutine.running()
        local inner = coroutine.wrap(function()
            seen = coroutine.status(me)
            return coroutine.resume(me)
        end)
        return inner()
    end)
    check.equal("the resumer cannot be resumed", { coroutine.resume(outer) },
        { true, false, "cannot resume non-suspended coroutine" })
    check.equal("it is normal", seen, "normal")
    local _, is_main = coroutine.running()
    check.equal("running in the main coroutine", is_main, true)
    check.equal("status of oneself", coroutine.status((coroutine.running())), "running")
end
do
    local numbers = coroutine.wrap(function()
        for n = 1, 4 do
            coroutine.yield(n)
        end
    end)
    local sum = 0
    for n in numbers do
        sum = sum + n
    end
    check.equal("wrap as an iterator", sum, 10)
    check.raises("a wrapped coroutine that is dead", "cannot resume dead coroutine", numbers)
    local failing = coroutine.wrap(function()
        error("text")
    end)
    check.ok("an error in a wrapped coroutine is raised", not pcall(failing))
end
do
    local closed
    local co = coroutine.create(function()
        local guard <close> = setmetatable({}, {
            __close = function()
                closed = true
            end,
        })
        coroutine.yield()
        return guard
    end)
    coroutine.resume(co)
    check.equal("close", { coroutine.close(co) }, { true })
    check.equal("runs pending close handlers", closed, true)
    check.equal("a closed coroutine is dead", coroutine.status(co), "dead")
    co = coroutine.create(function()
        local guard <close> = setmetatable({}, {
            __close = function()
                error("in close", 0)
            end,
        })
        coroutine.yield()
        return guard
    end)
    coroutine.resume(co)
    check.equal("an error in a close handler", { coroutine.close(co) }, { false, "in close" })
end
do
    -- A coroutine that closes itself ends; its resumer gets no results.
    local closed, after
    local co = coroutine.create(function()
        local guard <close> = setmetatable({}, {
            __close = function()
                closed = true
            end,
        })
        coroutine.close()
        after = guard
    end)
    check.equal("a coroutine closes itself", { coroutine.resume(co) }, { true })
    check.ok("its handlers run, nothing after", closed and after == nil)
    check.equal("it is dead", coroutine.status(co), "dead")
    local ok, err = pcall(coroutine.close)
    check.ok("the main coroutine cannot close itself", not ok and tostring(err):find("cannot close a spawned coroutine", 1, true))
end
check.equal("isyieldable", coroutine.isyieldable(), true)

-- Coroutines nest as deep as in Lua, and a descent without end is an error that can be caught.
do
    local function nest(depth)
        if depth == 0 then
            return 0
        end
        return 1 + coroutine.wrap(nest)(depth - 1)
    end
    check.equal("deep nesting of coroutines", nest(150), 150)
    local ok, err = pcall(nest, 1000)
    check.ok("too deep a nesting", not ok and tostring(err):find("C stack overflow", 1, true))
end

-- The end of the process function kills the others; an uncaught error in one fails the process.
do
    local pid = check.script([[
        coroutine.spawn(function()
            time.sleep("1h")
            print("FAIL: unreachable")
        end)
        return "done"
    ]])
    check.exits("the end of main ends the process", pid, "done")
    pid = check.script([[
        coroutine.spawn(function()
            coroutine.yield()
            error("in a coroutine")
        end)
        time.sleep("1h")
    ]])
    check.exit_fails("an error in a coroutine fails the process", pid,
        "Internal, retryable nil: script:3: in a coroutine")
    pid = check.script([[
        coroutine.spawn(function()
            error(errors.new{ message = "own", kind = errors.CONFLICT, retryable = true })
        end)
        time.sleep("1h")
    ]])
    check.exit_fails("with an error object too", pid, "Conflict, retryable: own")
end
