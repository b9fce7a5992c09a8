-- H23, H25: whoever is killed, by one or by two, in whatever it does: its watcher gets one EXIT.
local HOST <const> = "app:processes"
local DOES <const> = { "init", "loops", "sends", "receives", "selects", "sleeps", "fires", "spawns", "ends" }

local function kill_all()
    for round = 1, 10 do
        for _, what in ipairs(DOES) do
            local pid = assert(process.spawn_monitored("hostile.crowd:victim", HOST, what))
            if round % 2 == 0 then time.sleep("100us") end
            local killer = assert(process.spawn_monitored("hostile.crowd:victim", HOST, "kills", pid))
            process.terminate(pid)
            process.cancel(pid, 0)
            local first, second = process.events():receive(), process.events():receive()
            assert(first.from ~= second.from)
            local exit = first.from == pid and first or second
            assert(exit.from == pid and (first.from == killer or second.from == killer))
            local err = exit.error
            assert(what == "ends" or err:message():find("terminated"), what)
        end
    end
    local more = channel.select({ process.events():case_receive(), default = true })
    assert(more.default, "a second EXIT")
    return "fine"
end

return function() return kill_all() end
