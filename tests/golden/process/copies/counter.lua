local n, list = 0, {}
state = "fresh"
return function()
    n = n + 1
    list[#list + 1] = n
    count = (count or 0) + 1
    local seen = { n, #list, count, state }
    state = "used"
    return seen
end
