-- Sleeps, and never looks at its events.

local function main()
    while true do time.sleep("1h") end
end

return { main = main }
