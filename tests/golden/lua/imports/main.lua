-- app.md §4.4: libraries run once in each process, before the script.
print("script runs")
local check = require("check")

check.equal("the first result", require("zeta").name, "zeta")
check.equal("true for nothing", require("nothing"), true)
check.equal("false stays false", require("no"), false)
check.equal("a function", require("fn")(1), 2)
check.equal("each alias is a global", { zeta.name, alpha.name, nothing, no, fn(2) }, { "zeta", "alpha", true, false, 3 })
check.ok("a library that two import is one", rawequal(alpha.shared, beta.shared))
check.equal("a library's alias is no global of the script", rawget(_G, "common"), nil)
check.equal("a top level may wait", require("waits").got, "waited")
alpha.shared.n = 41

local pid = process.spawn_monitored("app:main2", check.HOST)
check.exits("another process has its own", pid, 1)
check.equal("this one is untouched", alpha.shared.n, 41)
pid = process.spawn_monitored("app:bad", check.HOST)
check.exit_fails("a failing library fails the process", pid, "Internal, retryable nil: app:failing:3: library failed")
