-- How much fits into a process that may have 1 MB, and that it goes on when no more fits.
local before = {}
for n = 1, 100 do
    before[n] = { name = "from the top level " .. n }
end

local function fill()
    local kept = {}
    local _, err = pcall(function()
        while true do
            kept[#kept + 1] = ("x"):rep(1000) .. #kept
        end
    end)
    return #kept, tostring(err)
end

return function()
    local first, err = fill()
    collectgarbage()
    local second = fill()
    collectgarbage()
    for n = 1, 100 do
        assert(before[n].name == "from the top level " .. n)
    end
    before = nil
    collectgarbage()
    local third = fill()
    return { first = first, second = second, third = third, err = err }
end
