-- errors.md §5: what the log shows: control characters escaped, texts cut.
local pid = process.spawn_monitored("golden:script", "app:processes", [[error("\27[31mred\0\n\r\tend", 0)]])
process.events():receive()
process.spawn_monitored("golden:script", "app:processes", [[error(("x"):rep(20000), 0)]])
process.events():receive()
warn("a ", "warning\27", 1)
warn("@off")
warn("two\nlines")
return pid and 0
