-- Does to the workers of a pool what can happen to them. It finds them by asking every PID that may
-- have been given out: only workers answer to topic "work".
local function workers(n_wanted)
    local results = process.listen("result", { message = true })
    while true do
        -- Each worker of the host gives out slots of its own, 64 at a time; on a busy machine there
        -- are more workers by and by.
        for generation = 0, 7 do
            for n = 1, 511 do
                process.send(("{app:processes|0x%05x}"):format(generation << 24 | n), "work", "x")
            end
        end
        local late, found, answers = time.after("1s"), {}, {}
        repeat
            local result = channel.select({ results:case_receive(), late:case_receive() })
            if result.channel == results then
                local from = result.value:from()
                if not found[from] then
                    found[from] = true
                    answers[#answers + 1] = { pid = from, text = tostring(result.value.payload) }
                end
            end
        until #answers == n_wanted or result.channel == late
        if #answers == n_wanted then
            return answers
        end
    end
end

local function main()
    local first = workers(4)
    print("ANSWER", first[1].text, first[4].text)
    process.send(first[1].pid, "other topic", "ignored")
    process.terminate(first[1].pid)
    process.send(first[2].pid, "work", {})
    process.monitor(first[3].pid)
    process.cancel(first[3].pid)
    local event = process.events():receive()
    print("CANCELLED", event.from == first[3].pid, event.result.value, event.error)
    -- Whoever answers now has been started anew, or was never touched.
    while process.send(first[2].pid, "are you alive?") do
        time.sleep("10ms")
    end
    local second, untouched = workers(3), false
    for _, worker in ipairs(second) do
        untouched = untouched or worker.pid == first[4].pid
    end
    print("UNTOUCHED", untouched)

    process.monitor(first[4].pid)
    for n = 1, 511 do
        local pid = ("{app:processes|0x%05x}"):format(n)
        if pid ~= process.pid() and pid ~= first[4].pid then
            process.terminate(pid)
        end
    end
    event = process.events():receive()
    print("FALLS WITH THE POOL", event.from == first[4].pid, event.error)
    workers(4)
    print("A NEW POOL")
end

return { main = main }
