-- Amounts of money, kept as whole cents.

local cents = {}

function cents.text(amount)
    return ("%d.%02d"):format(amount // 100, amount % 100)
end

return cents
