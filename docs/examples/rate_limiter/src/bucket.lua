-- A token bucket: full at first, one token more with every tick, and nobody is served out of turn.

local function main(config)
    local requests = process.listen("acquire", { message = true })
    local events = process.events()
    local ticks = time.ticker(config.refill):response()
    local tokens = config.size
    local waiting, first, last = {}, 1, 0

    local function serve()
        while tokens > 0 and first <= last do
            tokens = tokens - 1
            waiting[first]:reply(true)
            waiting[first] = nil
            first = first + 1
        end
    end

    while true do
        local result = channel.select {
            events:case_receive(), requests:case_receive(), ticks:case_receive(),
        }
        if result.channel == requests then
            last = last + 1
            waiting[last] = result.value
        elseif result.channel == ticks then
            tokens = math.min(tokens + 1, config.size)
        elseif result.value.kind == process.event.CANCEL then
            return
        end
        serve()
    end
end

return { main = main }
