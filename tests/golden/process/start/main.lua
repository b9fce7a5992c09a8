-- What a script gives decides what runs (section 4.2).
local check = require("check")

local function run(id, ...)
    return assert(process.spawn_monitored("app:" .. id, check.HOST, ...))
end

check.exits("a table: its main with the arguments", run("table_main", 1, "x"), { 1, "x" })
check.exits("a table: the method of the entry", run("table_method"), "run")
check.exit_fails("a table without main", run("no_method"),
    'NotFound: method "main" not found in module')
check.exit_fails("a table without the method", run("no_named_method"),
    'NotFound: method "run" not found in module')
check.exit_fails("a method that is no function", run("method_no_function"),
    'NotFound: method "main" not found in module')
check.exit_fails("a function: called whatever method says, its second result an error",
    run("function_script", "argument"), "Internal: argument")
check.exits("a function: gets the arguments", run("function_args", 1, 2), { 1, 2 })
check.exits("a string: the program is over", run("string_script"), "text")
check.exits("a number: first result", run("number_script"), 7)
check.exit_fails("nil and a text: a failure", run("failing_script"), "Internal: failed by return")
check.exits("nothing", run("nothing_script"), nil)
check.exits("the top level gets the arguments", run("top_args", "a", "b"), "ab")
local pid = run("top_waits", "!")
process.send(pid, "start", "waited")
check.exits("the top level may wait", pid, "waited!")
check.exit_fails("the top level raises", run("top_raises"),
    "Internal, retryable nil: app:top_raises:1: top level")
check.exits("libraries run first, by alias", run("uses_library"), "first,second,second")
check.exit_fails("a library that fails", run("uses_broken"),
    "Internal, retryable nil: app:broken_library:1: in a library")
