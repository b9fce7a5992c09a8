local kept = {}
for n = 1, 20 do
    kept[n] = { name = "kept " .. n }
end
local function deep(n)
    return n == 0 and 0 or 1 + deep(n - 1)
end
return function()
    for round = 1, 5 do
        for n = 1, 2000 do
            local _ = { round, n, tostring(n) .. "x" }
        end
        collectgarbage()
        assert(deep(5000) == 5000)
        for n = 1, 20 do
            assert(kept[n].name == "kept " .. n)
        end
        kept[round] = { name = "kept " .. round }
    end
    kept = nil
    collectgarbage()
    return "ok"
end
