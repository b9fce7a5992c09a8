-- channel.md §6: payloads.
local check = require("check")
local format = payload.format

check.ok("payload is a global and a module", require("payload") == payload)
check.raises("the table is read-only", "cannot modify read-only table 'payload'", function()
    payload.new = nil
end)
check.raises("its formats too", "cannot modify read-only table 'payload.format'", function()
    payload.format.LUA = nil
end)
check.equal("LUA", format.LUA, "lua/any")
check.equal("STRING", format.STRING, "text/plain")
check.equal("JSON", format.JSON, "json/plain")
check.equal("BYTES", format.BYTES, "application/octet-stream")
check.equal("ERROR", format.ERROR, "lua/error")

local function values()
    return { "text", 42, -1.5, true, false, { a = { 1, 2 } }, time.unix(1, 0), errors.new("e") }
end
for at, value in ipairs(values()) do
    local p = payload.new(value)
    check.equal("a payload is userdata (" .. at .. ")", type(p), "userdata")
    check.ok("its data is the value (" .. at .. ")", rawequal(p:data(), value))
    check.ok("unmarshal is the same (" .. at .. ")", rawequal(p:unmarshal(), value))
    check.equal("its format (" .. at .. ")", p:get_format(),
        type(value) == "userdata" and at == 8 and format.ERROR or format.LUA)
end
check.equal("a payload of nil", payload.new(nil):data(), nil)
check.equal("its format", payload.new(nil):get_format(), format.LUA)
check.equal("a payload of nothing", payload.new():data(), nil)
do
    local p = payload.new({ 1 })
    check.ok("the same table on each call", rawequal(p:data(), p:data()))
end
for _, bad in ipairs({ print, coroutine.create(print), channel.new(), time.timer("1h"), time.ticker("1h") }) do
    local worked, err = pcall(payload.new, bad)
    check.ok("payload.new of a " .. type(bad) .. " raises",
        not worked and tostring(err):find("cannot send a ", 1, true) and tostring(err):find("(argument 1)", 1, true),
        tostring(err))
end
check.raises("deep inside too", "cannot send a function (argument 1.jobs[3])", payload.new,
    { jobs = { 1, 2, print } })
check.raises("a method wants a payload", "bad argument #1 to 'data' (Payload expected, got number)", function()
    payload.new(1).data(5)
end)
check.ok("a payload cannot be changed", not pcall(function()
    payload.new(1).field = 1
end))
check.raises("a payload cannot be called", "attempt to call a Payload value", function()
    payload.new(1)()
end)

-- Texts.
check.equal("text of a string", tostring(payload.new("hello")), "hello")
check.equal("text of an integer", tostring(payload.new(42)), "42")
check.equal("text of a float", tostring(payload.new(1.0)), "1.0")
check.equal("text of nil", tostring(payload.new(nil)), "nil")
check.equal("text of a boolean", tostring(payload.new(false)), "false")
check.equal("text of an error", tostring(payload.new(errors.new("message"))), "message")
check.ok("text of a table", tostring(payload.new({})):find("^table: 0x%x+$"))
print(payload.new("printed"), payload.new(7), payload.new(nil))

-- transcode.
local function transcodes(row, value, to, data)
    local p = assert(payload.new(value):transcode(to))
    check.equal(row, { p:get_format(), p:data() }, { to, data })
    return p
end
transcodes("string to text", "s", format.STRING, "s")
transcodes("integer to text", 42, format.STRING, "42")
transcodes("float to text", 1.5, format.STRING, "1.5")
transcodes("true to text", true, format.STRING, "true")
transcodes("false to text", false, format.STRING, "false")
transcodes("string to bytes", "\0\255", format.BYTES, "\0\255")
transcodes("string to lua", "s", format.LUA, "s")
transcodes("table to lua", { 1 }, format.LUA, { 1 })
for _, value in ipairs({ "s", 1, -7, 1.5, true, false, math.maxinteger, math.mininteger }) do
    transcodes("json of " .. tostring(value), value, format.JSON, value)
end
check.equal("an integer stays an integer in json",
    math.type(payload.new(3):transcode(format.JSON):data()), "integer")
check.equal("a float stays a float in json", math.type(payload.new(3.0):transcode(format.JSON):data()), "float")
check.equal("json of nil", payload.new(nil):transcode(format.JSON):data(), nil)
transcodes("json of an array", { 1, "b", { true } }, format.JSON, { 1, "b", { true } })
transcodes("json of an object", { a = 1, b = { c = "d" } }, format.JSON, { a = 1, b = { c = "d" } })
transcodes("json of an empty table", {}, format.JSON, {})
check.equal("its text is an array", tostring(payload.new({}):transcode(format.JSON)), "[]")
check.equal("text of an array", tostring(payload.new({ 1, 2 }):transcode(format.JSON)), "[1,2]")
check.equal("text of an object", tostring(payload.new({ k = "v" }):transcode(format.JSON)), '{"k":"v"}')
do
    local p = payload.new({ 1 }):transcode(format.JSON)
    check.ok("the same table on each call of data", rawequal(p:data(), p:data()))
    check.equal("and back to lua", payload.new({ a = 1 }):transcode(format.JSON):transcode(format.LUA):data(), { a = 1 })
    check.equal("transcoded to its own format", p:transcode(format.JSON):get_format(), format.JSON)
end

local function refuses(row, value, to)
    local p, err = payload.new(value):transcode(to)
    check.ok(row .. " has no such form", p == nil and errors.is(err, errors.INTERNAL), check.show(err or p))
end
refuses("a table as text", {}, format.STRING)
refuses("nil as text", nil, format.STRING)
refuses("a number as bytes", 1, format.BYTES)
refuses("a table as bytes", {}, format.BYTES)
refuses("nil as bytes", nil, format.BYTES)
refuses("a string as an error", "s", format.ERROR)
refuses("infinity as json", math.huge, format.JSON)
refuses("NaN as json", 0 / 0, format.JSON)
refuses("a table with a gap as json", { 1, nil, 3 }, format.JSON)
refuses("a table of both kinds as json", { 1, a = 2 }, format.JSON)
refuses("a boolean key as json", { [true] = 1 }, format.JSON)
refuses("a time as json", { time.unix(0, 0) }, format.JSON)
do
    local cycle = {}
    cycle.self = cycle
    refuses("a cycle as json", cycle, format.JSON)
end
for _, unknown in ipairs({ "", "lua", "text/html" }) do
    refuses("unknown format '" .. unknown .. "':  anything", "s", unknown)
end
check.fails("the text of an unknown format", "Internal: unknown payload format `text/html`",
    payload.new(1):transcode("text/html"))
do
    local broken = payload.new("{"):transcode(format.STRING)
    check.equal("text stays text", broken:data(), "{")
end

-- On the way to another process.
do
    process.send(process.pid(), "topic", payload.new("direct"), { inside = payload.new({ 1 }) })
    local values_received = process.listen("topic"):receive()
    check.equal("a payload is unwrapped, inside of tables too", values_received, { "direct", { inside = { 1 } } })
    process.send(process.pid(), "json", payload.new({ 1 }):transcode(format.JSON))
    check.equal("json is sent as its data", (process.listen("json"):receive()), { 1 })
    process.send(process.pid(), "other", "hello")
    local message = process.inbox():receive()
    check.equal("a message has a payload", message:payload():get_format(), format.LUA)
    check.equal("with its data", message:payload():data(), "hello")
    process.send(process.pid(), "other", errors.new({ message = "sent", kind = errors.CONFLICT }))
    message = process.inbox():receive()
    check.equal("of an error", message.payload:get_format(), format.ERROR)
    check.equal("the error", check.error_text(message.payload:data()), "Conflict, retryable nil: sent")
    local original = { list = { 1 } }
    process.send(process.pid(), "other", original)
    original.list[1] = 2
    message = process.inbox():receive()
    check.equal("data belong to the receiver", message.payload:data(), { list = { 1 } })
    check.ok("and are one table", rawequal(message.payload:data(), message:payload():data()))
end
check.equal("a returned payload is unwrapped",
    process.exec("golden:script", check.HOST, "return payload.new('inner')"), "inner")
