-- Adds up sales until it is closed.

local function main()
    local sales = process.listen("sale")
    local closing = process.listen("close", { message = true })
    local inbox = process.inbox()
    local cents, n_sales = 0, 0

    while true do
        -- All that was sent has arrived: the first ready case wins, so sales come before the closing.
        local result = channel.select { sales:case_receive(), inbox:case_receive(), closing:case_receive() }
        if result.channel == sales then
            cents = cents + result.value.cents
            n_sales = n_sales + 1
        elseif result.channel == inbox then
            local message = result.value
            process.send(message:from(), "unexpected", message:topic() .. " " .. tostring(message:payload()))
        else
            process.send(result.value:from(), "sum", ("%.2f"):format(cents / 100))
            return n_sales .. " sales"
        end
    end
end

return { main = main }
