-- Errors of a spawn, in the order in which they are checked (section 4.1).
local check = require("check")

local HOST, NOTHING = "app:processes", function() end
local variants = { "spawn", "spawn_monitored", "spawn_linked", "spawn_linked_monitored", "exec" }
for _, name in ipairs(variants) do
    local spawn = process[name]
    local too_few = "Invalid: " .. name .. " requires at least id and host arguments"
    check.fails(name .. ", no argument", too_few, spawn())
    check.fails(name .. ", one argument", too_few, spawn("app:worker"))
    for _, id in ipairs({ "worker", "", ":", "app:", ":worker", "a b:c", "app:worker:x" }) do
        check.fails(name .. ", id `" .. id .. "`", "Invalid: invalid entry id: " .. id, spawn(id, HOST))
    end
    check.fails(name .. ", no such entry", "NotFound: entry not found: app:nowhere",
        spawn("app:nowhere", HOST))
    check.fails(name .. ", a host as entry",
        "Invalid: entry is not a process: app:small (process.host)", spawn("app:small", HOST))
    check.fails(name .. ", a library as entry",
        "Invalid: entry is not a process: app:library (library.lua)", spawn("app:library", HOST))
    check.fails(name .. ", a service as entry",
        "Invalid: entry is not a process: app:service (process.service)", spawn("app:service", HOST))
    check.fails(name .. ", no such host", "NotFound: host not found: app:nohost",
        spawn("app:worker", "app:nohost"))
    check.fails(name .. ", a host that is no id", "NotFound: host not found: nohost",
        spawn("app:worker", "nohost"))
    check.fails(name .. ", a process as host",
        "Invalid: entry is not a process host: app:worker (process.lua)",
        spawn("app:worker", "app:worker"))
    check.fails(name .. ", host not started", "Unavailable, retryable: host is not running: app:idle",
        spawn("app:worker", "app:idle"))
    check.fails(name .. ", argument", "Invalid: cannot send a function (argument 1)",
        spawn("app:worker", HOST, NOTHING))
    check.fails(name .. ", argument 2", "Invalid: cannot send a function (argument 2.jobs[3])",
        spawn("app:worker", HOST, 1, { jobs = { 1, 2, NOTHING } }))

    check.fails(name .. ", id before entry", "Invalid: invalid entry id: x", spawn("x", "app:nohost"))
    check.fails(name .. ", entry before host", "NotFound: entry not found: app:nowhere",
        spawn("app:nowhere", "app:nohost", NOTHING))
    check.fails(name .. ", host before argument", "NotFound: host not found: app:nohost",
        spawn("app:worker", "app:nohost", NOTHING))
end

local first = assert(process.spawn_monitored("app:waiter", "app:small"))
local second = assert(process.spawn_monitored("app:waiter", "app:small"))
for _, name in ipairs(variants) do
    check.fails(name .. ", max_processes before argument",
        "LimitExceeded, retryable: max processes limit exceeded: app:small",
        process[name]("app:waiter", "app:small", NOTHING))
end
check.ok("a PID names its host", first:match("^{app:small|"))
process.send(first, "end")
check.exits("after an end", first, nil)
local third, err = process.spawn_monitored("app:worker", "app:small")
check.ok("there is room for a successor", third, tostring(err))
check.exits("which runs", third, 1)
process.send(second, "end")
check.exits("no event followed the errors", second, nil)
