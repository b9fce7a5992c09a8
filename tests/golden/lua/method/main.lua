-- app.md §3.2, process.md §4.2: what of a script is called.
local check = require("check")

local function gives(row, entry, want, ...)
    check.gives(row, want, process.exec(entry, check.HOST, ...))
end
gives("method names a function of the table", "app:other", "a b", "a", "b")
check.fails("one that is not there", 'NotFound: method "work" not found in module', process.exec("app:missing", check.HOST))
gives("a function is called whatever method says", "app:fn", "function x", "x")
gives("anything else is the result", "app:value", "value")
gives("nothing is nothing", "app:nothing", nil)
gives("the top level gets the arguments too", "app:args", "xx", "x")
gives("the field may come from a metatable", "app:lazy", "main")
gives("the top level may wait", "app:waiting", "waited")
check.fails("its results are those of the process", "Internal: failed", process.exec("app:results", check.HOST))
