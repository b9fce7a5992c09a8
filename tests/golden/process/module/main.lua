-- The module and how its functions read their arguments (specification of processes, section 2).
local check = require("check")

check.ok("process is a global and a module", require("process") == process)

local functions = "id pid spawn spawn_monitored spawn_linked spawn_linked_monitored exec send "
    .. "send_after call inbox events listen unlisten monitor unmonitor link unlink cancel terminate "
    .. "get_options set_options with_options with_name with_message upgrade"
local missing = {}
for name in functions:gmatch("%S+") do
    if type(process[name]) ~= "function" then
        missing[#missing + 1] = name
    end
end
check.equal("every function is there", missing, {})
for _, name in ipairs({ "register", "lookup", "unregister" }) do
    check.equal("process.registry." .. name, type(process.registry[name]), "function")
end
check.equal("process.registry.LOCAL", process.registry.LOCAL, 0)
check.equal("process.event.CANCEL", process.event.CANCEL, "pid.cancel")
check.equal("process.event.EXIT", process.event.EXIT, "pid.exit")
check.equal("process.event.LINK_DOWN", process.event.LINK_DOWN, "pid.link.down")

for _, case in ipairs({ { "process", process }, { "event", process.event }, { "registry", process.registry } }) do
    local name, object = case[1], case[2]
    local worked = pcall(function() object.x = 1 end)
    check.ok("assigning into " .. name .. " raises", not worked and object.x == nil)
end
check.ok("replacing a function raises", not pcall(function() process.send = print end))

local me = process.pid()
check.gives("a number stands for its text", true, process.send(me, 5, "payload"))
check.equal("the topic was that text", check.receive(process.listen("5")), "payload")
check.gives("an error stands for its message", true, process.send(me, errors.new("topic"), 1))
check.equal("the topic was that message", check.receive(process.listen("topic")), 1)
check.raises("a table is no string", "bad argument #2 to 'send' (string expected, got table)",
    process.send, me, {}, 1)
check.raises("a boolean is no string", "bad argument #1 to 'listen' (string expected, got boolean)",
    process.listen, true)
check.raises("nil is no destination of send", "bad argument #1 to 'send' (string expected, got nil)",
    process.send, nil, "t")
check.raises("a table is no entry id", "bad argument #1 to 'spawn' (string expected, got table)",
    process.spawn, {}, check.HOST)
check.raises("a boolean is no name", "bad argument #1 to 'lookup' (string expected, got boolean)",
    process.registry.lookup, false)

for _, name in ipairs({ "monitor", "unmonitor", "link", "unlink", "cancel", "terminate" }) do
    local want = "Invalid: " .. name .. " requires a destination argument"
    check.fails(name .. " without destination", want, process[name]())
    check.fails(name .. " with nil", want, process[name](nil))
    check.raises(name .. " with a table",
        "bad argument #1 to '" .. name .. "' (string expected, got table)", process[name], {})
end

-- Only exec and call wait: another coroutine that is runnable does not run meanwhile.
local switched = false
local target = check.script([[ process.inbox():receive() ]])
local begun = channel.new()
coroutine.spawn(function()
    begun:receive()
    switched = true
end)
coroutine.spawn(function() begun:send(true) end)
process.send(me, "x")
process.monitor(target)
process.link(target)
process.unlink(target)
process.get_options()
process.set_options({})
process.registry.lookup("nobody")
process.spawn("golden:script", check.HOST, "return")
process.listen("y")
check.ok("the other calls do not switch coroutines", not switched)
coroutine.yield()
check.ok("until the caller gives way", switched)
process.send(target, "go")
check.event()
