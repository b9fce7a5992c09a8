-- Sends to the program right after its spawn. A mailbox of one message tells what has been received:
-- when a message is accepted, the program has come back for the one before it.
local function main()
    local pid = assert(process.with_options({ mailbox = { max_messages = 1 } })
        :spawn_monitored("app:program", "app:processes"))
    local function send(topic, data)
        while not process.send(pid, topic, data) do
            time.sleep("1ms")
        end
    end
    send("specific_topic", "a")
    send("specific_topic", "b")
    send("greeting", "hello")
    send("specific_topic", "c")
    send("specific_topic", "d")
    send("specific_topic", "e")
    print("ALIVE", process.terminate(pid))
    local event = process.events():receive()
    print("EXIT", event.from == pid, event.error)
end

return { main = main }
