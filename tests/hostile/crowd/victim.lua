-- Does something until it is killed.
local what, argument = ...
local me, ever = process.pid(), channel.new()
local be = {}

if what == "init" then while true do end end

function be.loops() while true do end end
function be.sends() while true do process.send(me, "topic") process.inbox():receive() end end
function be.receives() process.inbox():receive() end
function be.selects()
    channel.select({ process.inbox():case_receive(), time.after("1h"):case_receive() })
end
function be.sleeps() time.sleep("1h") end
function be.fires() while true do time.sleep("1us") end end
function be.spawns() while true do process.spawn("hostile:echo", "app:processes", 1) end end
function be.ends() end
function be.kills()
    process.terminate(argument)
    process.terminate(argument)
end
function be.links()
    if argument then assert(process.link(argument)) end
    local other = process.listen("link"):receive()
    process.link(other)
    ever:receive()
end

return function() return be[what]() end
