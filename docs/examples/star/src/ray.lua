-- Waits for whatever happens to it.

local function main()
    local event = process.events():receive()
    return "lives on after " .. event.kind
end

return { main = main }
