-- Accepts connections and gives each of them to a process of its own.

local HOST = "echo:processes"

--- Tells the address to whoever asks.
local function answer(asked, address)
    while true do
        local message = asked:receive()
        message:reply(address)
    end
end

--- Closes the listener when the service is to stop, which ends the wait in `accept`.
local function close_on_cancel(listener)
    local events = process.events()
    while true do
        if events:receive().kind == process.event.CANCEL then
            listener:close()
        end
    end
end

local function main()
    local listener = assert(net.listen("127.0.0.1:0"))
    local asked = process.listen("address", { message = true })
    assert(process.registry.register("echo.acceptor"))
    coroutine.spawn(function() answer(asked, listener:addr()) end)
    coroutine.spawn(function() close_on_cancel(listener) end)

    while true do
        local conn, err = listener:accept()
        if conn then
            local session = process.spawn("echo:session", HOST)
            if not (session and conn:give(session)) then conn:close() end
        elseif err:kind() == errors.CANCELED then
            return
        else
            -- Out of file descriptors, perhaps: some will be free again.
            time.sleep("10ms")
        end
    end
end

return { main = main }
