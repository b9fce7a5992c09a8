-- Runs a program that registers a name made from a prefix and the time.
local function main(prefix)
    local before = os.time()
    local pid = assert(process.spawn_monitored("app:program", "app:processes"))
    local event = process.events():receive()
    print("EXIT", event.from == pid, event.result.value, event.error)
    local held = false
    for second = before, os.time() do
        local found, err = process.registry.lookup(prefix .. second)
        held = held or found ~= nil or err:kind() ~= "NotFound"
    end
    print("HELD", held)
end

return { main = main }
