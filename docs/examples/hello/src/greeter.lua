-- Makes a greeting out of a name.

local function main(name)
    return "hello, " .. name
end

return { main = main }
