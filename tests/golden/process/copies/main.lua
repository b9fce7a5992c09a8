-- The first processes of a program are built step by step, later ones are copied. Nobody sees a difference.
local check = require("check")

local N = 12

-- What each of N processes of an entry returns.
local function results(entry, ...)
    local all = {}
    for n = 1, N do
        local pid = assert(process.spawn_monitored(entry, check.HOST, n, ...))
        local event = check.event()
        assert(event.from == pid)
        all[n] = assert(event.result).value
    end
    return all
end

local function all_equal(row, entry, expected, ...)
    local all = {}
    for n = 1, N do
        all[n] = expected
    end
    check.equal(row, results(entry, ...), all)
end

-- Code that is the same for all runs once for all copies; each has its own state from there on.
all_equal("upvalues and globals start afresh in each process", "app:counter", { 1, 1, 1, "fresh" })
all_equal("tables made by the top level are whole", "app:tables", "ok")
all_equal("all libraries are there", "app:libraries", "ok")
all_equal("garbage is collected, stacks and tables grow", "app:garbage", "ok")

-- Code that is not runs in each process.
local function n_different(values)
    local seen, n = {}, 0
    for _, value in ipairs(values) do
        n = n + (seen[value] and 0 or 1)
        seen[value] = true
    end
    return n
end
check.equal("a PID is asked for in each process", n_different(results("app:own_pid")), N)
local pairs_of = {}
for n = 1, N do
    pairs_of[n] = { n, n }
end
check.equal("arguments reach the top level", results("app:arguments"), pairs_of)

-- Random numbers differ, whether the function was looked up before or after the copy.
check.equal("random numbers differ", n_different(results("app:random_early")), N)
check.equal("also where the function is looked up late", n_different(results("app:random_late")), N)

-- Libraries run before the script, once a process.
all_equal("libraries are those of the process", "app:imports", { 1, "script sees library" })

-- The memory limit holds in a copy as well.
for _, kind in ipairs({ "small", "large" }) do
    for _ = 1, 4 do
        local pid = assert(process.spawn_monitored("app:" .. kind, check.HOST))
        check.exit_fails("the limit ends a " .. kind .. " one", pid,
            "LimitExceeded, retryable nil: memory limit of 1MB exceeded")
    end
end

-- An upgrade leads into a copy too.
all_equal("after an upgrade", "app:upgrading", { 1, 1, 1, "fresh" })

-- An error tells the same place.
local texts = {}
for n = 1, N do
    assert(process.spawn_monitored("app:failing", check.HOST))
    texts[n] = tostring(check.event().result.error)
end
check.equal("errors have their place", n_different(texts), 1)
print(texts[1])
