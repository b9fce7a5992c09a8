-- A state that upgrades pass on as arguments, while that of the program starts afresh each time.
local n_calls = 0
local kept = { "top level" }

-- `rest` are the entries that follow.
return function(rest, log)
    n_calls = n_calls + 1
    kept[#kept + 1] = "call"
    log = log or {}
    log[#log + 1] = n_calls .. " " .. #kept .. " " .. tostring(leaked)
    leaked = "global"
    local topic = process.inbox():receive():topic()
    log[#log + 1] = topic
    local entry = table.remove(rest, 1)
    if entry then
        process.upgrade(entry, rest, log)
    end
    return log
end
