-- Runs the program, whose worker tells its argument, and looks whether that stays alive.
local function main()
    assert(process.registry.register("driver"))
    local argument = process.listen("argument", { message = true })
    local pid = assert(process.spawn_monitored("app:program", "app:processes"))
    local event = process.events():receive()
    print("EXIT", event.from == pid, event.result.value, event.error)
    local message = argument:receive()
    print("ARGUMENT", message.payload, process.monitor(message:from()))
end

return { main = main }
