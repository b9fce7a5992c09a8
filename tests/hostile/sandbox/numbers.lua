-- H26, H29, H30, H52: numbers at the edges, for every function that takes one: an error or a value, at
-- once.
local EDGES <const> = { 2 ^ 53 + 1, math.mininteger, math.maxinteger, 0 / 0, math.huge, -math.huge, 1.5, -1, -0.0,
    1e308, 1e-320, 1 << 31, 1 << 32, -(1 << 31) - 1 }

local FUNCTIONS <const> = {
    function(n) channel.new(n) end,
    function(n) time.after(n) end,
    function(n) time.timer(n) end,
    function(n) time.ticker(n) end,
    function(n) time.unix(n, n) end,
    function(n) time.date(n, n, n, n, n, n, n, time.utc) end,
    function(n) time.parse_duration(n) end,
    function(n) time.now():add(n) end,
    function(n) time.unix(n, 0):format("2006") end,
    function(n) time.fixed_zone("x", n) end,
    function(n) os.date("%c", n) end,
    function(n) os.time({ year = n, month = n, day = n }) end,
    function(n) process.cancel("no one", n) end,
    function(n) process.send_after(n, process.pid(), "topic") end,
    function(n) process.with_options({ memory_limit = n }) end,
    function(n) process.with_options({ mailbox = { max_messages = n } }) end,
    function(n) coroutine.wrap(function() error("x", n) end)() end,
    function(n) error("x", n) end,
    function(n) debug.traceback("x", n) end,
    function(n) errors.new({ message = "x", kind = n, retryable = n }) end,
    function(n) errors.call_stack(n) end,
    function(n) payload.new(n):format() end,
    function(n) ("x"):sub(n, n) end,
    function(n) ("x"):byte(n, n) end,
    function(n) ("x"):find("x", n) end,
    function(n) ("x"):gmatch("x", n)() end,
    function(n) ("x"):gsub("x", "y", n) end,
    function(n) utf8.char(n) end,
    function(n) utf8.offset("x", n, n) end,
    function(n) string.char(n) end,
    function(n) string.format("%d %5.3f %c", n, n, n) end,
    function(n) string.pack("i4", n) end,
    function(n) string.unpack("i4", "xxxxxxxx", n) end,
    function(n) math.random(n) end,
    function(n) math.random(n, n) end,
    function(n) select(n, 1, 2, 3) end,
    function(n) rawset({}, n, 1) end,
    function(n) table.create(n < 1e6 and n or -1) end,
    function(n) collectgarbage("step", n) end,
}

return function()
    for idx, f in ipairs(FUNCTIONS) do
        for _, edge in ipairs(EDGES) do
            local ok, err = pcall(f, edge)
            assert(ok or err ~= nil, idx)
        end
        pcall(f)
        pcall(f, "x")
        pcall(f, {})
    end
    -- What is no integer that fits is no count.
    for _, bad in ipairs({ 1.5, 2 ^ 53 + 1, 0 / 0, math.huge, -math.huge, 1e308 }) do
        local made, ch = pcall(channel.new, bad)
        assert(not made or not ch, tostring(bad))
    end
    for _, bad in ipairs({ -1, 0 / 0, math.huge, -math.huge, 1e308 }) do
        local done, err = process.cancel(process.pid(), bad)
        assert(not done and err:kind() == errors.INVALID, tostring(bad))
    end
    return "fine"
end
