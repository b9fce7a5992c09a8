-- A call that nothing can interrupt is named in the log, once for each process.
local list
for _ = 1, 500000 do
    list = { list }
end
for _ = 1, 3 do
    collectgarbage()
end
print("done")
