-- A node of the chain: linked to the node before it and to the one behind it.

local function main(number, last, firebreak, observer)
    if number == firebreak then process.set_options({ trap_links = true }) end
    if number < last then
        assert(process.spawn_linked("chain:node", "app:processes", number + 1, last, firebreak, observer))
    end
    process.send(observer, "ready", { number = number, pid = process.pid() })
    while true do process.events():receive() end
end

return { main = main }
