-- The registry of names (section 15).
local check = require("check")

local registry, me = process.registry, process.pid()
local WAITS = "process.inbox():receive()"
local other = check.script(WAITS)

check.gives("register oneself", true, registry.register("one"))
check.gives("lookup", me, registry.lookup("one"))
check.gives("again", true, registry.register("one"))
check.gives("with the own PID", true, registry.register("one", me))
check.gives("with the scope", true, registry.register("one", me, process.registry.LOCAL))
check.gives("with nil", true, registry.register("one", nil, nil))
check.gives("several names for one process", true, registry.register("two"))
check.gives("another process", true, registry.register("other", other))
check.gives("lookup of it", other, registry.lookup("other"))
check.fails("held by another", "AlreadyExists: name already registered", registry.register("other"))
check.fails("held by oneself, for another", "AlreadyExists: name already registered",
    registry.register("one", other))
check.fails("lookup of an unknown name", "NotFound: name not registered", registry.lookup("none"))
check.fails("lookup of the empty name", "NotFound: name not registered", registry.lookup(""))
check.fails("lookup of a PID", "NotFound: name not registered", registry.lookup(me))

check.fails("the empty name", "Invalid: name cannot be empty", registry.register(""))
for _, name in ipairs({ string.rep("n", 256), "\255", "a\nb", "a\0b", "\127", "@name", "{a|b}", me }) do
    local value, err = registry.register(name)
    check.ok("bad name: " .. check.show(name):sub(1, 20), value == nil and err:kind() == "Invalid"
        and err:retryable() == false and err:message():find("^invalid name: .") ~= nil, tostring(err))
    print("", (tostring(err):gsub("%c", "?")))
end
check.gives("255 bytes", true, registry.register(string.rep("n", 255)))
check.gives("any other text", true, registry.register("ein Name mit ä und {"))
check.gives("a number is a text", true, registry.register(5))
check.gives("found by that text", me, registry.lookup("5"))

check.fails("pid is no string", "Invalid: pid must be a string", registry.register("x", 5))
check.fails("pid is a table", "Invalid: pid must be a string", registry.register("x", {}))
check.fails("pid is no PID", "Invalid: invalid pid: one", registry.register("x", "one"))
check.fails("pid is empty", "Invalid: invalid pid: ", registry.register("x", ""))
local dead = check.dead()
check.fails("pid is dead", "NotFound: process not found: " .. dead, registry.register("x", dead))
check.fails("pid was never given out", "NotFound: process not found: {app:processes|0xfffffff}",
    registry.register("x", "{app:processes|0xfffffff}"))
for _, scope in ipairs({ 1, -1, "0", "local", true, {}, 0.5 }) do
    check.fails("scope " .. type(scope) .. " " .. (type(scope) == "table" and "" or tostring(scope)),
        "Invalid: scope is not supported", registry.register("x", me, scope))
end
check.gives("scope 0.0", true, registry.register("x", me, 0.0))

check.equal("unregister", registry.unregister("two"), true)
check.equal("one boolean", select("#", registry.unregister("two")), 1)
check.equal("not registered", registry.unregister("two"), false)
check.fails("lookup after it", "NotFound: name not registered", registry.lookup("two"))
check.equal("another process's name", registry.unregister("other"), true)
check.fails("is free", "NotFound: name not registered", registry.lookup("other"))
check.gives("for anybody", true, registry.register("other"))
check.equal("and free again", registry.unregister("other"), true)

registry.register("other", other)
registry.register("other too", other)
check.gives("messages by name", true, process.send("other", "go"))
check.exits("the owner ends", other, nil)
check.fails("its names are free", "NotFound: name not registered", registry.lookup("other"))
check.fails("all of them", "NotFound: name not registered", registry.lookup("other too"))
check.gives("for others", true, registry.register("other too"))

-- Who sees the EXIT of a holder finds the name free, however many compete for it.
local contender = [[
    local name = ...
    local ok, err = process.registry.register(name)
    return ok or err:kind()
]]
local pids = {}
for n = 1, 50 do
    pids[n] = check.script(contender .. "", "contended")
end
local won = 0
for _ = 1, 50 do
    local event = check.event()
    won = won + (event.result.value == true and 1 or 0)
end
check.ok("at least one got it", won >= 1)
check.gives("free in the end", true, registry.register("contended"))
