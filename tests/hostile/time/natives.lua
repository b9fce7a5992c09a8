-- H16, H55: what is one long piece of work of the runtime or of Lua, again and again.
local case = {}

-- Millions of bytes in small objects.
local function heap()
    local all = {}
    for n = 1, 50000 do all[n] = { n } end
    return all
end

case["load of the largest source"] = function()
    local source = ("local x = 1; "):rep((1 << 20) // 13)
    while true do load(source) end
end
case["load of one expression"] = function()
    local source = "return " .. ("1+"):rep(200000) .. "1"
    while true do load(source) end
end
-- Its argument stays alive.
case["full collections"] = function(_) while true do collectgarbage() end end
case["messages to itself"] = function(kept)
    local me, topic = process.pid(), process.listen("topic")
    while true do
        process.send(me, "topic", kept)
        topic:receive()
    end
end
case["json"] = function(kept)
    while true do json.decode(json.encode(kept)) end
end
case["spawned, with large arguments"] = function(kept)
    while true do process.exec("hostile:echo", "app:processes", kept) end
end

return function(name, watcher)
    local kept = heap()
    if watcher then process.send(watcher, "ready") end
    return case[name](kept)
end
