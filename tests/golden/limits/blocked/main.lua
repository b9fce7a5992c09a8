-- A call that nothing can interrupt is named in the log, once for each process.
local text = ("\0"):rep(4000000)
for _ = 1, 3 do string.format("%q", text) end
print("done")
