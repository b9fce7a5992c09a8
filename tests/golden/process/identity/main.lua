local check = require("check")

check.equal("pid() is the same on each call", process.pid(), process.pid())
check.ok("pid has the form of a PID", process.pid():match("^{app:processes|0x%x%x%x%x%x+}$"))
check.ok("the number is in lower case", process.pid() == process.pid():lower())
check.equal("id() is the entry", process.id(), "app:main")

local child = check.script([[ return process.pid() .. " " .. process.id() ]])
check.exits("a child knows the PID that spawn gave", child, child .. " golden:script")
check.ok("processes differ", child ~= process.pid())

local by_pid = { [process.pid()] = 1, [child] = 2 }
check.equal("PIDs are keys", by_pid[process.pid()], 1)

local seen, distinct = {}, true
for _ = 1, 200 do
    local pid = check.dead()
    distinct = distinct and not seen[pid]
    seen[pid] = true
end
check.ok("PIDs are never reused", distinct)
