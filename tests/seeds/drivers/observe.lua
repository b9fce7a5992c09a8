-- Runs the program with the driver's arguments and prints how it ends, and whether the process that
-- told the driver of its start is dead then.
local function main(...)
    assert(process.registry.register("driver"))
    local started = process.listen("started")
    local pid = assert(process.spawn_monitored("app:program", "app:processes", ...))
    local event = process.events():receive()
    assert(event.kind == process.event.EXIT and event.from == pid)
    local value, err = event.result.value, event.error
    print("EXIT", value == pid and "own PID" or value, err and err:kind(), err and err:retryable(), err)
    local result = channel.select({ started:case_receive(), default = true })
    if result.value then
        local _, gone = process.monitor(result.value)
        print("STARTED", result.value, gone and gone:kind())
    end
end

return { main = main }
