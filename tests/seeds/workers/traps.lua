-- Tells its first argument, or the driver, once it traps.
local function main(parent)
    process.set_options({ trap_links = true })
    process.send(parent or "driver", "ready", process.pid())
    local event = process.events():receive()
    if event.kind == process.event.LINK_DOWN then
        process.send("driver", "down", event.from)
        return "parent down"
    end
end

return { main = main }
