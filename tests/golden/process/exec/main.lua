-- exec: spawn, wait, first result (section 4.3).
local check = require("check")

local function exec(source, ...)
    return process.exec("golden:script", check.HOST, source, ...)
end

check.gives("a value", 42, exec("return 42"))
check.gives("first of two", "a", exec("return 'a', 1"))
check.gives("false", false, exec("return false"))
check.gives("nothing", nil, exec(""))
check.gives("a table", { x = { 1, 2 } }, exec("return { x = { 1, 2 } }"))
check.gives("arguments", { 1, "b" }, exec("return { ... }", 1, "b"))
check.equal("no further results", select("#", exec("return 1, 2, 3")), 1)
check.fails("a failure", "Internal, retryable nil: script:1: boom", exec("error('boom')"))
check.fails("a returned failure", "Internal: no luck", exec("return nil, 'no luck'"))
local value, err = exec([[
    error(errors.new{ message = "busy", kind = "Conflict", retryable = true, details = { n = 3 } })
]])
check.fails("an error object", "Conflict, retryable: busy", value, err)
check.equal("with its details", err:details(), { n = 3 })
check.fails("a killed child", "Internal, retryable nil: process terminated",
    exec("process.terminate(process.pid())"))
check.fails("could not start", "NotFound: entry not found: app:none",
    process.exec("app:none", check.HOST))

-- Only the calling coroutine waits.
local order = {}
coroutine.spawn(function()
    order[#order + 1] = exec([[ return process.listen("go"):receive() ]])
end)
order[#order + 1] = "main goes on"
check.equal("only the caller waits", order, { "main goes on" })

-- Several at one time.
local done = channel.new(20)
for n = 1, 20 do
    coroutine.spawn(function() done:send(exec("return ... * 2", n)) end)
end
local sum = 0
for _ = 1, 20 do
    sum = sum + check.receive(done)
end
check.equal("twenty side by side", sum, 420)

-- Inside pcall, metamethods and callbacks.
local object = setmetatable({}, { __index = function(_, key) return exec("return ...", key) end })
check.equal("in a metamethod", object.field, "field")
check.equal("in pcall", select(2, pcall(exec, "return 'in pcall'")), "in pcall")
local list = { 3, 1, 2 }
table.sort(list, function(a, b) return exec("local a, b = ... return a < b", a, b) end)
check.equal("in a comparator", list, { 1, 2, 3 })

-- The child goes on when the caller ends first.
local inner = [[
    local top = ...
    process.send(top, "child", process.pid())
    process.listen("finish"):receive()
    process.send(top, "finished")
]]
local caller = check.script([[
    local inner, top = ...
    process.exec("golden:script", "app:processes", inner, top)
]], inner, process.pid())
local child = check.receive(process.listen("child"))
process.terminate(caller)
check.exit_fails("the caller ends", caller, "Internal, retryable nil: process terminated")
check.gives("the child lives", true, process.send(child, "finish"))
check.receive(process.listen("finished"))
print("ok and ends by itself")
