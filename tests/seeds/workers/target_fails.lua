-- Fails when told to.
local function main()
    process.inbox():receive()
    error("target failed")
end

return { main = main }
