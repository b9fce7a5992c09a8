-- Two messages, then a CANCEL, to a worker that serves its inbox.
local function main(deadline)
    assert(process.registry.register("driver"))
    local pid = assert(process.spawn_monitored("app:program", "app:processes"))
    process.send(pid, "first", 1)
    process.send(pid, "second", 2)
    process.cancel(pid, deadline)
    local event = process.events():receive()
    local did = {}
    for n = 1, 3 do
        local message = process.inbox():receive()
        did[n] = message.topic .. " " .. tostring(message.payload)
    end
    print("DID", table.concat(did, ", "))
    local more = channel.select({ process.inbox():case_receive(), default = true })
    print("MORE", not more.default)
    print("EXIT", event.from == pid, event.result.value, event.error)
end

return { main = main }
