-- Counts.

local function main()
    local adding = process.listen("add")
    local asking = process.listen("value", { message = true })
    local total = 0
    while true do
        local result = channel.select { adding:case_receive(), asking:case_receive() }
        if result.channel == adding then
            total = total + result.value
        else
            result.value:reply(total)
        end
    end
end

return { main = main }
