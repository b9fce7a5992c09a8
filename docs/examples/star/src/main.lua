-- Watches a star of linked processes fall when its hub fails. Not linked itself, it looks on.

local HOST = "app:processes"
local N_RAYS = 6

local function main()
    local built = process.listen("built")
    local hub = assert(process.spawn_monitored("star:hub", HOST, process.pid(), N_RAYS))

    -- The hub has linked all rays when it tells their PIDs.
    local names = { [hub] = "hub" }
    for n, ray in ipairs((built:receive())) do
        names[ray] = "ray " .. n
        assert(process.monitor(ray))
    end
    process.send(hub, "fail")

    local ends = {}
    for _ = 1, N_RAYS + 1 do
        local event = process.events():receive()
        table.insert(ends, names[event.from] .. ": " .. tostring(event.result))
    end
    table.sort(ends)
    print(table.concat(ends, "\n"))
end

return { main = main }
