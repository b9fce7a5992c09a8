-- process.md §5, §18: messages and the memory of their receiver.
local check = require("check")

local function small()
    return assert(process.spawn_monitored("app:small", check.HOST))
end
local KB <const> = 1024
do
    local pid = small()
    local value, err = process.send(pid, "data", ("x"):rep(2 * KB * KB))
    check.ok("a message larger than the limit", value == nil and errors.is(err, errors.LIMIT_EXCEEDED)
        and err:message():find("^message too large: 2") and err:retryable() == false, check.show(err))
    print(err)
    check.equal("a smaller one is taken", process.send(pid, "data", ("x"):rep(100 * KB)), true)
    local sent, refused = 1, nil
    while true do
        local ok, e = process.send(pid, "data", ("x"):rep(100 * KB))
        if not ok then
            refused = e
            break
        end
        sent = sent + 1
    end
    check.ok("the sum is limited", sent >= 5 and sent <= 10, sent .. " messages")
    check.equal("as a full mailbox", check.error_text(refused), "RateLimited, retryable: mailbox full")
    check.equal("events and small messages are another matter", process.send(pid, "go"), true)
    local event = check.event()
    check.ok("what was queued is received, or does not fit", event.from == pid and (event.error
        and event.error:message() == "memory limit of 1MB exceeded" or event.result.value == sent), check.show(event.error))
end
do
    -- Without a limit a large message is no matter.
    local pid = check.script("local m = process.listen('data'):receive() return #m")
    check.equal("a large message to an unlimited process", process.send(pid, "data", ("x"):rep(8 * KB * KB)), true)
    check.exits("arrives whole", pid, 8 * KB * KB)
end
do
    -- Results of more than 1 MB are not carried.
    local pid = check.script("return ('x'):rep(2 << 20)")
    local event = check.event()
    check.ok("a large result is not carried", event.from == pid and event.result.value == nil and event.error == nil)
    check.equal("which is told", event.result.truncated, true)
    pid = check.script("error({ text = ('x'):rep(2 << 20) })")
    event = check.event()
    check.ok("nor are large details", event.from == pid and event.error:details() == nil and event.result.truncated == true)
    pid = check.script("return ('x'):rep(1000000)")
    event = check.event()
    check.ok("a smaller one is", event.from == pid and #event.result.value == 1000000 and event.result.truncated == nil)
end
