-- Talks to two accounts: with answers, refusals, patience that ends, and an account that closes.

local HOST = "app:processes"

local function show(what, value, err)
    if err then
        print(what, "refused: " .. err:message(), err:kind(), err:details() and err:details().short_by)
    else
        print(what, value)
    end
end

local function main()
    local ann = assert(process.spawn("bank:account", HOST, 10000))
    local bob = assert(process.spawn("bank:account", HOST, 500))

    show("ann pays in", process.call(ann, "deposit", 2550))
    show("bob takes out", process.call(bob, "withdraw", 700))
    show("bob is puzzled", process.call(bob, "deposit", "much"))

    -- Many calls at once: each coroutine waits for its own answer.
    local done = channel.new()
    for _ = 1, 5 do
        coroutine.spawn(function()
            done:send(assert(process.call(ann, "withdraw", 1000)))
        end)
    end
    local lowest = math.huge
    for _ = 1, 5 do
        local text = done:receive()
        lowest = math.min(lowest, tonumber(text))
    end
    print("ann is left with", ("%.2f"):format(lowest))

    local _, err = process.call(bob, "sleep", nil, "20ms")
    print("bob does not answer", err, err:kind())
    _, err = process.call(ann, "close")
    print("ann has gone", (err:message():gsub(": {.*", "")), err:kind())
end

return { main = main }
