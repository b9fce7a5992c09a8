-- Stages in a row, joined by channels: numbers, those that are prime, their squares, the sum.

--- The whole numbers from 2, until `stop` is closed.
local function numbers(stop)
    local out = channel.new()
    coroutine.spawn(function()
        local n = 2
        while true do
            local result = channel.select { stop:case_receive(), out:case_send(n) }
            if result.channel == stop then
                print("the source stopped at " .. n)
                out:close()
                return
            end
            n = n + 1
        end
    end)
    return out
end

--- A stage: what `work` makes of each value goes on; `nil` goes nowhere.
local function stage(input, work)
    local out = channel.new()
    coroutine.spawn(function()
        while true do
            local value, ok = input:receive()
            if not ok then break end
            local made = work(value)
            if made ~= nil then out:send(made) end
        end
        out:close()
    end)
    return out
end

--- All that comes out of several channels, as one channel.
local function merge(inputs)
    local out = channel.new()
    coroutine.spawn(function()
        local open = #inputs
        while open > 0 do
            local cases = {}
            for i, input in ipairs(inputs) do cases[i] = input:case_receive() end
            local result = channel.select(cases)
            if result.ok then
                out:send(result.value)
            else
                for i, input in ipairs(inputs) do
                    if input == result.channel then table.remove(inputs, i) break end
                end
                open = open - 1
            end
        end
        out:close()
    end)
    return out
end

local function if_prime(n)
    for d = 2, math.floor(math.sqrt(n)) do
        if n % d == 0 then return nil end
    end
    return n
end

local function main()
    local stop = channel.new()
    local source = numbers(stop)
    -- Three stages share the source: each number goes to whichever is free.
    local primes = merge { stage(source, if_prime), stage(source, if_prime), stage(source, if_prime) }
    local squares = stage(primes, function(p) return p * p end)

    local patience = time.after("10s")
    local sum, n = 0, 0
    while n < 100 do
        local result = channel.select { squares:case_receive(), patience:case_receive() }
        if result.channel == patience then return nil, "the stages are too slow" end
        sum, n = sum + result.value, n + 1
    end
    print("squares of " .. n .. " primes: " .. sum)

    -- From the front to the end, each stage finds its input closed and closes its output.
    stop:close()
    while select(2, squares:receive()) do end
    print("all stages have ended")
end

return { main = main }
