-- Keeps notes, and hands in what it has when it is asked to end.

local function main()
    local notes, events = process.listen("note"), process.events()
    local kept = {}
    while true do
        local result = channel.select { notes:case_receive(), events:case_receive() }
        if result.channel == notes then
            table.insert(kept, result.value)
        elseif result.value.kind == process.event.CANCEL then
            return table.concat(kept, ", ") .. " (" .. result.value.reason .. ")"
        end
    end
end

return { main = main }
