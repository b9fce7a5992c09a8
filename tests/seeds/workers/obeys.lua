-- Never ends by itself; obeys a CANCEL.
local function main()
    local events = process.events()
    process.send("driver", "started", process.pid())
    while true do
        if events:receive().kind == process.event.CANCEL then
            return "cancelled"
        end
    end
end

return { main = main }
