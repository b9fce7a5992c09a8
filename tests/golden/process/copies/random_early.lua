local random = math.random
return function()
    return random(1 << 60)
end
