-- Runs one case of a hostile program beside a neighbour, and gives how it ended: `<kind>: <message>`
-- of a failure, else the text of its value. One that is to be killed gets a deadline once the
-- neighbour has ticked beside it, and whoever looks from outside has seen enough.
local HOST <const> = "app:processes"
local N_TICKS <const> = 3

-- These say when they are at it.
local READY <const> = { ["hostile.time:natives"] = true, ["hostile.time:copies"] = true }

-- These may hold what they want.
local UNLIMITED <const> = { ["hostile.time:copies"] = true }

return function(entry, case, is_killed, memory_limit)
    local ticks, events = process.listen("tick"), process.events()
    local neighbour = assert(process.spawn_linked("hostile:neighbour", HOST, process.pid()))
    ticks:receive()
    local spawner = process.with_options({ memory_limit = not UNLIMITED[entry] and memory_limit or nil })
    local pid = assert(spawner:spawn_monitored(entry, HOST, case, process.pid()))
    if READY[entry] then
        process.listen("ready"):receive()
    end

    -- The neighbour ticks so often; the EXIT, if it comes before.
    local function ticks_on()
        for _ = 1, N_TICKS do
            local result = channel.select({ events:case_receive(), ticks:case_receive() })
            if result.channel == events then
                return result.value
            end
        end
    end
    local function exit_of_hostile()
        repeat
            local event = events:receive()
            if event.from == pid then
                return event
            end
        until false
    end

    local exit
    if is_killed then
        exit = ticks_on()
        if not exit then
            local enough = process.listen("enough")
            local seen = channel.select({ events:case_receive(), enough:case_receive() })
            exit = seen.channel == events and seen.value or nil
        end
        if not exit then
            assert(process.cancel(pid, "20ms"))
        end
    end
    exit = exit or exit_of_hostile()

    -- What ticked meanwhile does not count.
    repeat
        local result = channel.select({ ticks:case_receive(), default = true })
    until result.default
    assert(not ticks_on(), "the hostile process ends once")
    process.unlink(neighbour)
    process.terminate(neighbour)
    local failure = exit.result.error
    return failure and failure:kind() .. ": " .. failure:message() or tostring(exit.result.value)
end
