-- Reports that it runs, waits to be told by an event, then lists what it has received.
local function main(parent, what)
    if what == "grow" then
        local all = {}
        while true do
            all[#all + 1] = string.rep("x", 1000) .. #all
        end
    elseif what == "catch" then
        local worked, err = pcall(function()
            local all = {}
            while true do
                all[#all + 1] = string.rep("x", 1000) .. #all
            end
        end)
        collectgarbage()
        return tostring(err):match("not enough memory")
    elseif what == "one string" then
        return #string.rep("x", 100000000)
    end
    process.send(parent, "ready")
    process.events():receive()
    local payloads, inbox = {}, process.inbox()
    while true do
        local result = channel.select({ inbox:case_receive(), default = true })
        if result.default then
            return payloads
        end
        local data = result.value:payload():data()
        payloads[#payloads + 1] = type(data) == "string" and #data or data
    end
end

return { main = main }
