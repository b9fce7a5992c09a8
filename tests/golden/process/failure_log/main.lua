-- Every failure is logged once, with PID, entry id, kind and message; so is what a result loses.
local check = require("check")

for n, source in ipairs({
    "error('boom')",
    "error(errors.new{ message = 'own kind', kind = 'Conflict' })",
    "return nil, 'returned'",
    "error('control \\27[31m and\\nline', 0)",
    "return { print }",
    "return string.rep('x', 1100000)",
    "process.terminate(process.pid())",
    "return 'no failure'",
}) do
    check.script(source)
    check.event()
    print("ok " .. n)
end
local pid = check.script("process.inbox():receive()")
local all = { pid }
for n = 2, 4 do
    all[n] = check.script([[ process.link((...)) process.inbox():receive() ]], pid)
end
process.send(pid, "go")
check.exits("a normal end is not logged", pid, nil)
for n = 2, 4 do
    process.cancel(all[n], { deadline = 0, reason = "number " .. n })
    check.event()
end
