-- While the runtime stops, nothing is spawned any more.
local check = require("check")

local ready = process.listen("ready")
assert(process.spawn("app:late", check.HOST, process.pid()))
check.receive(ready)
print("ok main ends")
