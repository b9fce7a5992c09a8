return function()
    local all = {}
    while true do
        all[#all + 1] = { tostring(#all) }
    end
end
