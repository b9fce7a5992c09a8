-- Computes for ever, and catches every error on the way.

local function main()
    while true do
        pcall(function() while true do end end)
    end
end

return { main = main }
