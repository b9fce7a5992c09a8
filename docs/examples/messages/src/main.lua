-- Sells three things over a till, asks for the sum, and tries to talk to the till when it is gone.

local HOST = "app:processes"

local function main()
    local till = assert(process.spawn_monitored("messages:till", HOST))

    -- `true` means queued: the till may not even have run yet.
    assert(process.send(till, "sale", { item = "tea", cents = 250 }))
    assert(process.send(till, "sale", { item = "bread", cents = 420 }))
    assert(process.send(till, "weather", "sunny"))
    assert(process.send(till, "sale", { item = "jam", cents = 399 }))
    assert(process.send(till, "close"))

    -- The messages of one sender arrive in order, on all topics.
    local sum = process.listen("sum")
    local message = process.inbox():receive()
    print("the till did not expect:", message.payload)
    local text = sum:receive()
    print("sum:", text)

    -- The till is dead when its EXIT is here, and whoever sends to it is told.
    local event = process.events():receive()
    print("the till returned:", event.result.value)
    local sent, err = process.send(till, "sale", { item = "milk", cents = 99 })
    print("sent after its end:", sent, err:kind())
end

return { main = main }
