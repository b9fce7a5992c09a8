-- Sends a text and a table to two echo workers.
local function main()
    local reply, events = process.listen("reply"), process.events()
    for _, data in ipairs({ "a text", { n = 1, list = { "x", { deep = true } } } }) do
        local pid = assert(process.spawn_monitored("app:program", "app:processes"))
        assert(process.send(pid, "echo", data))
        local event = events:receive()
        local result = channel.select({ reply:case_receive(), default = true })
        local got = result.value
        print("EXIT", event.from == pid, event.result.value, event.error)
        if type(data) == "table" then
            print("REPLY", type(got), got.n, got.list[1], got.list[2].deep)
        else
            print("REPLY", type(got), got)
        end
    end
end

return { main = main }
