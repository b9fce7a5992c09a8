-- H19, H27: who waits, or never stops talking, at the deadline.
local case = {}
local HOST <const> = "app:processes"

case["sleep"] = function() time.sleep("1h") end
case["deaf"] = function() while true do time.sleep("1ms") end end
case["receive"] = function() process.inbox():receive() end
case["select"] = function()
    channel.select({ process.inbox():case_receive(), time.after("1h"):case_receive() })
end
case["call"] = function()
    process.call(assert(process.spawn_linked("hostile:idle", HOST)), "topic", nil, "1h")
end
case["accept"] = function() assert(net.listen("127.0.0.1:0")):accept() end
case["read"] = function()
    local listener = assert(net.listen("127.0.0.1:0"))
    local connection = assert(net.connect(listener:addr()))
    connection:read()
end
case["to itself"] = function()
    local me, topic = process.pid(), process.listen("topic")
    while true do
        process.send(me, "topic", 1)
        topic:receive()
    end
end
case["a pair"] = function()
    local echo = assert(process.spawn_linked("hostile.crowd:echo", HOST, process.pid()))
    local topic = process.listen("topic")
    while true do
        process.send(echo, "topic", 1)
        topic:receive()
    end
end
case["many timers"] = function()
    while true do
        for _ = 1, 1000 do time.after("1us") end
        time.sleep("1us")
    end
end
case["a ticker that nobody reads"] = function()
    local ticker = time.ticker("1us")
    while true do local _ = ticker end
end
case["spawned coroutines"] = function()
    local function again()
        coroutine.spawn(again)
        time.sleep("1us")
    end
    again()
    time.sleep("1h")
end

return function(name) return case[name]() end
