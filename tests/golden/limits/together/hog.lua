-- Holds so many bytes, says so if somebody wants to know, and goes on as it is told to.
local go_on = {}

function go_on.wait() process.listen("end"):receive() end
function go_on.sleep() time.sleep("1h") end
function go_on.loop() while true do end end
function go_on.survive()
    local guard <close> = setmetatable({}, { __close = function() while true do end end })
    while true do pcall(function() while true do end end) end
end
function go_on.in_a_callback()
    string.gsub("x", "x", function() while true do end end)
end
function go_on.answer()
    local pings = process.listen("ping", { message = true })
    while true do pings:receive():reply("pong") end
end

return {
    main = function(bytes, how, owner)
        local held = ("x"):rep(bytes)
        if owner then process.send(owner, "ready") end
        go_on[how]()
        return #held
    end,
}
