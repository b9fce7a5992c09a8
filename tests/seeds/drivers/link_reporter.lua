-- Tells the program a target in its inbox, and makes that fail once they are linked.
local function main(dead)
    local target = assert(process.spawn("app:target", "app:processes"))
    if dead then
        process.terminate(target)
        while process.send(target, "are you alive?") do
            time.sleep("1ms")
        end
    end
    local program = assert(process.spawn_monitored("app:program", "app:processes"))
    process.send(program, "target", target)
    if not dead then
        local message = process.inbox():receive()
        print("LINKED", message.topic, message:payload():data() == program, message:from() == program)
        process.send(target, "now")
    end
    local event = process.events():receive()
    print("EXIT", event.from == program, event.result.value, event.error)
end

return { main = main }
