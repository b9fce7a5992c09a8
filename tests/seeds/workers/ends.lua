-- Ends by itself.
local function main()
    time.sleep("10ms")
    return "done"
end

return { main = main }
