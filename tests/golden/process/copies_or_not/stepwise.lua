-- Another PID in every process, so each of them runs the library itself.
local _ = process.pid()
return require("work")
