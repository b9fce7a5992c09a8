-- A tree of processes with ten children each. Its N leaves are numbered, and their sum comes back.
local be = {}

function be.node(parent, first, leaves)
  if leaves == 1 then
    process.send(parent, "sum", first)
    return
  end
  local sums, me, share, sum = process.listen("sum"), process.pid(), leaves // 10, 0
  for i = 0, 9 do
    process.spawn("app:tree", "app:processes", "node", me, first + i * share, share)
  end
  for _ = 1, 10 do sum = sum + sums:receive() end
  process.send(parent, "sum", sum)
end

function be.measure(leaves)
  leaves = tonumber(leaves)
  local sums, start = process.listen("sum"), os.clock()
  process.spawn("app:tree", "app:processes", "node", process.pid(), 0, leaves)
  assert(sums:receive() == leaves * (leaves - 1) // 2, "the sum is wrong")
  print("took", os.clock() - start)
end

return function(role, ...) return be[role](...) end
