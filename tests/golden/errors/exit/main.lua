-- errors.md §5: what EXIT shows of a failure.
local check = require("check")

local function fails(row, source, want, details)
    local pid = check.script(source)
    local event = check.event()
    check.ended(row, event, process.event.EXIT, pid, nil, want)
    check.ok(row .. ": event.error is result.error", event.error == event.result.error)
    check.equal(row .. ": details", event.error:details(), details)
    return event.error
end

local boom = process.spawn_monitored("app:boom", check.HOST)
check.exit_fails("error in line 3", boom, "Internal, retryable nil: app:boom:3: boom")
fails("error of a text", "\n\n error('boom')", "Internal, retryable nil: script:3: boom")
fails("error at level 0", "error('boom', 0)", "Internal, retryable nil: boom")
fails("an error object", [[error(errors.new({ message = "m", kind = "Own", retryable = true, details = { a = 1 } }))]],
    "Own, retryable: m", { a = 1 })
fails("one without parts", "error(errors.new('m'))", ", retryable nil: m")
fails("a table with __tostring", "error(setmetatable({ code = 1 }, { __tostring = function(t) return 'code ' .. t.code end }))",
    "Internal, retryable nil: code 1", { code = 1 })
do
    local pid = check.script("error({ code = 1 })")
    local event = check.event()
    check.ok("a table", event.from == pid and event.error:message():find("^table: 0x"), event.error:message())
    check.equal("its kind", event.error:kind(), "Internal")
    check.equal("its copy", event.error:details(), { code = 1 })
    check.script("error(setmetatable({ code = 1 }, { __tostring = function() error('worse') end }))")
    event = check.event()
    check.ok("a table with a failing __tostring", event.error:message():find("^table: 0x"), event.error:message())
    check.equal("its copy too", event.error:details(), { code = 1 })
    check.script("error({ code = 1, run = print })")
    check.equal("what cannot cross is nil in the copy", check.event().error:details(), { code = 1 })
end
fails("error()", "error()", "Internal, retryable nil: <no error object>")
fails("error(nil)", "error(nil)", "Internal, retryable nil: <no error object>")
fails("error of a number", "error(42)", "Internal, retryable nil: 42")
fails("error of a boolean", "error(true)", "Internal, retryable nil: true")
fails("error of a userdata", "error(time.parse_duration('90s'))", "Internal, retryable nil: 1m30s")
fails("a runtime error", "local t\n return t.x", "Internal, retryable nil: script:2: attempt to index a nil value (local 't')")
fails("a call of nil", "undefined()", "Internal, retryable nil: script:1: attempt to call a nil value (global 'undefined')")
fails("return nil, text", "return nil, 'boom'", "Internal: boom")
fails("return false, text", "return false, 'boom'", "Internal: boom")
fails("return value, text", "return 5, 'boom'", "Internal: boom")
fails("return nil, the empty text", "return nil, ''", "Internal: ")
fails("return nil, an object", "return nil, errors.new({ message = 'm', kind = 'Own' })", "Own, retryable nil: m")
fails("an error in a coroutine", "coroutine.spawn(function() error('boom', 0) end) time.sleep('1h')", "Internal, retryable nil: boom")
fails("an error in a wrapped coroutine", "coroutine.wrap(function() error('boom', 0) end)()", "Internal, retryable nil: script:1: boom")
fails("assert", "assert(nil, 'boom')", "Internal, retryable nil: script:1: boom")
fails("assert of a failed call", "assert(process.listen(''))", "Invalid: topic cannot be empty")
fails("stack overflow", "local function f() return 1 + f() end f()",
    nil and "" or "Internal, retryable nil: script:1: stack overflow")
do
    local pid = process.spawn_monitored("app:broken", check.HOST)
    check.exit_fails("no function main", pid, 'NotFound: method "main" not found in module')
end

-- The message of a failure shows as text.
do
    check.script("error('boom', 0)")
    local event = check.event()
    check.equal("tostring of the error", tostring(event.error), "boom")
    check.equal("tostring of the result", tostring(event.result), "boom")
    check.ok("the stack has a traceback", event.error:stack():find("stack traceback:", 1, true))
    local long = ("x"):rep(70000)
    check.script("error(('x'):rep(70000), 0)")
    event = check.event()
    check.ok("a message is cut at 64 KB", #event.error:message() == 65536 and long:find(event.error:message(), 1, true))
    check.script("error('\\27[31mred\\0', 0)")
    check.equal("control characters are kept", check.event().error:message(), "\27[31mred\0")
end

-- What has no text of its own shows as `tostring` would show it in its process.
local texts = process.listen("text")
for _, value in ipairs({ "print", "coroutine.create(print)", "{}" }) do
    check.script("local v = " .. value .. " process.send('" .. process.pid() .. "', 'text', tostring(v)) error(v)")
    check.equal("thrown as it is: " .. value, check.event().error:message(), (texts:receive()))
end
for _, fault in ipairs({ "error('x')", "return nil" }) do
    check.script("error(setmetatable({}, { __tostring = function() " .. fault .. " end }))")
    check.ok("with a text that fails: " .. fault, check.event().error:message():find("^table: 0x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x$"))
end

-- A library's own name.
do
    local _, err = pcall(check.receive, 5)
    check.ok("a position in a library names the library", tostring(err):find("^golden:check:%d+: "), tostring(err))
end

-- A second result that is no error is none.
for source, value in check.sorted({ ["return 1, 2"] = 1, ["return 1, true"] = 1, ["return 'v', nil"] = "v", ["return 'v', {}"] = "v" }) do
    local pid = check.script(source)
    check.exits(source, pid, value)
end
