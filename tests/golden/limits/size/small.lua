-- Counts what it receives once it is told to.
return {
    main = function()
        process.listen("go"):receive()
        local inbox, n = process.inbox(), 0
        while true do
            local result = channel.select({ inbox:case_receive(), default = true })
            if result.default then
                return n
            end
            assert(#result.value:payload():data() == 100 * 1024)
            n = n + 1
        end
    end,
}
