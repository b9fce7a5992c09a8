-- Sends back what it gets on a topic.
local to = ...
local topic = process.listen("topic")
while true do process.send(to, "topic", (topic:receive())) end
