-- Tells the driver that it has started, if there is one, and raises.
local function main()
    process.send("driver", "started", process.pid())
    error("boom")
end

return { main = main }
