-- Messages of a builder are counted like any other, and never refused (sections 16 and 18).
local check = require("check")

local builder = process.with_options({ mailbox = { max_messages = 1 } })
for _, topic in ipairs({ "a", "b", "c" }) do
    builder = builder:with_message(topic)
end
local pid = builder:spawn_monitored("golden:script", check.HOST, [[
    local seen = ""
    process.listen("more")
    for _ = 1, 3 do seen = seen .. process.inbox():receive():topic() end
    process.send(..., "room")
    return seen .. process.listen("more"):receive()
]], process.pid())
check.equal("the child has received them", process.inbox():receive():topic(), "room")
check.gives("there is room", true, process.send(pid, "more", "d"))
check.exits("all came", pid, "abcd")
