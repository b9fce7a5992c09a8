-- errors.md §4: texts and metadata of errors of the runtime, and errors that cross.
local check = require("check")

local function shaped(row, err)
    local text = err:message()
    check.ok(row .. ": lower case, no full stop", text:find("^[a-z'@`]") and not text:find("%.$"), text)
    check.equal(row .. ": retryable", err:retryable(), false)
end
shaped("an unknown entry", select(2, process.spawn("app:missing", check.HOST)))
shaped("an unknown host", select(2, process.spawn("golden:script", "app:nohost")))
shaped("an unknown destination", select(2, process.send("nobody", "topic")))
shaped("a bad duration", select(2, time.sleep("x")))
shaped("a bad topic", select(2, process.listen("")))
shaped("an unknown name", select(2, process.registry.lookup("nobody")))

-- Crossing keeps all parts.
local full = [[
    local e = errors.new({ message = "m", kind = errors.CONFLICT, retryable = true, details = { a = { 1, "x" } } })
    error(errors.wrap(e, "the context"))
]]
local function kept(row, e)
    check.equal(row, { e:message(), e:kind(), e:retryable(), e:details() }, { "m", "Conflict", true, { a = { 1, "x" } } })
    check.ok(row .. ": stack", e:stack():find("^m\nthe context\nstack traceback:\n"), e:stack())
    check.ok(row .. ": place", e:stack():find("script:1", 1, true), e:stack())
end
local pid = check.script(full)
kept("EXIT", check.event().error)
kept("exec", select(2, process.exec("golden:script", check.HOST, full)))
process.set_options({ trap_links = true })
process.spawn_linked("golden:script", check.HOST, full)
kept("LINK_DOWN", check.event().error)
check.script(full:gsub("error%(", "return nil, ("))
kept("a returned error", check.event().error)
check.script([[
    local parent = ...
    local ok, e = pcall(load(]] .. string.format("%q", full) .. [[, "=script"))
    process.send(parent, "error", e)
    process.send(parent, "inside", { e })
]], process.pid())
kept("payload", (process.listen("error"):receive()))
kept("inside of a table", process.listen("inside"):receive()[1])
check.event()

-- What a call adds in front.
do
    local e = select(2, process.send(process.pid(), "topic", { jobs = { print } }))
    check.equal("the offending value is named", e:message(), "cannot send a function (argument 1.jobs[1])")
end
check.ok("the PID was one", type(pid) == "string")
