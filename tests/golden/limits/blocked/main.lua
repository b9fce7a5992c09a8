-- A call that nothing can interrupt is named in the log, once for each process.
local text = ("\0"):rep(4000000)
local function quote() return (string.format("%q", text)) end
local function work()
    local quoted = quote()
    return #quoted
end
for _ = 1, 3 do work() end
print("done")
