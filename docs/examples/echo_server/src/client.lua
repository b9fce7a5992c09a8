-- Opens many connections, keeps all of them open at once, and checks what comes back on each.

local CONNECTIONS = 1000
local ROUNDS = 3

--- The acceptor starts beside us: it may not have its name yet.
local function server_address()
    while true do
        local address, err = process.call("echo.acceptor", "address")
        if address then return address end
        if not errors.is(err, errors.NOT_FOUND) then error(err) end
        time.sleep("1ms")
    end
end

--- One client: connects, waits until all others are connected too, and talks.
local function talk(id, address, connected, all_connected)
    local conn <close> = assert(net.connect(address))
    connected:send(true)
    all_connected:receive()
    for round = 1, ROUNDS do
        local sent = "client " .. id .. ", round " .. round
        assert(conn:write(sent .. "\n"))
        assert(conn:read_line() == sent)
    end
end

local function main()
    local address = server_address()
    local connected, all_connected, done = channel.new(), channel.new(), channel.new()
    for id = 1, CONNECTIONS do
        coroutine.spawn(function()
            talk(id, address, connected, all_connected)
            done:send(true)
        end)
    end
    for _ = 1, CONNECTIONS do connected:receive() end
    print(CONNECTIONS .. " connections are open")
    all_connected:close()
    for _ = 1, CONNECTIONS do done:receive() end
    print(CONNECTIONS * ROUNDS .. " echoes came back")
end

return { main = main }
