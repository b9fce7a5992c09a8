-- The spawner builder (section 16).
local check = require("check")

local me = process.pid()
local SCRIPT = { "golden:script", check.HOST }

-- The options of the child.
local function spawned(builder, source, ...)
    return builder:spawn_monitored(SCRIPT[1], SCRIPT[2], source, ...)
end
local pid = spawned(process.with_options({ trap_links = true }), "return process.get_options()")
check.exits("with_options: start values", pid, { trap_links = true })
pid = spawned(process.with_options({}), "return process.get_options()")
check.exits("with_options: none", pid, { trap_links = false })
pid = spawned(process.with_name("named"), "return process.registry.lookup('named') == process.pid()")
check.exits("with_name: registered before the first step", pid, true)
pid = spawned(process.with_message("t", 1):with_message("u"):with_message("t", 2, 3), [[
    local got = {}
    for n = 1, 3 do
        local m = process.inbox():receive()
        got[n] = m:topic()
    end
    return got
]])
check.exits("with_message: in order", pid, { "t", "u", "t" })
pid = spawned(process.with_message("early", 1), "return process.listen('early'):receive()")
process.send(pid, "early", 2)
check.exits("with_message: before what is sent later", pid, 1)

-- Immutable.
local base = process.with_message("t", "base")
local one, two = base:with_message("t", "one"), base:with_message("t", "two")
local two_messages = [[
    local l = process.listen("t")
    return { (l:receive()), (l:receive()) }
]]
check.exits("a builder is immutable", spawned(one, two_messages), { "base", "one" })
check.exits("each method gives a new one", spawned(two, two_messages), { "base", "two" })
check.exits("it can be used again", spawned(one, two_messages), { "base", "one" })
check.ok("they differ", base ~= one and one ~= two)
local options = { trap_links = true }
local kept = process.with_options(options)
options.trap_links = false
check.exits("options are copied", spawned(kept, "return process.get_options().trap_links"), true)
local data = { n = 1 }
kept = process.with_message("m", data)
data.n = 2
check.exits("payloads too", spawned(kept, "return process.listen('m'):receive()"), { n = 1 })
pid = spawned(process.with_options({ trap_links = true }):with_name("all"):with_message("t", 5), [[
    return { process.get_options().trap_links, process.registry.lookup("all") == process.pid(),
        (process.listen("t"):receive()) }
]])
check.exits("all together", pid, { true, true, 5 })

-- The variants.
process.set_options({ trap_links = true })
pid = base:spawn(SCRIPT[1], SCRIPT[2], "error('spawn', 0)")
local fence = check.script("return 1")
check.exits("spawn", fence, 1)
pid = base:spawn_linked(SCRIPT[1], SCRIPT[2], "error('linked', 0)")
check.ended("spawn_linked", check.event(), process.event.LINK_DOWN, pid, nil, "Internal, retryable nil: linked")
pid = base:spawn_linked_monitored(SCRIPT[1], SCRIPT[2], "error('both', 0)")
check.exit_fails("spawn_linked_monitored: EXIT", pid, "Internal, retryable nil: both")
check.ended("spawn_linked_monitored: LINK_DOWN", check.event(), process.event.LINK_DOWN, pid, nil,
    "Internal, retryable nil: both")

-- A name that is held.
local holder = check.script("local l = process.listen('m') return { (l:receive()), (l:receive()) }")
assert(process.registry.register("held", holder))
local builder = process.with_name("held"):with_message("m", "first"):with_message("m", "second")
local got = builder:spawn_linked_monitored(SCRIPT[1], SCRIPT[2], "error('never runs')")
check.equal("held: the holder's PID", got, holder)
check.exits("held: it gets the messages", holder, { "first", "second" })
fence = check.script("return 2")
check.exits("held: neither monitor nor link is made", fence, 2)
local holder2 = assert(process.spawn(SCRIPT[1], SCRIPT[2], "process.inbox():receive() error('x', 0)"))
assert(process.registry.register("held", holder2))
process.with_name("held"):spawn_linked_monitored(SCRIPT[1], SCRIPT[2], "")
check.gives("held: monitor is still to be made", true, process.monitor(holder2))
process.send(holder2, "go")
check.exit_fails("held: one EXIT", holder2, "Internal, retryable nil: x")
fence = check.script("return 3")
check.exits("held: no LINK_DOWN", fence, 3)

-- One atomic decision.
local starters, singles = {}, {}
for n = 1, 20 do
    starters[n] = check.script([[
        return process.with_name("singleton"):spawn("golden:script", "app:processes", "process.inbox():receive()")
    ]])
end
for _ = 1, 20 do
    singles[check.event().result.value] = true
end
local single = next(singles)
check.ok("twenty starters get one singleton", single and next(singles, single) == nil)
check.gives("that is the holder", single, process.registry.lookup("singleton"))
process.terminate(single)

-- Errors.
local raises = {
    { "with_options", "unknown key", { { trap = 1 } }, "option trap is not supported" },
    { "with_options", "bad trap_links", { { trap_links = 1 } }, "trap_links must be a boolean" },
    { "with_message", "empty topic", { "" }, "topic cannot be empty" },
    { "with_message", "@ topic", { "@x" }, "cannot send to @ topics" },
    { "with_message", "payload", { "t", print }, "cannot send a function (argument 1)" },
    { "with_name", "empty", { "" }, "name cannot be empty" },
}
for _, case in ipairs(raises) do
    local call, what, args, want = table.unpack(case)
    check.raises(call .. ": " .. what, want, process[call], table.unpack(args))
    check.raises(call .. ", method: " .. what, want, base[call], base, table.unpack(args))
end
for _, name in ipairs({ "@x", "a\nb", "{a|b}", string.rep("n", 256) }) do
    local worked, err = pcall(process.with_name, name)
    local _, same = process.registry.register(name)
    check.ok("with_name: the text of register", not worked and tostring(err):find(same:message(), 1, true))
end
check.ok("with_options: not a table", not pcall(process.with_options) and not pcall(process.with_options, 5))
for _, option in ipairs({ { memory_limit = "lots" }, { memory_limit = 0 }, { memory_limit = -1 }, { memory_limit = true },
    { mailbox = 5 }, { mailbox = { max_messages = 0 } }, { mailbox = { max_messages = "many" } },
    { mailbox = { on_full = "explode" } }, { mailbox = { size = 5 } } }) do
    check.ok("with_options: " .. check.show(option), not pcall(process.with_options, option))
end
for _, variant in ipairs({ "spawn", "spawn_monitored", "spawn_linked", "spawn_linked_monitored" }) do
    local too_few = variant .. " requires at least id and host arguments"
    check.raises(variant .. ": no argument", too_few, base[variant], base)
    check.raises(variant .. ": one argument", too_few, base[variant], base, "golden:script")
    check.fails(variant .. ": no such entry", "NotFound: entry not found: app:none",
        base[variant](base, "app:none", check.HOST))
    check.fails(variant .. ": no such host", "NotFound: host not found: app:none",
        base[variant](base, "golden:script", "app:none"))
    check.fails(variant .. ": argument", "Invalid: cannot send a function (argument 1)",
        base[variant](base, "golden:script", check.HOST, print))
end
