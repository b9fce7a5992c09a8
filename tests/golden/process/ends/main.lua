-- How a process ends, and what is told of it (section 12.1).
local check = require("check")

local function value(row, want, source, ...)
    check.exits(row, check.script(source, ...), want)
end
local function fails(row, want, source, ...)
    check.exit_fails(row, check.script(source, ...), want)
end

value("return", nil, "return")
value("return nil", nil, "return nil")
value("end of the function", nil, "local x = 1")
value("return v", "v", "return 'v'")
value("return v, number", "v", "return 'v', 5")
value("return v, table", "v", "return 'v', { 'x' }")
value("return v, nil, text", "v", "return 'v', nil, 'text'")
value("return false", false, "return false")
fails("return nil, text", "Internal: msg", "return nil, 'msg'")
fails("return false, text", "Internal: msg", "return false, 'msg'")
fails("return v, text", "Internal: msg", "return 5, 'msg'")
fails("return v, error object", "NotFound: gone", "return 5, errors.new{ message = 'gone', kind = 'NotFound', retryable = false }")
fails("return nil, error of a call", "NotFound: entry not found: app:none",
    "return process.spawn('app:none', 'app:processes')")
fails("return nil, error with unspecified retryable", "Conflict, retryable nil: two",
    "return nil, errors.new{ message = 'two', kind = 'Conflict' }")
fails("an empty text is an error too", "Internal: ", "return 1, ''")
fails("error(text)", "Internal, retryable nil: script:1: boom", "error('boom')")
fails("error(text, 0)", "Internal, retryable nil: boom", "error('boom', 0)")
fails("in another line", "Internal, retryable nil: script:3: boom", "\n\nerror('boom')")
fails("runtime error", "Internal, retryable nil: script:1: attempt to index a nil value (local 'x')",
    "local x = nil return x.y")
local pid = check.script("local function f() return f() + 1 end return f()")
local event = check.event()
check.ok("stack overflow", event.from == pid and event.error:kind() == "Internal"
    and event.error:message():find("^script:1: stack overflow"), tostring(event.error))
fails("error(error object)", "Timeout, retryable: late",
    "error(errors.new{ message = 'late', kind = 'Timeout', retryable = true })")
pid = check.script("error({ code = 7, list = { 1 } })")
event = check.event()
check.ok("error(table)", tostring(event.error):find("^table: ") and event.error:kind() == "Internal"
    and event.error:retryable() == nil)
check.equal("its details", event.error:details(), { code = 7, list = { 1 } })
fails("error(table with __tostring)", "Internal, retryable nil: own text",
    "error(setmetatable({}, { __tostring = function() return 'own text' end }))")
fails("error(nil)", "Internal, retryable nil: <no error object>", "error(nil)")
fails("error()", "Internal, retryable nil: <no error object>", "error()")
fails("error(number)", "Internal, retryable nil: 5", "error(5)")
fails("error(boolean)", "Internal, retryable nil: true", "error(true)")
fails("in a coroutine", "Internal, retryable nil: script:1: inner",
    "coroutine.spawn(function() error('inner') end) process.inbox():receive()")
fails("in a coroutine later", "Internal, retryable nil: script:1: later",
    "coroutine.spawn(function() coroutine.yield() error('later') end) process.inbox():receive()")
value("a coroutine's error that is caught", "caught",
    "coroutine.spawn(function() pcall(error, 'x') end) return 'caught'")
value("main returns while others run", "main",
    "coroutine.spawn(function() process.inbox():receive() error('never') end) return 'main'")
fails("every coroutine waits", "Internal, retryable nil: all coroutines blocked with no pending operations",
    "channel.new():receive()")
fails("several of them", "Internal, retryable nil: all coroutines blocked with no pending operations",
    "coroutine.spawn(function() channel.new():send(1) end) channel.select({})")
fails("terminate", "Internal, retryable nil: process terminated", "process.terminate(process.pid())")
fails("cancel deadline", "Canceled, retryable nil: process terminated: cancel deadline of 1ms exceeded",
    "process.cancel(process.pid(), 1) process.inbox():receive()")
fails("an untrapped LINK_DOWN", "Internal, retryable nil: linked process failed",
    "process.spawn_linked('golden:script', 'app:processes', 'error()') process.inbox():receive()")
fails("failed upgrade", "Internal, retryable nil: upgrade: create failed: entry not found: app:none",
    "process.upgrade('app:none')")
value("CANCEL seen and obeyed", "obeyed",
    "process.cancel(process.pid(), '10s') process.events():receive() return 'obeyed'")
fails("CANCEL seen and answered by a failure", "Internal: refused",
    "process.cancel(process.pid()) process.events():receive() return nil, 'refused'")
value("large results are carried", string.rep("x", 1000000), "return string.rep('x', 1000000)")

-- Error messages are cut, large details and results are not carried.
check.script("error(string.rep('m', 100000), 0)")
check.equal("messages are cut at 64 KB", #check.event().error:message(), 65536)
check.script("return string.rep('x', 1100000)")
event = check.event()
check.equal("a result over 1 MB", { event.result.value, event.result.truncated, event.error }, { nil, true })
check.script("error(errors.new{ message = 'm', details = { x = string.rep('x', 1100000) } })")
event = check.event()
check.equal("details over 1 MB", { event.error:message(), event.error:details(), event.result.truncated },
    { "m", nil, true })
