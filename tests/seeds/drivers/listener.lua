-- The program sends to a listener right after its spawn; then to one that is dead.
local function run(...)
    return assert(process.spawn_monitored("app:program", "app:processes", ...))
end

local function main()
    local names = {}
    local listener = assert(process.spawn_monitored("app:listener", "app:processes"))
    names[listener] = "listener"
    names[run(listener)] = "program"
    local lines = {}
    for n = 1, 2 do
        local event = process.events():receive()
        lines[n] = names[event.from] .. " " .. tostring(event.result.value) .. " " .. tostring(event.error)
    end
    table.sort(lines)
    print("EXIT", table.concat(lines, ", "))
    run(listener)
    print("EXIT", process.events():receive().error)
end

return { main = main }
