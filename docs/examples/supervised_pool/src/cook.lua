-- Serves one dish. Falls when it is asked for salt.

local function main(dish)
    local orders = process.listen("order", { message = true })
    local n_served = 0
    while true do
        local order = orders:receive()
        if order:payload():data() == "salt" then error("no salt in the " .. dish) end
        n_served = n_served + 1
        order:reply(dish .. " number " .. n_served)
    end
end

return { main = main }
