-- errors.md §2: the `errors` table.
local check = require("check")

check.ok("errors is a global and a module", require("errors") == errors)
check.raises("it is read-only", "cannot modify read-only table 'errors'", function()
    errors.new = nil
end)
for name, want in check.sorted({
    NOT_FOUND = "NotFound", ALREADY_EXISTS = "AlreadyExists", INVALID = "Invalid", PERMISSION_DENIED = "PermissionDenied",
    UNAVAILABLE = "Unavailable", INTERNAL = "Internal", CANCELED = "Canceled", CONFLICT = "Conflict", TIMEOUT = "Timeout",
    RATE_LIMITED = "RateLimited", LIMIT_EXCEEDED = "LimitExceeded", UNKNOWN = "",
}) do
    if errors[name] ~= want then
        check.equal(name, errors[name], want)
    end
end
check.ok("constants", true)

do
    local e = errors.new("text")
    check.equal("new(text)", { e:message(), e:kind(), e:retryable(), e:details() }, { "text", "" })
    check.equal("new of two strings takes the first", errors.new("message", "Invalid"):message(), "message")
    check.equal("and no kind", errors.new("message", "Invalid"):kind(), "")
    check.equal("new of a number", errors.new(42):message(), "42")
    check.equal("new of the empty text", errors.new(""):message(), "")
    e = errors.new({ message = "m", kind = errors.TIMEOUT, retryable = true, details = { a = { 1 } } })
    check.equal("new of fields", { e:message(), e:kind(), e:retryable(), e:details() }, { "m", "Timeout", true, { a = { 1 } } })
    e = errors.new({ message = "m", retryable = false })
    check.equal("optional fields", { e:kind(), e:retryable() }, { "", false })
    check.equal("any kind", errors.new({ message = "m", kind = "Own" }):kind(), "Own")
    check.equal("empty details read as nil", errors.new({ message = "m", details = {} }):details(), nil)
    check.equal("unknown fields are ignored", errors.new({ message = "m", other = 1 }):message(), "m")
end
for row, bad in check.sorted({
    ["no message"] = {}, ["a number as message"] = { message = 5 }, ["a number as kind"] = { message = "m", kind = 5 },
    ["a text as retryable"] = { message = "m", retryable = "yes" }, ["a text as details"] = { message = "m", details = "x" },
}) do
    check.ok("new raises: " .. row, not pcall(errors.new, bad))
end
check.raises("new of nothing", "bad argument #1 to 'new' (string or table expected, got no value)", errors.new)
check.raises("new of a boolean", "bad argument #1 to 'new' (string or table expected, got boolean)", errors.new, true)

do
    local e = errors.new({ message = "m", kind = errors.CONFLICT, retryable = true, details = { a = 1 } })
    local w = errors.wrap(e, "while testing")
    check.ok("wrap gives a new error", w ~= e)
    check.equal("with the same parts", { w:message(), w:kind(), w:retryable(), w:details() }, { "m", "Conflict", true, { a = 1 } })
    check.ok("the context shows in stack()", w:stack():find("while testing", 1, true))
    check.ok("and nowhere else", not tostring(w):find("while testing", 1, true) and not e:stack():find("while testing", 1, true))
    local ww = errors.wrap(w, "outermost")
    local first, second = ww:stack():find("outermost", 1, true), ww:stack():find("while testing", 1, true)
    check.ok("outermost first", first < second)
    check.equal("the stack starts with the message", ww:stack():sub(1, 11), "m\noutermost")
    local s = errors.wrap("text", "context")
    check.equal("wrap of a string", { s:message(), s:kind(), s:retryable(), s:details() }, { "text", "" })
    check.ok("its context", s:stack():find("context", 1, true))
    check.ok("wrap of a runtime error", errors.wrap(select(2, process.listen("")), "c"):stack():find("topic cannot be empty\nc", 1, true))
    check.raises("wrap of a table", "bad argument #1 to 'wrap' (error or string expected, got table)", errors.wrap, {}, "c")
    check.ok("wrap wants a context", not pcall(errors.wrap, e) and not pcall(errors.wrap, e, {}))
end
do
    local e = errors.new({ message = "m", kind = errors.CONFLICT })
    check.equal("is", errors.is(e, errors.CONFLICT), true)
    check.equal("is of another kind", errors.is(e, errors.INVALID), false)
    check.equal("is of no kind", errors.is(errors.new("m"), errors.UNKNOWN), true)
    for _, value in ipairs({ "text", 5, true, {}, print }) do
        check.equal("is of a " .. type(value), errors.is(value, errors.CONFLICT), false)
    end
    check.equal("is of nil", errors.is(nil, errors.CONFLICT), false)
end
do
    local function inner()
        return errors.new("m")
    end
    local function outer()
        local e = inner()
        return e
    end
    local stack = errors.call_stack(outer())
    check.equal("call_stack tells the thread", stack.thread, "main")
    local frame = stack.frames[1]
    local keys = {}
    for key in pairs(frame) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    check.equal("keys of a frame", table.concat(keys, " "), "level line name source type")
    local sources, lines = 0, 0
    for at, found in ipairs(stack.frames) do
        sources = sources + (found.source == "app:main" and 1 or 0)
        lines = lines + (math.type(found.line) == "integer" and found.line > 0 and 1 or 0)
        if found.level ~= at then
            print("level of frame " .. at .. " is " .. tostring(found.level))
        end
    end
    check.ok("frames tell source and line", sources >= 2 and lines >= 2, check.show(stack.frames))
    check.equal("call_stack of other values", { errors.call_stack("x"), errors.call_stack({}), errors.call_stack(nil) }, {})
    check.equal("call_stack without a stack", errors.call_stack(select(2, process.listen(""))), nil)
    local done = channel.new()
    coroutine.spawn(function()
        done:send(errors.call_stack(errors.new("m")).thread)
    end)
    check.equal("the thread of a spawned coroutine", (done:receive()), "spawned")
end
