-- Four clients want 20 permits, of a bucket that holds 5 and gets one more every 10 ms.

local HOST = "app:processes"
local CLIENTS, PERMITS_EACH = 4, 5

local function main()
    local began = os.clock()
    local bucket = assert(process.spawn("limiter:bucket", HOST, { size = 5, refill = "10ms" }))
    for _ = 1, CLIENTS do
        assert(process.spawn_monitored("limiter:client", HOST, bucket, PERMITS_EACH))
    end
    local n_permits = 0
    for _ = 1, CLIENTS do
        n_permits = n_permits + process.events():receive().result.value
    end
    print("permits:", n_permits)
    print("15 of them waited for a tick each:", os.clock() - began >= 15 * 0.010)

    -- A bucket that is empty says nothing, and the patience of its client ends.
    local dry = assert(process.spawn("limiter:bucket", HOST, { size = 1, refill = "1h" }))
    print("first:", (process.call(dry, "acquire")))
    print("second:", process.call(dry, "acquire", nil, "30ms"))
end

return { main = main }
