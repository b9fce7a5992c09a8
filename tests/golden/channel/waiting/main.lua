-- channel.md §5.1: where waiting works. Every row waits in three ways: it sleeps, receives from a
-- channel, and lets the others run.
local check = require("check")

-- A wait that gives its argument back.
local function wait(value)
    time.sleep("1us")
    local ch = channel.new()
    coroutine.spawn(function()
        ch:send(value)
    end)
    local received = ch:receive()
    coroutine.spawn(function()
        time.sleep("1us")
        ch:send(received)
    end)
    return channel.select({ ch:case_receive() }).value
end

check.equal("in the top level of a script", wait(1), 1)
check.equal("in a function", (function()
    return (wait(1))
end)(), 1)
do
    local got
    local done = channel.new()
    coroutine.spawn(function()
        got = wait(2)
        done:close()
    end)
    done:receive()
    check.equal("in a spawned coroutine", got, 2)
end

check.equal("in pcall", { pcall(wait, 3) }, { true, 3 })
check.equal("in pcall, then an error", { pcall(function()
    wait()
    error("late", 0)
end) }, { false, "late" })
check.equal("in nested pcalls", { pcall(pcall, pcall, wait, 4) }, { true, true, true, 4 })
check.equal("in xpcall", { xpcall(wait, print, 5) }, { true, 5 })
check.equal("in xpcall, then an error", { xpcall(function()
    wait()
    error("late", 0)
end, function(err)
    return err .. " handled"
end) }, { false, "late handled" })

-- Metamethods that operators run.
local meta = {}
for _, name in ipairs({
    "add", "sub", "mul", "div", "mod", "pow", "unm", "idiv", "band", "bor", "bxor", "shl", "shr",
    "bnot", "concat", "len", "call",
}) do
    meta["__" .. name] = function()
        return wait(name)
    end
end
function meta.__eq()
    return wait(true)
end
function meta.__lt()
    return wait(true)
end
function meta.__le()
    return wait(true)
end
function meta.__index(_, key)
    return wait(key)
end
local stored
function meta.__newindex(_, key, value)
    stored = wait(key) .. wait(value)
end
local a, b = setmetatable({}, meta), setmetatable({}, meta)
local operators = {
    { "add", function() return a + 1 end },
    { "sub", function() return 1 - a end },
    { "mul", function() return a * b end },
    { "div", function() return a / 2 end },
    { "mod", function() return a % 2 end },
    { "pow", function() return a ^ 2 end },
    { "unm", function() return -a end },
    { "idiv", function() return a // 2 end },
    { "band", function() return a & 1 end },
    { "bor", function() return a | 1 end },
    { "bxor", function() return a ~ 1 end },
    { "shl", function() return a << 1 end },
    { "shr", function() return a >> 1 end },
    { "bnot", function() return ~a end },
    { "concat", function() return "x" .. a end },
    { "len", function() return #a end },
    { "call", function() return (a()) end },
}
for _, operator in ipairs(operators) do
    check.equal("in __" .. operator[1], operator[2](), operator[1])
end
check.equal("in a chain of __concat", "x" .. a .. "y", "xconcat")
check.equal("in __eq", a == b, true)
check.equal("in __eq, negated", a ~= b, false)
check.equal("in __lt", a < b, true)
check.equal("in __le", a >= b, true)
check.equal("in __index", a.field, "field")
check.equal("in __index with a computed key", a["k" .. 1], "k1")
a.key = "value"
check.equal("in __newindex", stored, "keyvalue")
check.equal("in __lt within a condition", (function()
    if a < b then
        return "yes"
    end
end)(), "yes")
check.equal("in __index of a global environment", (function()
    local _ENV = setmetatable({}, { __index = function(_, key) return wait(key) end })
    return some_global
end)(), "some_global")

-- Iterators.
local function count_to(n)
    return function(_, at)
        wait()
        if at < n then
            return at + 1
        end
    end, nil, 0
end
do
    local sum = 0
    for at in count_to(3) do
        sum = sum + wait(at)
    end
    check.equal("in an iterator, and in the body", sum, 6)
end
do
    local sum = 0
    local paired = setmetatable({}, {
        __pairs = function()
            wait()
            return count_to(3)
        end,
    })
    for at in pairs(paired) do
        sum = sum + at
    end
    check.equal("in __pairs", sum, 6)
end

-- Close handlers.
local function closing(note)
    return setmetatable({}, {
        __close = function(_, err)
            note(wait(err == nil and "normal" or err))
        end,
    })
end
do
    local log = {}
    local function note(text)
        log[#log + 1] = text
    end
    do
        local _ <close> = closing(note)
    end
    check.equal("in __close at the end of a block", log, { "normal" })
    log = {}
    local result = (function()
        local _ <close> = closing(note)
        return "result"
    end)()
    check.equal("in __close at a return", { result, log[1] }, { "result", "normal" })
    log = {}
    for _ = 1, 2 do
        local _ <close> = closing(note)
        if #log == 1 then
            break
        end
    end
    check.equal("in __close at a break", log, { "normal", "normal" })
    log = {}
    local _, err = pcall(function()
        local _ <close> = closing(note)
        error("failed", 0)
    end)
    check.equal("in __close at an error", { err, log[1] }, { "failed", "failed" })
    log = {}
    local function iterate()
        return function(_, at)
            return at < 2 and at + 1 or nil
        end, nil, 0, closing(note)
    end
    for _ in iterate() do
    end
    check.equal("in the closing value of a loop", log, { "normal" })
end

-- Callbacks of library functions.
do
    local list = { 5, 3, 8, 1, 9, 2, 7 }
    table.sort(list, function(x, y)
        return wait(x < y)
    end)
    check.equal("in a comparator of table.sort", list, { 1, 2, 3, 5, 7, 8, 9 })
    local ordered = { __lt = function(x, y) return wait(x.v < y.v) end }
    list = {}
    for at, v in ipairs({ 3, 1, 2 }) do
        list[at] = setmetatable({ v = v }, ordered)
    end
    table.sort(list)
    check.equal("in __lt under table.sort", list[1].v .. list[2].v .. list[3].v, "123")
    check.equal("an error after a wait in a comparator", { pcall(table.sort, { 2, 1 }, function()
        wait()
        error("unordered", 0)
    end) }, { false, "unordered" })
end
check.equal("in a callback of string.gsub", (string.gsub("a b c", "%w", function(c)
    return wait(c) .. "!"
end)), "a! b! c!")
check.equal("in __index under string.gsub", (("a b"):gsub("%w", setmetatable({}, {
    __index = function(_, key)
        return wait(key .. key)
    end,
}))), "aa bb")
check.equal("in a gsub within a gsub", (("ab cd"):gsub("%w+", function(word)
    return (word:gsub("%w", function(c)
        return wait(c:upper())
    end))
end)), "AB CD")

-- Coroutines: the wait is not a yield.
do
    local co = coroutine.create(function(x)
        local y = wait(x)
        local z = coroutine.yield(y + 1)
        return wait(z)
    end)
    check.equal("in a coroutine", { coroutine.resume(co, 1) }, { true, 2 })
    check.equal("in a coroutine that was resumed", { coroutine.resume(co, "z") }, { true, "z" })
    local values = coroutine.wrap(function()
        for n = 1, 3 do
            coroutine.yield(wait(n))
        end
    end)
    check.equal("in a wrapped coroutine", values() + values() + values(), 6)
    local nested = coroutine.wrap(function()
        return coroutine.wrap(function()
            return coroutine.wrap(function()
                return wait("deep")
            end)()
        end)()
    end)
    check.equal("in nested coroutines", nested(), "deep")
    check.equal("in pcall in a coroutine", { coroutine.wrap(function()
        return pcall(wait, "p")
    end)() }, { true, "p" })
end
do
    local status, resumed, err
    local co = coroutine.create(function()
        time.sleep("2ms")
        return "done"
    end)
    local looked = channel.new(1)
    coroutine.spawn(function()
        coroutine.yield()
        status = coroutine.status(co)
        resumed, err = coroutine.resume(co)
        looked:send(true)
    end)
    check.equal("the resumer does not see the wait", { coroutine.resume(co) }, { true, "done" })
    looked:receive()
    check.equal("meanwhile the coroutine is normal", status, "normal")
    check.equal("and cannot be resumed", { resumed, err }, { false, "cannot resume non-suspended coroutine" })
end
do
    -- Two coroutines of one process wait in coroutines of their own at the same time.
    local done = channel.new(2)
    for n = 1, 2 do
        coroutine.spawn(function()
            local sum = 0
            for v in coroutine.wrap(function()
                for at = 1, 5 do
                    time.sleep("10us")
                    coroutine.yield(wait(at * n))
                end
            end) do
                sum = sum + v
            end
            done:send(sum)
        end)
    end
    check.equal("in coroutines side by side", (done:receive()) + (done:receive()), 45)
end
do
    -- `load` gives a function like any other.
    check.equal("in loaded code", assert(load("local wait = ... return wait('loaded')"))(wait), "loaded")
    check.equal("in a tail call", (function()
        return wait("tail")
    end)(), "tail")
    check.equal("in select('#', …)", select("#", wait(1), wait(2)), 2)
end
do
    local pid = check.script("return 7")
    local events = process.events()
    events:receive()
    check.equal("exec waits in pcall in a coroutine", { coroutine.wrap(function()
        return pcall(process.exec, "golden:script", check.HOST, "time.sleep('1ms') return 'value'")
    end)() }, { true, "value" })
    check.ok("the child was a process", type(pid) == "string")
end
