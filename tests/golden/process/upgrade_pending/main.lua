-- What is on its way when a program is upgraded (section 17).
local check = require("check")

local server = [[
    local message = process.inbox():receive()
    time.sleep(message:payload():data())
    message:reply(process.pid())
]]
local pid = check.script([[
    local server, second = ...
    local slow = process.spawn("golden:script", "app:processes", server)
    coroutine.spawn(function() process.call(slow, "question", "20ms") end)
    process.upgrade(nil, second, server)
]], server, [[
    local other = process.spawn("golden:script", "app:processes", (...))
    return process.call(other, "question", "200ms") == other
]])
check.exits("an answer to the old program is none to the new one", pid, true)

pid = check.script([[
    coroutine.spawn(function() process.inbox():receive() end)
    coroutine.spawn(function() process.listen("b"):receive() end)
    coroutine.spawn(function() process.events():receive() end)
    for _, topic in ipairs({ "a", "b", "c" }) do
        process.send(process.pid(), topic)
    end
    process.cancel(process.pid())
    process.upgrade(nil, ...)
]], [[
    local seen = process.events():receive().kind
    local inbox = process.inbox()
    for _ = 1, 3 do seen = seen .. " " .. inbox:receive():topic() end
    return seen
]])
check.exits("what no fiber has received yet is kept", pid, "pid.cancel a b c")
