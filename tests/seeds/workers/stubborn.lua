-- Never ends, and never looks at its events.
local function main()
    process.send("driver", "started", process.pid())
    while true do
        time.sleep("1s")
    end
end

return { main = main }
