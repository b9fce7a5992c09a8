return function()
    return ("x"):rep(1 << 22)
end
