-- app.md §4.1, §1.2: load.
local check = require("check")

check.equal("load", load("return 1 + 1")(), 2)
check.equal("load with arguments", load("return ...")(1), 1)
check.equal("load with an environment", load("return x", "=c", "t", { x = "env" })(), "env")
check.equal("load of a reader", load((function()
    local pieces, at = { "return ", "4", "2" }, 0
    return function()
        at = at + 1
        return pieces[at]
    end
end)())(), 42)
check.equal("mode t", load("return 1", "=c", "t")(), 1)
check.equal("mode bt", load("return 1", "=c", "bt")(), 1)
do
    local f, err = load("return 1", "=c", "b")
    check.equal("mode b refuses text", { f, err }, { nil, "attempt to load a text chunk (mode is 'b')" })
    f, err = load("\27Lua", "=c")
    check.equal("compiled code is refused", { f, err }, { nil, "attempt to load a binary chunk (mode is 't')" })
    f, err = load("\27Lua", "=c", "b")
    check.ok("whatever the mode", f == nil and type(err) == "string", tostring(err))
    f, err = load(function() return "\27Lua" end)
    check.ok("from a reader too", f == nil and type(err) == "string", tostring(err))
    check.equal("string.dump is absent", string.dump, nil)
    f, err = load("return return", "=chunk")
    check.equal("a syntax error", { f, err }, { nil, "chunk:1: unexpected symbol near 'return'" })
    f, err = load("x =", "@file.lua")
    check.equal("a name like a file", err, "file.lua:1: unexpected symbol near <eof>")
    f, err = load("x =")
    check.equal("without a name", err, '[string "x ="]:1: unexpected symbol near <eof>')
    f, err = load(("x"):rep((1 << 20) + 1))
    check.equal("a source above 1 MB", { f, err }, { nil, "source is too large: at most 1 MB" })
    f = load("return #[[" .. ("x"):rep((1 << 20) - 100) .. "]]")
    check.equal("a source of nearly 1 MB", f(), (1 << 20) - 100)
    f, err = load(function() error("in the reader", 0) end)
    check.equal("an error in a reader", { f, err }, { nil, "in the reader" })
    f, err = load(function() return {} end)
    check.ok("a reader that gives no text", f == nil and err:find("reader function must return a string", 1, true), tostring(err))
    f, err = load("goto nowhere")
    check.ok("a goto to nowhere", f == nil and err:find("no visible label 'nowhere'", 1, true), tostring(err))
    f, err = load(("("):rep(100000))
    check.ok("deeply nested code", f == nil and type(err) == "string", tostring(err))
    local locals = {}
    for n = 1, 300 do
        locals[n] = "local v" .. n
    end
    f, err = load(table.concat(locals, "\n"))
    check.ok("too many locals", f == nil and err:find("too many local variables", 1, true), tostring(err))
end
check.equal("load of nothing raises", pcall(load), false)
check.equal("globals of loaded code are those of the process", (function()
    load("loaded_global = 5")()
    return loaded_global
end)(), 5)
