-- Asks three processes to end: one listens, one does not, one cannot.

local HOST = "app:processes"

--- How a monitored process ended.
local function await(pid)
    local event = process.events():receive()
    assert(event.kind == process.event.EXIT and event.from == pid)
    if event.error then return "failed: " .. event.error .. " (" .. event.error:kind() .. ")" end
    return "returned: " .. tostring(event.result.value)
end

local function main()
    local polite = assert(process.spawn_monitored("cancel:polite", HOST))
    process.send(polite, "note", "milk")
    process.send(polite, "note", "bread")
    assert(process.cancel(polite, { reason = "closing time", deadline = "10s" }))
    print("polite", await(polite))

    local deaf = assert(process.spawn_monitored("cancel:deaf", HOST))
    assert(process.cancel(deaf, "50ms"))
    print("deaf", await(deaf))

    local busy = assert(process.spawn_monitored("cancel:busy", HOST))
    assert(process.cancel(busy, { deadline = "50ms", reason = "enough" }))
    print("busy", await(busy))

    print("once more", select(2, process.cancel(busy)):kind())
end

return { main = main }
