-- An account: one process, so its balance needs no lock.

local cents = require("cents")

local requests = {}

function requests.deposit(balance, amount)
    if math.type(amount) ~= "integer" then
        return nil, errors.new { message = "an amount is a whole number", kind = errors.INVALID }
    end
    return balance + amount
end

function requests.withdraw(balance, amount)
    if amount > balance then
        return nil, errors.new {
            message = "the balance is " .. cents.text(balance),
            kind = errors.CONFLICT,
            details = { short_by = amount - balance },
        }
    end
    return balance - amount
end

local function main(balance)
    local inbox = process.inbox()
    while true do
        local message = inbox:receive()
        local topic = message:topic()
        if topic == "close" then return end
        local request = requests[topic]
        if request then
            local after, err = request(balance, message:payload():data())
            balance = after or balance
            message:reply(after and cents.text(after), err)
        end
    end
end

return { main = main }
