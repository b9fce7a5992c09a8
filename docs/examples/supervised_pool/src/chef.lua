-- Keeps three cooks at work: whoever falls is replaced, until too many have fallen in a row.

local HOST = "kitchen:processes"
local COOKS = { "soup", "roast", "cake" }
local FALLS_MAX = 3

local function main()
    assert(process.set_options({ trap_links = true }))
    local events = process.events()
    local dish_of, n_falls = {}, 0

    local function hire(dish)
        local pid = assert(process.with_name("cook." .. dish):spawn_linked("kitchen:cook", HOST, dish))
        dish_of[pid] = dish
    end

    for _, dish in ipairs(COOKS) do
        -- The cooks of a chef before us may still be on their way out.
        while process.registry.lookup("cook." .. dish) do time.sleep("1ms") end
        hire(dish)
    end
    while true do
        local event = events:receive()
        if event.kind == process.event.CANCEL then return end
        if event.kind == process.event.LINK_DOWN then
            n_falls = n_falls + 1
            -- To give up is to fail: the links take the other cooks along, and the runtime begins anew.
            if n_falls == FALLS_MAX then error("too many cooks fell") end
            local dish = dish_of[event.from]
            dish_of[event.from] = nil
            hire(dish)
        end
    end
end

return { main = main }
