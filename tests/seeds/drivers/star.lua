-- Monitors the children of the program before they begin, and prints how all of them end.
local function main()
    assert(process.registry.register("driver"))
    local program = assert(process.spawn_monitored("app:program", "app:processes"))
    local births, children = process.listen("born"), {}
    for n = 1, 10 do
        children[n] = births:receive()
        assert(process.monitor(children[n]))
    end
    for _, child in ipairs(children) do
        process.send(child, "begin")
    end
    local lines = {}
    for n = 1, 11 do
        local event = process.events():receive()
        if event.from == program then
            lines[n] = "program: " .. tostring(event.error)
        else
            lines[n] = "child: " .. tostring(event.error or event.result.value)
        end
    end
    table.sort(lines)
    print(table.concat(lines, "\n"))
    print("SEND", select(2, process.send(program, "linked")):kind())
end

return { main = main }
