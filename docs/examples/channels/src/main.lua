-- Coroutines of one process, and the channels between them.

--- A channel without a buffer hands over: the sender waits for a receiver.
local function hand_over()
    local ch = channel.new()
    coroutine.spawn(function()
        print("sending")
        ch:send("a parcel")
        print("handed over")
    end)
    print("received " .. ch:receive())
    coroutine.yield()
end

--- A buffer lets the sender run ahead, but only so far.
local function buffer()
    local ch = channel.new(2)
    coroutine.spawn(function()
        for n = 1, 4 do
            ch:send(n)
            print("sent " .. n)
        end
        ch:close()
    end)
    while true do
        local n, ok = ch:receive()
        if not ok then break end
        print("got " .. n)
    end
    print("closed and empty")
end

--- Channels carry anything that Lua has, also functions and channels.
local function answers()
    local questions = channel.new()
    coroutine.spawn(function()
        while true do
            local question = questions:receive()
            question.answer:send(question.ask())
        end
    end)
    local answer = channel.new()
    questions:send({ ask = function() return 6 * 7 end, answer = answer })
    print("the answer is " .. answer:receive())
end

local function main()
    hand_over()
    buffer()
    answers()
end

return { main = main }
