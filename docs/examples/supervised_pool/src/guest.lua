-- Orders from the cooks by name, and sees them fall and come back.

--- The PID behind a name, once there is one that is not `former`.
local function await(name, former)
    while true do
        local pid = process.registry.lookup(name)
        if pid and pid ~= former then return pid end
        time.sleep("1ms")
    end
end

local function order(name)
    await(name)
    print(assert(process.call(name, "order", "please")))
end

--- Makes a cook fall, and waits for its successor.
local function spoil(name)
    local pid = await(name)
    local _, err = process.call(name, "order", "salt")
    print(name .. ":", (err:message():gsub(": {.*}", "")))
    return await(name, pid)
end

local function main()
    order("cook.soup")
    order("cook.soup")

    local roast = await("cook.roast")
    spoil("cook.soup")
    order("cook.soup")                                  -- a new cook counts from one
    print("the roast cook is the same:", process.registry.lookup("cook.roast") == roast)

    spoil("cook.soup")
    spoil("cook.soup")                                  -- the third fall: the chef gives up
    order("cook.roast")
    print("the roast cook is the same:", process.registry.lookup("cook.roast") == roast)
end

return { main = main }
