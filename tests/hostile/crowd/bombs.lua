-- H20: processes that spawn without end, on a host that holds two hundred.
local case = {}
local HOST <const> = "hostile:small"

case["by one"] = function()
    while true do
        local pid, err = process.spawn_linked("hostile:idle", HOST)
        assert(pid or err:kind() == errors.LIMIT_EXCEEDED, tostring(err))
    end
end
case["by all"] = function()
    -- The host may still be full of those who went before.
    while not process.spawn_linked("hostile.crowd:bomb", HOST) do time.sleep("1ms") end
    time.sleep("1h")
end
case["of those that end"] = function()
    while true do process.spawn("hostile:echo", HOST, "x") end
end
case["in a close"] = function()
    local _ <close> = setmetatable({}, { __close = case["by one"] })
end
case["error at the limit"] = function()
    local n, err = 0, nil
    repeat
        local pid
        pid, err = process.spawn_linked("hostile:idle", HOST)
        n = n + (pid and 1 or 0)
    until not pid
    assert(n <= 200 and err:kind() == errors.LIMIT_EXCEEDED and err:retryable())
    error("max processes reached: " .. err:message(), 0) -- takes them along
end

return function(name) return case[name]() end
