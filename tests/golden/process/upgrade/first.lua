local function main(what, ...)
    leaked = true
    if what == "again" then
        local n = ...
        if n == 0 then
            return process.id() .. " " .. tostring(select("#", ...))
        end
        process.upgrade(nil, "again", n - 1)
    elseif what == "second" then
        process.set_options({ trap_links = true })
        process.registry.register("upgraded")
        process.listen("some topic")
        time.after("1h")
        coroutine.spawn(function() process.inbox():receive() error("the old program goes on") end)
        process.upgrade("app:second", ...)
    elseif what == "events" then
        process.set_options({ trap_links = true })
        local child = process.spawn_monitored("app:nap", "app:processes")
        process.send(..., "child", child)
        process.upgrade("app:waits_for_events")
    elseif what == "unread" then
        process.cancel(process.pid(), "10s")
        process.cancel(process.pid())
        process.upgrade("app:waits_for_events")
    elseif what == "caught" then
        pcall(process.upgrade, "app:second", ...)
        return "returned"
    elseif what == "argument" then
        return { process.upgrade("app:second", print) }
    else
        process.upgrade(...)
    end
    return "it returned"
end

return { main = main }
