-- The program spawns a linked child and tells the driver; then it does what it is told to.
local function main(what)
    assert(process.registry.register("driver"))
    local program = assert(process.spawn_monitored("app:program", "app:processes"))
    local child = process.listen("child"):receive()
    process.listen("ready"):receive()
    assert(process.monitor(child))
    process.send(program, "do", what)
    local events = process.events()
    local event = events:receive()
    print("PROGRAM", event.from == program, event.result.value, event.error)
    if what == "return" then
        print("CHILD LIVES", process.send(child, "hello"))
        return
    end
    event = events:receive()
    print("CHILD", event.from == child, event.result.value, event.error)
    local down = channel.select({ process.listen("down"):case_receive(), default = true })
    print("DOWN FROM", down.value and down.value == program)
end

return { main = main }
