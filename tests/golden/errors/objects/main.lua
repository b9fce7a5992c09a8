-- errors.md §3: error objects.
local check = require("check")

local e = errors.new({ message = "disk full", kind = errors.UNAVAILABLE, retryable = true, details = { free = 0 } })
local other = errors.new("other")

check.equal("userdata", type(e), "userdata")
for _, name in ipairs({ "message", "kind", "retryable", "details", "stack" }) do
    check.equal("a method by dot: " .. name, type(e[name]), "function")
end
check.equal("an unknown field", e.code, nil)
check.raises("immutable", "cannot modify an error", function()
    e.message = "x"
end)
check.equal("message", e:message(), "disk full")
check.equal("tostring", tostring(e), "disk full")
check.equal("kind", e:kind(), "Unavailable")
check.equal("retryable", { e:retryable(), other:retryable() }, { true })
check.equal("details", e:details(), { free = 0 })
check.ok("stack", e:stack():find("^disk full\nstack traceback:\n"), e:stack())
check.ok("stack has the place", e:stack():find("app:main:4", 1, true), e:stack())
check.equal("dot call", e.message(e), "disk full")
check.raises("a method wants an error", "bad argument #1 to 'kind' (error expected, got string)", e.kind, "x")

check.equal("e .. x", e .. "!", "disk full!")
check.equal("x .. e", "error: " .. e, "error: disk full")
check.equal("e .. e", e .. other, "disk fullother")
check.equal("e .. number", e .. 1, "disk full1")
check.equal("number .. e", 1 .. e, "1disk full")
check.equal("a chain", "a" .. e .. "b" .. other .. "c", "adisk fullbotherc")
check.equal("a string", math.type(e .. "") or type(e .. ""), "string")
check.ok("e .. nil raises", not pcall(function()
    return e .. nil
end))
check.equal("e .. a table with __concat", e .. setmetatable({}, {
    __concat = function(a, b)
        return type(a) .. type(b)
    end,
}), "stringtable")

check.equal("string.find", { string.find(e, "full") }, { 6, 9 })
check.equal("string.match", string.match(e, "%w+"), "disk")
check.equal("string.gsub", (string.gsub(e, "disk", "drive")), "drive full")
check.equal("string.gsub with a function", (string.gsub(e, "%w+", string.upper)), "DISK FULL")
check.equal("string.sub", string.sub(e, 1, 4), "disk")
check.equal("string.len", string.len(e), 9)
check.equal("string.lower", string.lower(errors.new("ABC")), "abc")
check.equal("string.upper", string.upper(e), "DISK FULL")
check.equal("string.format of %s", string.format("%s", e), "disk full")
check.equal("string.format with an error as format", string.format(errors.new("<%s>"), "x"), "<x>")
do
    local words = {}
    for word in string.gmatch(e, "%w+") do
        words[#words + 1] = word
    end
    check.equal("string.gmatch", words, { "disk", "full" })
end
check.equal("a pattern may be one", { string.find("disk full", errors.new("full")) }, { 6, 9 })
check.equal("a replacement may be one", (string.gsub("x", "x", errors.new("y"))), "y")
check.equal("of a Moonlet module", process.send(process.pid(), errors.new("topic")), true)
check.equal("the topic is its message", process.inbox():receive().topic, "topic")
check.fails("as a duration text it is none", "Invalid: duration must be number or string", time.parse_duration(e))

check.ok("== is identity", e == e and e ~= errors.new("disk full"))
for name, run in check.sorted({
    ["#"] = function() return #e end,
    ["+"] = function() return e + 1 end,
    ["-"] = function() return -e end,
    ["<"] = function() return e < other end,
    ["<="] = function() return e <= other end,
    ["call"] = function() return e() end,
}) do
    check.ok("raises: " .. name, not pcall(run))
end
check.equal("as a table key", ({ [e] = 1 })[e], 1)
check.ok("getmetatable shows nothing to change", type(getmetatable(e)) ~= "table" or not pcall(function()
    getmetatable(e).__tostring = nil
end) or tostring(e) == "disk full")
