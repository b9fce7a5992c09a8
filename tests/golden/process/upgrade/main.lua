-- upgrade: what is kept, what is dropped (section 17).
local check = require("check")

local me = process.pid()
local function first(...)
    return assert(process.spawn_monitored("app:first", check.HOST, ...))
end

check.exits("the same entry, again and again", first("again", 100), "app:first 1")

local pid = first("second", 1, "two", nil)
process.send(pid, "some topic", "kept")
check.exits("another entry, with PID, names and messages", pid, {
    id = "app:second", pid = pid, trap = false, name = true, global = true, inbox = "kept",
    args = { 1, "two" },
})
pid = first("caught", 5)
process.send(pid, "t", "m")
check.equal("inside pcall it does not return either", check.event().result.args, { 5 })

local child = process.listen("child")
pid = first("events", me)
local nap = check.receive(child)
process.send(nap, "end")
process.cancel(pid)
process.send(pid, "what", 2)
local kinds = check.event().result.value
table.sort(kinds)
check.equal("monitors are kept, and events", kinds, { "pid.cancel", "pid.exit" })
pid = first("unread")
process.send(pid, "what", 2)
check.exits("undelivered events are kept", pid, { "pid.cancel", "pid.cancel" })

process.set_options({ trap_links = true })
pid = process.spawn_linked("app:first", check.HOST, "events", me)
nap = check.receive(child)
process.terminate(pid)
check.ended("links are kept", check.event(), process.event.LINK_DOWN, pid, nil,
    "Internal, retryable nil: process terminated")

pid = first("events", me)
nap = check.receive(child)
process.cancel(pid, "10ms")
check.exit_fails("a deadline runs on", pid,
    "Canceled, retryable nil: process terminated: cancel deadline of 10ms exceeded")

local FAILED = "Internal, retryable nil: upgrade: create failed: "
check.exit_fails("unknown entry", first("to", "app:none"), FAILED .. "entry not found: app:none")
check.exit_fails("no id", first("to", "none"), FAILED .. "invalid entry id: none")
check.exit_fails("wrong kind", first("to", "app:library"),
    FAILED .. "entry is not a process: app:library (library.lua)")
pid = first("argument")
local event = check.event()
print(event.result.value and event.result.value[1], event.result.value and event.result.value[2], event.error)

-- A watcher learns of the end of the new program, once.
pid = first("to", "app:nap")
process.send(pid, "end")
check.exits("one EXIT", pid, nil)
