local function fail(t)
    return t.x.y
end
return function()
    local t = {}
    return (fail(t))
end
