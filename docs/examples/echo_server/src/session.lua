-- Serves one connection: sends back what it gets, until the client closes.

local function main()
    local conn = process.listen("net.conn"):receive()
    while true do
        local data = conn:read()
        if not data or not conn:write(data) then return end
    end
end

return { main = main }
