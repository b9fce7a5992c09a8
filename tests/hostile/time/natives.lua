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
case["full collections"] = function()
    local kept = heap()
    while true do collectgarbage() end
    return kept
end
case["messages to itself"] = function()
    local kept, me, topic = heap(), process.pid(), process.listen("topic")
    while true do
        process.send(me, "topic", kept)
        topic:receive()
    end
end
case["json"] = function()
    local kept = heap()
    while true do json.decode(json.encode(kept)) end
end
case["spawned, with large arguments"] = function()
    local kept = heap()
    while true do process.exec("hostile:echo", "app:processes", kept) end
end

return function(name) return case[name]() end
