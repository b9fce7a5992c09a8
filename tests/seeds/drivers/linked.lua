-- The program links to a target (and unlinks). Then one of them fails.
local function main(who)
    assert(process.registry.register("driver"))
    local target = assert(process.spawn_monitored("app.test.process:long_worker", "app:processes"))
    local program = assert(process.spawn_monitored("app:program", "app:processes", target))
    process.listen("done"):receive()
    local names = { [target] = "target", [program] = "program" }
    if who == "program" then
        process.send(program, "do", "fail")
    else
        process.terminate(target)
    end
    local events, lines = process.events(), {}
    local function note(event)
        lines[#lines + 1] = names[event.from] .. ": " .. tostring(event.error)
    end
    note(events:receive())
    -- Whether the other one lives is known when its own answer, or its EXIT, has come.
    local other = who == "program" and target or program
    process.cancel(other, { reason = "your turn" })
    process.send(other, "do", "return")
    local event = events:receive()
    lines[#lines + 1] = names[event.from] .. ": " .. tostring(event.error or event.result.value)
    print("EXITS", table.concat(lines, ", "))
end

return { main = main }
