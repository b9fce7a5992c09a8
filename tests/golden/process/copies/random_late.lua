return function()
    return math.random(1 << 60)
end
