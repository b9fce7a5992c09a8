-- A process sleeps N times for 1 ms while HOGS others compute without end.
local be = {}

function be.hog() while true do end end

function be.measure(hogs, n)
  local computing, late = {}, {}
  for i = 1, tonumber(hogs) do
    computing[i] = process.spawn("app:beside_hogs", "app:processes", "hog")
  end
  time.sleep("100ms")
  for i = 1, tonumber(n) do
    local start = os.clock()
    time.sleep("1ms")
    late[i] = os.clock() - start - 0.001
  end
  for _, hog in ipairs(computing) do process.terminate(hog) end
  print("late", table.concat(late, " "))
end

return function(role, ...) return be[role](...) end
