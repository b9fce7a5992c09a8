-- channel.md §4.3: the result table.
local check = require("check")

local function keys(result)
    local names = {}
    for key in pairs(result) do
        names[#names + 1] = key
    end
    table.sort(names)
    return table.concat(names, " ")
end

local ch = channel.new(1)
ch:send("v")
local got = channel.select({ ch:case_receive() })
check.ok("receive", got.channel == ch and got.value == "v" and got.ok == true)
check.equal("its keys", keys(got), "channel ok value")
check.equal("its default is nil", got.default, nil)

ch:send(nil)
got = channel.select({ ch:case_receive() })
check.ok("receive of nil", got.channel == ch and got.value == nil and got.ok == true)

local sent = { "table" }
got = channel.select({ ch:case_send(sent) })
check.ok("send", got.channel == ch and rawequal(got.value, sent) and got.ok == true)
check.equal("its keys", keys(got), "channel ok value")
ch:receive()

local waiting = channel.new()
coroutine.spawn(function()
    coroutine.yield()
    waiting:receive()
end)
got = channel.select({ waiting:case_send(sent) })
check.ok("a send that waited", got.channel == waiting and rawequal(got.value, sent) and got.ok == true)

ch:close()
got = channel.select({ ch:case_receive() })
check.ok("receive, closed", got.channel == ch and got.value == nil and got.ok == false)
check.equal("its keys", keys(got), "channel ok")

got = channel.select({ waiting:case_receive(), default = true })
check.equal("default", keys(got), "default ok")
check.equal("its values", { got.default, got.ok }, { true, true })

local closing = channel.new()
coroutine.spawn(function()
    closing:close()
end)
closing = channel.new()
coroutine.spawn(function()
    coroutine.yield()
    closing:close()
end)
check.fails("send, closed while the select waits", "Invalid: send on closed channel",
    channel.select({ closing:case_send(1) }))

closing = channel.new()
coroutine.spawn(function()
    coroutine.yield()
    closing:close()
end)
got = channel.select({ closing:case_receive() })
check.ok("receive, closed while the select waits", got.channel == closing and got.ok == false and got.value == nil)

check.ok("each select gives a fresh table", channel.select({}, true) ~= channel.select({}, true))
local topic = process.listen("topic")
process.send(process.pid(), "topic", 1)
check.ok("the channel of a listen is the very object", channel.select({ topic:case_receive() }).channel == topic)
