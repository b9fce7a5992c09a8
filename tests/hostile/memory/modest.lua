-- Holds so many bytes, which is below its limit, and goes on in one way or another.
local go_on = {}

function go_on.sleepers() time.sleep("1h") end
function go_on.loops() while true do end end
function go_on.survivors()
    local guard <close> = setmetatable({}, { __close = go_on.survivors })
    while true do pcall(go_on.loops) end
end
go_on["in callbacks"] = function() string.gsub("x", "x", go_on.loops) end
go_on["growing for ever"] = function()
    while true do
        local held = {}
        pcall(function() while true do held[#held + 1] = { held } end end)
    end
end
go_on.mailboxes = go_on.sleepers
go_on.arguments = go_on.sleepers

function go_on.small()
    local pings = process.listen("ping", { message = true })
    while true do pings:receive():reply("pong") end
end

return function(how, bytes)
    local held = ("x"):rep(bytes)
    go_on[how]()
    return #held
end
