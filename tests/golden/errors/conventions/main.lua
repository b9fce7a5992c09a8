-- errors.md §1: how calls fail.
local check = require("check")

do
    local value, err = process.spawn("app:missing", check.HOST)
    check.equal("a failure gives nil first", value, nil)
    check.equal("err is an object", type(err), "userdata")
    check.equal("it works as text", "spawn failed: " .. err, "spawn failed: entry not found: app:missing")
    check.equal("tostring of it", tostring(err), "entry not found: app:missing")
    value, err = process.send(process.pid(), "topic")
    check.equal("a success gives no error", { value, err }, { true })
end
check.fails("a wrong value is returned", "Invalid: topic cannot be empty", process.listen(""))
check.raises("a wrong type raises", "bad argument #1 to 'listen' (string expected, got table)", process.listen, {})

do
    local object = errors.new({ message = "own", kind = errors.CONFLICT })
    local ok, caught = pcall(error, object)
    check.ok("a thrown object is caught unchanged", ok == false and rawequal(caught, object))
    ok, caught = pcall(function()
        error(object, 2)
    end)
    check.ok("whatever the level", ok == false and rawequal(caught, object))
    local line = debug.traceback("", 1):match(":(%d+):")
    _, caught = pcall(function() error("x") end)
    check.equal("error of a text gives a string with a position", caught, "app:main:" .. math.tointeger(line + 1) .. ": x")
    check.equal("it is a string", type(caught), "string")
    _, caught = pcall(error, "x", 0)
    check.equal("without a position at level 0", caught, "x")
    _, caught = pcall(error, "x", 1)
    check.equal("or where no Lua code called", caught, "x")
    _, caught = pcall(error)
    check.equal("error of nothing", caught, "<no error object>")
    local thrown = { code = 1 }
    _, caught = pcall(error, thrown)
    check.ok("a table is caught unchanged", rawequal(caught, thrown))
    _, caught = pcall(error, 42)
    check.equal("so is a number", caught, 42)
    _, caught = pcall(assert, false, object)
    check.ok("assert throws its second argument", rawequal(caught, object))
    _, caught = pcall(assert, nil, "text")
    check.equal("as it is", caught, "text")
    _, caught = pcall(assert, false)
    check.equal("assert without one", caught, "assertion failed!")
    check.equal("assert gives all its arguments", { assert(1, 2, 3) }, { 1, 2, 3 })
    local handled
    _, handled = xpcall(error, function(e)
        return { e }
    end, object)
    check.ok("a message handler gets the object", rawequal(handled[1], object))
    _, caught = pcall(function()
        local t = nil
        return t.field
    end)
    check.ok("a runtime error has Lua's text with position",
        caught:find("^app:main:%d+: attempt to index a nil value %(local 't'%)$"), caught)
end

-- Kills are never caught.
do
    local pid = check.script([[
        process.listen("x")
        local parent = ...
        while true do
            pcall(function()
                process.send(parent, "ready")
                xpcall(time.sleep, function() return "caught" end, "1h")
            end)
            process.send(parent, "survived")
        end
    ]], process.pid())
    check.receive(process.listen("ready"))
    process.terminate(pid)
    check.exit_fails("a kill is not caught", pid, "Internal, retryable nil: process terminated")
    check.equal("nothing ran after it",
        channel.select({ process.listen("survived"):case_receive(), default = true }).default, true)
    pid = check.script([[
        local parent = ...
        process.send(parent, "spins")
        while true do
            pcall(function() while true do end end)
        end
    ]], process.pid())
    check.receive(process.listen("spins"))
    process.terminate(pid)
    check.exit_fails("nor that of a loop", pid, "Internal, retryable nil: process terminated")
end
