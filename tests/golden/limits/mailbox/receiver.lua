-- Says `ready`, and blocks its mailbox until a CANCEL; then gives what it finds in it.
local parent = ...
local events = process.events()
process.send(parent, "ready")
events:receive()
local inbox, found = process.inbox(), {}
while true do
    local result = channel.select({ inbox:case_receive(), default = true })
    if result.default then
        return table.concat(found, " ")
    end
    found[#found + 1] = result.value:topic() .. tostring(result.value:payload())
end
