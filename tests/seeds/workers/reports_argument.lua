-- Tells the driver its first argument, then waits.
local function main(argument)
    process.send("driver", "argument", argument)
    process.inbox():receive()
end

return { main = main }
