-- Leaves trap_links off.
local function main()
    local events = process.events()
    process.send("driver", "ready", process.pid())
    events:receive()
end

return { main = main }
