-- Builds a chain of linked processes twice: one breaks in the middle, one has a firebreak there.

local N_NODES = 7
local MIDDLE = 4

local function run(firebreak)
    local ready = process.listen("ready")
    assert(process.spawn("chain:node", "app:processes", 1, N_NODES, firebreak, process.pid()))
    local number_of, pids = {}, {}
    for _ = 1, N_NODES do
        local node = ready:receive()
        number_of[node.pid], pids[node.number] = node.number, node.pid
        assert(process.monitor(node.pid))
    end

    assert(process.terminate(pids[MIDDLE]))
    local n_ends = firebreak and firebreak - 1 or N_NODES
    local ended = {}
    for _ = 1, n_ends do
        table.insert(ended, number_of[process.events():receive().from])
    end
    table.sort(ended)
    print("ended with node " .. MIDDLE .. ":", table.concat(ended, " "))

    for number, pid in ipairs(pids) do
        if process.send(pid, "ping") then print("still there:", number) end
    end
end

local function main()
    print("a plain chain")
    run(nil)
    print("a chain in which node 5 traps links")
    run(5)
end

return { main = main }
