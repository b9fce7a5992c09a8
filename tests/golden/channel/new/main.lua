-- channel.md §1, §2: what `channel.new` takes and gives.
local check = require("check")

check.ok("channel is a global and a module", require("channel") == channel)
check.raises("the table is read-only", "cannot modify read-only table 'channel'", function()
    channel.new = nil
end)

local function capacity(n)
    local ch = channel.new(n)
    local stored = 0
    while stored < 8 do
        local result = channel.select({ ch:case_send(stored), default = true })
        if result.default then
            break
        end
        stored = stored + 1
    end
    return stored
end

check.equal("no capacity is a hand-over", capacity(), 0)
check.equal("nil is a hand-over", capacity(nil), 0)
check.equal("a negative capacity is a hand-over", capacity(-1), 0)
check.equal("capacity 1", capacity(1), 1)
check.equal("capacity 3", capacity(3), 3)
check.equal("a float of integral value", capacity(2.0), 2)
check.equal("the smallest integer is a hand-over", capacity(math.mininteger), 0)
check.equal("the largest capacity costs nothing", type(channel.new(2 ^ 31 - 1)), "userdata")

for _, bad in ipairs({ 2 ^ 31, math.maxinteger, 1.5, 0 / 0, math.huge, "2", true, {} }) do
    local worked = pcall(channel.new, bad)
    check.ok("channel.new(" .. (type(bad) == "table" and "{}" or tostring(bad)) .. ") raises", not worked)
end

local a, b = channel.new(), channel.new()
check.equal("a channel is userdata", type(a), "userdata")
check.ok("channels are equal to themselves only", a == a and a ~= b)
check.ok("texts of channels differ", tostring(a) ~= tostring(b) and tostring(a) == tostring(a))
local by_channel = { [a] = "a", [b] = "b" }
check.equal("channels are keys", by_channel[a] .. by_channel[b], "ab")
check.ok("there is no length", not pcall(function()
    return #a
end))
check.ok("there is no iteration", not pcall(function()
    for _ in pairs(a) do
        return
    end
end))

-- A value passes by reference, of any type.
local ch = channel.new(10)
local values = { {}, print, a, coroutine.create(print), time.now(), errors.new("x"), "s", 1, 1.5, true }
for _, value in ipairs(values) do
    ch:send(value)
end
for at, value in ipairs(values) do
    local got, ok = ch:receive()
    check.ok("a " .. type(value) .. " passes (" .. at .. ")", rawequal(got, value) and ok)
end

-- Channels that the runtime makes can be received from only.
local timer, ticker = time.timer("1h"), time.ticker("1h")
local received_only = {
    inbox = process.inbox(),
    events = process.events(),
    listen = process.listen("topic"),
    after = time.after("1h"),
    timer = timer:response(),
    ticker = ticker:response(),
}
for name, made in check.sorted(received_only) do
    check.raises(name .. ": send", "channel is receive-only", made.send, made, 1)
    check.raises(name .. ": case_send", "channel is receive-only", made.case_send, made, 1)
    check.raises(name .. ": close", "channel is receive-only", made.close, made)
end
