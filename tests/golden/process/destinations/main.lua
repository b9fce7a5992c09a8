-- What a destination may be, and the two errors of one that is not (section 2.1).
local check = require("check")

local dead = check.dead()
local live = check.script([[ process.inbox():receive() ]])
assert(process.registry.register("live", live))
local serial = tonumber(live:match("0x(%x+)"), 16)

local gone = {
    ["a dead process"] = dead,
    ["a number never given out"] = "{app:processes|0xfffffff}",
    ["another node"] = "{other@app:processes|0x00001}",
    ["another host"] = ("{app:elsewhere|0x%05x}"):format(serial),
    ["a malformed inside"] = "{nonsense|5}",
    ["an empty inside"] = "{|}",
}
-- A live process by a text that is not its PID.
local upper = ("{app:processes|0x%05X}"):format(serial + 0xabcde0)
gone["upper case"] = upper

local calls = {
    send = function(dest) return process.send(dest, "t") end,
    call = function(dest) return process.call(dest, "t", 1) end,
    send_after = function(dest) return process.send_after("1ms", dest, "t") end,
    monitor = process.monitor,
    link = process.link,
    cancel = process.cancel,
    terminate = process.terminate,
}
local names = { "send", "call", "send_after", "monitor", "link", "cancel", "terminate" }
local kinds = { "a dead process", "a number never given out", "another node", "another host",
    "a malformed inside", "an empty inside", "upper case" }
for _, name in ipairs(names) do
    for _, kind in ipairs(kinds) do
        check.fails(name .. ", " .. kind, "NotFound: process not found: " .. gone[kind],
            calls[name](gone[kind]))
    end
    check.fails(name .. ", no name", "NotFound: could not resolve 'nobody' as PID or registered name",
        calls[name]("nobody"))
    check.fails(name .. ", empty text", "NotFound: could not resolve '' as PID or registered name",
        calls[name](""))
    check.fails(name .. ", half a PID",
        "NotFound: could not resolve '{app:processes|0x00001' as PID or registered name",
        calls[name]("{app:processes|0x00001"))
    check.fails(name .. ", braces without a bar",
        "NotFound: could not resolve '{live}' as PID or registered name", calls[name]("{live}"))
end
for _, name in ipairs({ "unmonitor", "unlink" }) do
    check.gives(name .. " of a dead process", true, process[name](dead))
    check.fails(name .. ", no name",
        "NotFound: could not resolve 'nobody' as PID or registered name", process[name]("nobody"))
end

check.fails("a monitor that was made", "AlreadyExists: already monitoring " .. live,
    process.monitor("live"))
check.gives("sending to a name", true, process.send("live", "go"))
check.exits("reaches its process", live, nil)
