-- Message objects: fields and methods (section 6.4).
local check = require("check")

local me = process.pid()
local function message(topic, ...)
    process.send(me, topic, ...)
    return process.inbox():receive()
end

local m = message("greeting", "hello")
check.equal("topic, field", m.topic, "greeting")
check.equal("topic, method", m:topic(), "greeting")
check.equal("from, field", m.from, me)
check.equal("from, method", m:from(), me)
check.equal("payload, field", m.payload:data(), "hello")
check.equal("payload, method", m:payload():data(), "hello")
check.equal("tostring", tostring(m), "process.Message{topic=greeting}")
check.equal("type", type(m), "userdata")
print(m.topic, m.payload)
check.equal("the field is a string", { type(m.topic), m.topic:upper(), m.topic .. "!", m.topic == "greeting" },
    { "string", "GREETING", "greeting!", true })
check.equal("unknown fields", { m.nothing, m[1] }, {})
check.ok("read-only", not pcall(function() m.topic = "x" end) and m.topic == "greeting")
check.ok("no new field", not pcall(function() m.new = 1 end))

check.equal("several, field", { m = #message("t", 1, 2).payload }, { m = 2 })
local several = message("t", 1, { x = 2 })
check.equal("several, field: Payloads", several.payload[2]:data(), { x = 2 })
check.equal("several, method", several:payload()[1]:data(), 1)
check.equal("none, field: an empty Payload", message("t").payload:data(), nil)
check.equal("none, field: format", message("t").payload:get_format(), "lua/any")
check.equal("none, method", message("t"):payload(), nil)

local child = process.with_message("no sender", "x"):spawn_monitored("golden:script", check.HOST, [[
    local m = process.inbox():receive()
    return { m.from, m:from() == nil, m:topic(), m:payload():data() }
]])
check.exits("without a sender", child, { "", true, "no sender", "x" })
child = process.with_message("no sender"):spawn_monitored("golden:script", check.HOST, [[
    process.send(process.pid(), "", 1)
    local m = process.listen("no sender", { message = true }):receive()
    local own = process.inbox():receive()
    return { m:from() == nil, m:topic(), own:topic(), own:from() == process.pid() }
]])
check.exits("the empty topic is no missing sender", child, { true, "no sender", "", true })

check.raises("calling a string", "attempt to call a string value", function() return m.topic() end)
check.raises("with another argument", "attempt to call a string value", function() return m.topic(5) end)
check.raises("a string that is no field", "attempt to call a string value",
    function() return ("other")(m) end)
local nothing
check.ok("calling nil is Lua's error",
    select(2, pcall(function() nothing() end)):find("attempt to call a nil value", 1, true))
check.raises("calling a Payload", "attempt to call a Payload value", function() return m.payload() end)
check.raises("calling another's Payload", "attempt to call a Payload value",
    function() return payload.new(1)(m) end)
check.fails("reply to no call", "Invalid: not a call", m:reply(1))
