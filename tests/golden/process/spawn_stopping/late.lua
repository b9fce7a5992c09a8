local check = require("check")

return {
    main = function(parent)
        local events = process.events()
        process.send(parent, "ready")
        local event = events:receive()
        check.equal("CANCEL of a shutdown", { event.kind, event.from, event.reason },
            { "pid.cancel", "", "host stopping" })
        check.equal("has a deadline", math.type(event.deadline), "float")
        for _, name in ipairs({ "spawn", "spawn_monitored", "spawn_linked", "exec" }) do
            check.fails(name .. " while the runtime stops",
                "Unavailable, retryable: host is shutting down: app:processes",
                process[name]("app:late", check.HOST, print))
        end
        check.gives("sends go on", true, process.send(process.pid(), "self", 1))
        check.equal("receives go on", process.listen("self"):receive(), 1)
        time.sleep("1ms")
        print("ok timers go on")
    end,
}
