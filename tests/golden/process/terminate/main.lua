-- terminate: wherever the target is (section 14).
local check = require("check")

local me = process.pid()
local started = process.listen("started")
local TERMINATED = "Internal, retryable nil: process terminated"

local function kill(row, body)
    local pid = check.script([[ process.send(..., "started") ]] .. body, me)
    check.receive(started)
    check.gives(row, true, process.terminate(pid))
    check.exit_fails(row .. ": EXIT", pid, TERMINATED)
    check.fails(row .. ": again", "NotFound: process not found: " .. pid, process.terminate(pid))
end
kill("waits", "process.inbox():receive()")
kill("endless loop", "while true do end")
kill("endless loop in a function", "local function f() end while true do f() end")
kill("endless recursion of tail calls", "local function f() return f() end f()")
kill("endless goto", "::again:: goto again")
kill("sleeps", "time.sleep('1h')")
kill("loop in pcall", "while true do pcall(function() while true do end end) end")
kill("loop in xpcall", "while true do xpcall(function() while true do end end, function() while true do end end) end")
kill("loop in error handlers", "xpcall(function() error('x') end, function() while true do end end)")
kill("loop in a coroutine", "coroutine.spawn(function() while true do end end)")
kill("loop in coroutine.wrap", "while true do coroutine.wrap(function() while true do end end)() end")
kill("loop of resumes", "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end")
kill("loop in a metamethod", "local t = setmetatable({}, { __index = function() while true do end end }) return t.x")
kill("loop in __tostring", "tostring(setmetatable({}, { __tostring = function() while true do end end }))")
kill("loop in an iterator", "for _ in function() while true do end end do end")
kill("loop in a comparator", "table.sort({ 1, 2, 3 }, function() while true do end end)")
kill("loop in gsub", "string.gsub('abc', '.', function() while true do end end)")
kill("loop in close", "local c <close> = setmetatable({}, { __close = function() while true do end end })")
kill("loop of yields", "while true do coroutine.yield() end")
kill("loop of sends", "while true do process.send(process.pid(), 'x') process.listen('x'):receive() end")
kill("loop of spawns", "while true do process.spawn('golden:script', 'app:processes', '') end")
kill("exec", "process.exec('golden:script', 'app:processes', 'time.sleep(\"30ms\")')")
kill("loop of channel operations", "local c = channel.new(1) while true do c:send(1) c:receive() end")
kill("waits with many coroutines", "for _ = 1, 100 do coroutine.spawn(function() channel.new():receive() end) end process.inbox():receive()")

local pid = check.script([[
    local parent = ...
    pcall(process.terminate, process.pid())
    process.send(parent, "returned")
]], me)
check.exit_fails("oneself", pid, TERMINATED)
check.equal("does not return",
    channel.select({ process.listen("returned"):case_receive(), default = true }).default, true)

process.set_options({ trap_links = true })
pid = process.spawn_linked("golden:script", check.HOST, "process.inbox():receive()")
process.terminate(pid)
check.ended("LINK_DOWN", check.event(), process.event.LINK_DOWN, pid, nil, TERMINATED)

-- Before it ever ran.
local all = true
for _ = 1, 100 do
    pid = check.script("return 'ran'")
    process.terminate(pid)
    local event = check.event()
    all = all and event.from == pid and (event.result.value == "ran" or tostring(event.error) == "process terminated")
end
check.ok("directly after its spawn", all)

pid = check.script("process.inbox():receive()")
assert(process.registry.register("victim", pid))
check.gives("by name", true, process.terminate("victim"))
check.exit_fails("by name: EXIT", pid, TERMINATED)
